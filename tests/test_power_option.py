"""`--power` and `--baseline`: a recorded trace in the place of a meter, from trace to verdict."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qrig.cli import main
from qrig.measure.meters.meter import Mark, Samples, at_voltage
from qrig.measure.meters.plan import Planned
from qrig.measure.meters.trace_file import write_trace
from qrig.reports.current_line import read_current
from qrig.reports.store import load_run

TESTS = Path(__file__).parent
LAYERS = ("data", "conv1", "conv2", "ip1", "relu1", "ip2")
HZ, VOLTS, WINDOW_S, GAP_S = 10_000.0, 3.3, 0.05, 0.01
IDLE_A = 0.002
TARGET = "mps2-an500"

_SUITE = """
    def test_layers(measure, network):
        for sample in network.samples[:2]:
            layers = measure(sample)
            assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}
"""


def trace(path: Path, factor: float = 1.0, layers: tuple[str, ...] = LAYERS) -> Samples:
    """Write five passes over `layers`, layer number k 100 (k + 1) times at 20 + 3 k mA."""
    parts: list[tuple[float, float, bool]] = [(GAP_S, IDLE_A, False)]
    for _ in range(5):
        for number in range(len(layers)):
            parts += [(WINDOW_S, (0.020 + 0.003 * number) * factor, True), (GAP_S, IDLE_A, False)]
    ends = np.cumsum([seconds for seconds, _, _ in parts])
    times = np.arange(round(float(ends[-1]) * HZ)) / HZ
    places = np.searchsorted(ends, times + 0.1 / HZ, side="right")
    currents = np.array([current for _, current, _ in parts])[places]
    marks = tuple(
        mark
        for end, (seconds, _, level) in zip(ends, parts, strict=True)
        if level
        for mark in (Mark(float(end - seconds), True), Mark(float(end), False))
    )
    samples = at_voltage(times, currents, VOLTS, marks)
    windows = tuple(Planned(name, 100 * (number + 1)) for number, name in enumerate(layers))
    write_trace(path, samples, windows, meter="js220:1")
    return samples


def joules(number: int, factor: float = 1.0) -> float:
    """The energy of one execution of layer `number`."""
    return VOLTS * (0.020 + 0.003 * number) * factor * WINDOW_S / (100 * (number + 1))


@pytest.fixture
def runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of results of inner sessions."""
    folder = pytester.path / "runs"
    monkeypatch.setenv("QRIG_RUNS", str(folder))
    monkeypatch.setenv("PY_COLORS", "0")
    pytester.makeini(f"[pytest]\nfilterwarnings = error\npythonpath = {TESTS}\n")
    pytester.makepyfile(_SUITE)
    return folder


def newest(runs: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    return load_run(max(path.parent for path in runs.glob("*/run.json")))


def energies(rows: pd.DataFrame) -> dict[str, float]:
    """Energy by layer of the first input, where there is any."""
    first = rows[rows["input_index"] == 0].dropna(subset="energy_uj")
    return {
        str(name): float(value)
        for name, value in zip(first["layer"], first["energy_uj"], strict=True)
    }


def test_a_recorded_trace_fills_the_energy_of_each_layer(
    pytester: pytest.Pytester, runs: Path
) -> None:
    path = pytester.path / "trace.csv"
    samples = trace(path)
    result = pytester.runpytest_subprocess(f"--target={TARGET}", f"--power=replay:{path}")
    result.assert_outcomes(passed=1)
    rows, run = newest(runs)
    source = f"replay:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    found = energies(rows)
    assert found == pytest.approx(
        {name: joules(number) * 1e6 for number, name in enumerate(LAYERS)}, rel=2e-3
    )
    measured = rows[rows["energy_uj"].notna()]
    assert set(measured["energy_source"]) == {source}
    assert (measured["energy_rse"] < 0.01).all()
    currents = measured["current_ua"].tolist()
    assert currents == pytest.approx([20e3 + 3e3 * number for number in range(6)], rel=1e-3)
    assert rows[rows["input_index"] == 1]["energy_uj"].isna().all()
    current = read_current(max(path.parent for path in runs.glob("*/run.json")))
    assert set(current["layer"].dropna()) == set(LAYERS)
    assert set(current["cell"]) == {"lenet-mnist on mps2-an500@qemu"}
    (entry,) = run["energy"]
    levels = np.zeros(len(samples), bool)
    for begin, end in zip(samples.marks[::2], samples.marks[1::2], strict=True):
        levels |= (samples.time_s > begin.time_s - 1e-9) & (samples.time_s < end.time_s - 1e-9)
    integral = float((samples.current_a[levels] * VOLTS / HZ).sum())
    assert entry["marked_uj"] == pytest.approx(integral * 1e6, rel=1e-3)
    repeated = sum(5 * 100 * (number + 1) * found[name] for number, name in enumerate(LAYERS))
    assert repeated == pytest.approx(integral * 1e6, rel=1e-3)


def test_replayed_energies_are_never_compared(pytester: pytest.Pytester, runs: Path) -> None:
    low, high = pytester.path / "low.csv", pytester.path / "high.csv"
    trace(low)
    trace(high, factor=1.5)
    pytester.runpytest_subprocess(f"--target={TARGET}", f"--power=replay:{low}").assert_outcomes(
        passed=1
    )
    options = [f"--target={TARGET}", f"--power=replay:{high}", "--baseline=last"]
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["baseline last: same"])
    rows, _ = newest(runs)
    assert energies(rows)["conv1"] == pytest.approx(joules(1, 1.5) * 1e6, rel=2e-3)


