"""The gate on trial: a kernel that became about 1 % slower is found, and its layer named.

Firmware is built twice, once with a kernel that wastes a few instructions, and both run on the
target. Nothing is made up: the comparison reads the runs from the disk.
"""

from pathlib import Path
from textwrap import dedent

import attrs
import pytest

from altered_firmware import GENERATED_KERNELS, SlowerKernel
from full_runs import FULL_RUN
from qrig.cli import main
from qrig.reports.compare_result import (
    EXIT_CODES,
    INFERENCE,
    SAME,
    WORSE,
    CellComparison,
    LayerChange,
)
from qrig.runs.bench import bench, prepare
from qrig.runs.compare import compare_runs
from qrig.runs.networks import LoadedNetwork, load_network
from qrig.runs.profile_run import profile_run
from qrig.runs.targets import GENERATED, Target

TESTS = Path(__file__).parents[2] / "tests"

ROWS_OF_CONV1 = SlowerKernel(
    *(GENERATED_KERNELS, "network_rows_4x5_0", 1, ("conv1",)),
    function="network_rows_4x5_0",
    loop=GENERATED_KERNELS,
)
ROWS_OF_CONV2 = SlowerKernel(
    *(GENERATED_KERNELS, "network_rows_4x5_1", 1, ("conv2",)),
    function="network_rows_4x5_1",
    loop=GENERATED_KERNELS,
)
WIDENING = SlowerKernel(
    *("dsp/fc_widen.c", "for (uint32_t steps = pass->steps; steps; steps--) {", 5, ("ip1",)),
    function="fc_widen",
    loop="fc_widen.c",
)
SCALING = SlowerKernel(
    *("dsp/q7_scale_run_by_power.c", "uint32_t shift = scale->shift;", 8, ("data",)),
    function="q7_scale_run_by_power",
)
RELU = SlowerKernel(
    *("dsp/arm_relu_q7.c", "void arm_relu_q7(q7_t *data, uint32_t size) {", 1, ("relu1",)),
    function="arm_relu_q7",
)


@pytest.fixture(scope="module")
def network() -> LoadedNetwork:
    return load_network("lenet-mnist")


@pytest.fixture(autouse=True)
def counting(target: Target) -> None:
    if target.backend.counts != "instructions" or target.backend.unprofiled() is not None:
        pytest.skip(f"{target.name} does not count what a kernel executes")
    if target.way != GENERATED:
        pytest.skip(f"{target.name}: --deployment {target.way} was asked for")


@pytest.fixture(scope="module")
def profiled(
    target: Target, network: LoadedNetwork, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The profile of what was meant."""
    return profile_run([network], (target,), tmp_path_factory.mktemp("meant")).folder


def worse(cell: CellComparison, measure: str) -> dict[str, LayerChange]:
    return {
        change.layer: change
        for change in cell.layers
        if change.measure == measure and change.verdict == WORSE and change.layer != INFERENCE
    }


@pytest.mark.parametrize(
    "slower",
    [
        pytest.param(ROWS_OF_CONV1, id="rows of conv1", marks=FULL_RUN),
        pytest.param(ROWS_OF_CONV2, id="rows of conv2"),
        pytest.param(WIDENING, id="widening", marks=FULL_RUN),
        pytest.param(SCALING, id="scaling", marks=FULL_RUN),
        pytest.param(RELU, id="relu", marks=FULL_RUN),
    ],
)
def test_layer_function_and_loop_are_named(
    target: Target,
    network: LoadedNetwork,
    profiled: Path,
    slower: SlowerKernel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slower.apply(tmp_path, monkeypatch)
    run = profile_run([network], (target,), tmp_path)
    assert run.run["verdict"] == "bit-exact"
    found = compare_runs(profiled, run.folder)
    assert (found.verdict, found.exit_code) == (WORSE, 1)
    (cell,) = found.cells
    changes = worse(cell, "instructions")
    assert tuple(changes) == slower.layers
    for change in changes.values():
        assert change.percent is not None
        assert 0.5 < change.percent < 1.5
        assert change.function == slower.function
        assert (change.loop or "").rpartition(":")[0] == (slower.loop or "")
    sentences = " ".join(found.findings)
    assert all(name in sentences for name in (*slower.layers, slower.function))


def test_two_benches_are_compared_by_the_command_line(
    target: Target,
    network: LoadedNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = tmp_path / "runs"
    meant = prepare([network], (target,))
    base, again = (bench(meant, runs, samples=1, model=False) for _ in range(2))
    WIDENING.apply(tmp_path, monkeypatch)
    slow = bench(prepare([network], (target,)), runs, samples=1, model=False)
    names = [run.folder.name for run in (base, again, slow)]
    assert compare(runs, *names[:2]) == 0
    assert capsys.readouterr().out.startswith(f"{SAME}: ")
    assert compare(runs, names[0], names[2]) == 1
    output = capsys.readouterr().out
    assert output.startswith(f"{WORSE}: {names[2]} against {names[0]}")
    assert "ip1" in output
    assert "conv" not in output


_SESSION = """
    def test_layers(measure, network):
        layers = measure(network.samples[0])
        assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}
"""
_SLOWED = """
    import pytest
    from pathlib import Path
    from altered_firmware import SlowerKernel

    def pytest_configure(config):
        SlowerKernel(*SLOWER).apply(Path("altered").absolute(), pytest.MonkeyPatch())
"""


@pytest.mark.parametrize(
    "kernel",
    [pytest.param(None, id="as it was", marks=FULL_RUN), pytest.param(WIDENING, id="widening")],
)
def test_a_session_of_tests_is_compared(
    target: Target,
    network: LoadedNetwork,
    kernel: SlowerKernel | None,
    tmp_path: Path,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = bench(prepare([network], (target,)), tmp_path, samples=1, model=False)
    monkeypatch.setenv("PY_COLORS", "0")
    pytester.makeini(f"[pytest]\npythonpath = {TESTS}\n")
    pytester.makepyfile(_SESSION)
    if kernel is not None:
        slower = repr(attrs.astuple(kernel))
        pytester.makeconftest(dedent(_SLOWED).replace("SLOWER)", f"{slower})"))
    options = (f"--target={target.name}", f"--baseline={base.folder}", f"--qrig-runs={tmp_path}")
    result = pytester.runpytest_subprocess(*options, timeout=300)
    result.assert_outcomes(passed=1)
    assert result.ret == EXIT_CODES[SAME if kernel is None else WORSE]
    lines = [line for line in result.outlines if ": ip1 +" in line]
    assert bool(lines) == (kernel is not None)


def compare(runs: Path, *names: str) -> int:
    return main(["compare", *names, "--runs", str(runs)])
