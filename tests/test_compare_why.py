"""Where a change comes from: function and loop, where both runs were profiled."""

from pathlib import Path

import attrs

from made_runs import MadeCell, write_run
from profile_tables import MAC_LOOP, Layer, Op, convolution, make_tables
from qrig.reports.compare_result import WORSE
from qrig.reports.profile_store import write_tables
from qrig.runs.compare import compare_runs

TARGET = "mps2-an500@qemu"
SLOWER_LOOP = (*MAC_LOOP[:3], Op("ldr r7, [sp]", "load"), Op("mov r7, r8"), *MAC_LOOP[3:])
BEFORE = [convolution("conv1"), convolution("conv2", 16384)]
AFTER = [convolution("conv1"), convolution("conv2", 16384, SLOWER_LOOP)]


def profiled(folder: Path, name: str, layers: list[Layer], *, profile: bool = True) -> Path:
    """Write a run whose rows are those of its profile."""
    tables = make_tables({(TARGET, "lenet"): layers})
    columns = ["instructions", "model_cycles_m7"]
    counts = tables["layers"].set_index("layer")[columns].to_dict("index")
    cell = MadeCell(
        lambda layer, index: {str(name): value for name, value in counts[layer].items()},
        inputs=1,
        layers=("conv1", "conv2"),
    )
    run = write_run(folder, name, cell)
    if profile:
        write_tables(run, tables)
    return run


def test_the_function_and_the_loop_are_named(tmp_path: Path) -> None:
    base, new = profiled(tmp_path, "a", BEFORE), profiled(tmp_path, "b", AFTER)
    found = compare_runs(base, new)
    assert found.verdict == WORSE
    worse = [one for one in found.cells[0].layers if one.verdict == WORSE and one.why]
    assert {one.layer for one in worse} == {"conv2"}
    assert {one.measure for one in worse} == {"instructions", "model_cycles_m7"}
    for one in worse:
        assert one.function == "arm_nn_mat_mult"
        assert one.loop == "convolve.c:57"
        assert one.why is not None
        assert "the loop runs 2 more instructions an iteration" in one.why
    assert any("convolve.c:57" in text for text in found.findings)


def test_one_profile_is_not_enough(tmp_path: Path) -> None:
    base, new = profiled(tmp_path, "a", BEFORE), profiled(tmp_path, "b", AFTER, profile=False)
    worse = [one for one in compare_runs(base, new).cells[0].layers if one.verdict == WORSE]
    assert {one.function for one in worse} == {None}
    assert {one.kernel for one in worse if one.layer == "conv2"} == {"sliding 4"}


def test_profiles_of_something_else_explain_nothing(tmp_path: Path) -> None:
    base, new = profiled(tmp_path, "a", BEFORE), profiled(tmp_path, "b", AFTER)
    write_tables(base, make_tables({("other", "lenet"): BEFORE}))
    found = compare_runs(base, new)
    assert found.verdict == WORSE
    assert all(one.function is None for one in found.cells[0].layers)


def test_cycles_of_silicon_are_explained_by_the_model_of_their_core(tmp_path: Path) -> None:
    paths = []
    for name, layers, factor in (("a", BEFORE, 1.0), ("b", AFTER, 1.5)):
        cell = MadeCell(
            lambda layer, index, f=factor: {  # type: ignore[misc]
                "cycles": round((1000 + index) * (f if layer == "conv2" else 1.0))
            },
            inputs=10,
            layers=("conv1", "conv2"),
        )
        paths.append(write_run(tmp_path, name, attrs.evolve(cell)))
        write_tables(paths[-1], make_tables({(TARGET, "lenet"): layers}))
    (worse,) = [
        one
        for one in compare_runs(paths[0], paths[1]).cells[0].layers
        if one.verdict == WORSE and one.layer == "conv2"
    ]
    assert worse.measure == "cycles"
    assert worse.function == "arm_nn_mat_mult"
    assert worse.why is not None
    assert "model cycles M7" in worse.why