def test_no_baseline_is_not_green(pytester: pytest.Pytester, runs: Path) -> None:
    result = pytester.runpytest_subprocess(f"--target={TARGET}", "--baseline=nothing")
    result.assert_outcomes(passed=1)
    assert result.ret == 4
    result.stdout.fnmatch_lines(["*nothing*", "baseline nothing: no comparable baseline"])


def test_workers_hand_their_energies_over(pytester: pytest.Pytester, runs: Path) -> None:
    path = pytester.path / "trace.csv"
    trace(path)
    options = ["--target=mps2-an386", f"--target={TARGET}", "-n2", "--dist=loadgroup"]
    result = pytester.runpytest_subprocess(*options, f"--power=replay:{path}")
    result.assert_outcomes(passed=2)
    rows, run = newest(runs)
    assert len(run["energy"]) == 2
    current = read_current(max(path.parent for path in runs.glob("*/run.json")))
    assert current["cell"].nunique() == 2
    counted = rows.dropna(subset="energy_uj").groupby("target")["layer"].count()
    assert counted.to_dict() == {"mps2-an386@qemu": 6, "mps2-an500@qemu": 6}


@pytest.mark.parametrize(
    ("power", "message"),
    [
        ("js220", "*draws no current*"),
        ("nothing:1", "*expected a power meter*"),
    ],
)
def test_what_cannot_measure_is_refused_before_anything_runs(
    pytester: pytest.Pytester, runs: Path, power: str, message: str
) -> None:
    result = pytester.runpytest_subprocess(f"--target={TARGET}", f"--power={power}")
    assert result.ret == 2
    result.stderr.fnmatch_lines([message])
    assert not runs.exists()


def test_bench_and_run_take_a_trace_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trace.csv"
    trace(path, layers=(*LAYERS[:3], "unknown"))
    runs = tmp_path / "runs"
    options = ["--target", TARGET, "--power", f"replay:{path}", "--no-profile"]
    assert main(["bench", *options, "--samples", "1", "--runs", str(runs)]) == 0
    assert "windows of 'unknown' are of no layer here" in capsys.readouterr().err
    rows, _ = newest(runs)
    assert set(energies(rows)) == set(LAYERS[:3])
    image = tmp_path / "image.npy"
    np.save(image, np.zeros((28, 28, 1), np.uint8))
    out = tmp_path / "out.json"
    command = ["run", *options[:4], "--input", str(image), "--json", str(out)]
    assert main(command) == 0
    document = json.loads(out.read_text())
    found = {layer["name"]: layer["energy_uj"] for layer in document["layers"]}
    assert found["conv1"] == pytest.approx(joules(1) * 1e6, rel=2e-3)
    assert found["pool1"] is None
    assert document["energy"]["source"].startswith("replay:")


@pytest.mark.parametrize("content", [None, "", "# qrig-trace/1\ntime_s,current_a\n0,oops\n"])
def test_a_trace_that_cannot_be_read_is_told_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    path = tmp_path / "trace.csv"
    if content is not None:
        path.write_text(content)
    options = ["--target", TARGET, "--power", f"replay:{path}", "--no-profile"]
    assert main(["bench", *options, "--samples", "1", "--runs", str(tmp_path / "runs")]) == 2
    assert "trace.csv" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_session_with_a_broken_trace_ends_before_its_tests(
    pytester: pytest.Pytester, runs: Path
) -> None:
    path = pytester.path / "trace.csv"
    path.write_text("# qrig-trace/1\n# voltage_v: 3.3\ntime_s,current_a,mark\n0,oops,0\n")
    result = pytester.runpytest_subprocess(f"--target={TARGET}", f"--power=replay:{path}")
    assert result.ret == 2
    result.stderr.fnmatch_lines(["*trace.csv:4: expected rows of 3 numbers*found '0,oops,0'*"])
    assert not runs.exists()
