"""Networks compared layer by layer: exact counts, and measured cycles."""

from typing import Any

import pytest

from compared_cells import changes_of, compare, measured
from made_runs import LAYERS, M4, M7, MadeCell, Numbers, run_data, scaled
from qrig.reports.compare_result import (
    BETTER,
    INFERENCE,
    NO_BASELINE,
    SAME,
    TOO_FEW,
    TOO_NOISY,
    WORSE,
)
from qrig.reports.compare_runs import CompareOptions, compare_data


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, SAME), (1.004, SAME), (0.996, SAME), (1.006, WORSE), (0.994, BETTER), (1.5, WORSE)],
)
def test_counts_beyond_the_threshold_are_changes(factor: float, verdict: str) -> None:
    found = compare(MadeCell(), MadeCell(scaled({"conv2": factor})))
    assert found.verdict == verdict
    change = changes_of(found)["conv2"]
    assert change.verdict == verdict
    assert change.kind == "exact"
    assert change.percent == pytest.approx(100 * (factor - 1))
    assert changes_of(found)["conv1"].verdict == SAME


def test_the_threshold_is_an_option() -> None:
    new = MadeCell(scaled({"conv2": 1.01}))
    assert compare(MadeCell(), new, threshold_percent=2.0).verdict == SAME
    assert compare(MadeCell(), new, threshold_percent=0.0).verdict == WORSE
    assert compare(MadeCell(), MadeCell(), threshold_percent=0.0).verdict == SAME


def test_worse_in_one_layer_is_worse_whatever_the_others() -> None:
    found = compare(MadeCell(), MadeCell(scaled({"conv2": 0.5, "ip1": 1.01})))
    assert found.verdict == WORSE
    changes = changes_of(found)
    assert (changes["conv2"].verdict, changes["ip1"].verdict) == (BETTER, WORSE)
    assert changes[INFERENCE].verdict == BETTER
    assert found.findings[0].startswith("lenet on mps2-an500@qemu: ip1 +1.00 % instructions")


def test_small_changes_everywhere_show_in_the_inference() -> None:
    found = compare(MadeCell(), MadeCell(scaled(dict.fromkeys(LAYERS, 1.0049))))
    assert {one.verdict for one in changes_of(found).values()} == {SAME}
    found = compare(
        MadeCell(), MadeCell(scaled(dict.fromkeys(LAYERS, 1.0049))), threshold_percent=0.48
    )
    assert changes_of(found)[INFERENCE].verdict == WORSE


def test_only_inputs_that_both_have_are_compared() -> None:
    def numbers(layer: str, index: int) -> dict[str, Any]:
        return {"instructions": LAYERS[layer] * (1 + index)}

    found = compare(MadeCell(numbers, inputs=2), MadeCell(numbers, inputs=3))
    assert found.verdict == SAME
    assert changes_of(found)["conv1"].base == 150_000


def test_nothing_in_common_is_no_baseline() -> None:
    one = MadeCell(repeated=True)
    other = run_data("b", one)
    renamed = other.rows.assign(input="other.png")
    new = type(other)("b", renamed, other.run)
    found = compare_data([run_data("a", one)], [new], CompareOptions())
    assert found.verdict == NO_BASELINE
    assert "instructions: no layer of an input in common" in found.findings[0]


def test_what_only_one_run_counted_is_a_note() -> None:
    both = MadeCell(
        lambda layer, index: {"instructions": LAYERS[layer], "model_cycles_m7": 1.5 * index + 1}
    )
    found = compare(MadeCell(), both)
    assert found.verdict == SAME
    assert "model cycles M7: only in the new run" in found.cells[0].notes


def test_a_layer_that_one_run_did_not_count_is_no_baseline() -> None:
    def numbers(layer: str, index: int) -> dict[str, Any]:
        return {"instructions": None if layer == "ip1" else LAYERS[layer]}

    found = compare(MadeCell(), MadeCell(numbers))
    assert found.verdict == NO_BASELINE
    assert "not all runs have it of ip1" in found.findings[0]


def test_runs_that_counted_nothing_are_no_baseline() -> None:
    nothing = MadeCell(lambda layer, index: {})
    found = compare(nothing, nothing)
    assert found.verdict == NO_BASELINE
    assert "nothing that both counted" in found.findings[0]


def test_a_network_without_a_baseline_is_not_green() -> None:
    base, other = MadeCell(), MadeCell(network="ds-cnn")
    found = compare_data([run_data("a", base)], [run_data("b", base, other)], CompareOptions())
    assert found.verdict == NO_BASELINE
    assert found.findings == ("ds-cnn on mps2-an500@qemu: the base does not have it",)
    found = compare_data([run_data("a", base, other)], [run_data("b", base)], CompareOptions())
    assert found.verdict == SAME
    assert found.notes == ("ds-cnn on mps2-an500@qemu: only in the base",)


@pytest.mark.parametrize("side", ["base", "new"])
@pytest.mark.parametrize("status", ["running", "failed", "interrupted", None])
def test_runs_that_did_not_end_well_are_not_compared(side: str, status: str | None) -> None:
    bad = run_data("bad", MadeCell(), status=status, error="it broke")
    good = run_data("good", MadeCell())
    pair = ([bad], [good]) if side == "base" else ([good], [bad])
    found = compare_data(*pair, CompareOptions())
    assert found.verdict == NO_BASELINE
    assert found.findings[0].startswith(f"the {side} run bad is ")
    assert "it broke" in found.findings[0]


def test_no_runs_are_not_green() -> None:
    assert compare_data([], [run_data("b", MadeCell())], CompareOptions()).verdict == NO_BASELINE


@pytest.mark.parametrize(
    ("target", "core", "factor"), [(M4, "cortex-m4", 1.02), (M7, "cortex-m7", 1.03)]
)
def test_measured_cycles_are_judged_by_the_gate(target: str, core: str, factor: float) -> None:
    base = MadeCell(measured(1, {}), target=target, core=core, inputs=30)
    for factors, verdict in (({}, SAME), ({"conv2": factor}, WORSE), ({"conv2": 0.9}, BETTER)):
        new = MadeCell(measured(2, factors), target=target, core=core, inputs=30)
        found = compare(base, new)
        change = changes_of(found)["conv2"]
        assert (found.verdict, change.verdict) == (verdict, verdict)
        assert change.kind == "statistical"
        assert change.low_percent is not None
        assert change.high_percent is not None
        assert change.low_percent < change.high_percent


def test_repetitions_of_one_input() -> None:
    base = MadeCell(measured(1, {}), core="cortex-m4", inputs=10, repeated=True)
    new = MadeCell(measured(2, {"conv1": 1.03}), core="cortex-m4", inputs=10, repeated=True)
    found = compare(base, new)
    assert changes_of(found)["conv1"].verdict == WORSE
    assert changes_of(found)[INFERENCE].base == pytest.approx(sum(LAYERS.values()), rel=0.01)


def test_too_few_measurements_are_no_baseline() -> None:
    base, new = (MadeCell(measured(seed, {}), inputs=4) for seed in (1, 2))
    found = compare(base, new)
    assert found.verdict == NO_BASELINE
    assert {one.verdict for one in changes_of(found).values()} == {TOO_FEW}
    assert found.cells[0].reasons == (
        "cycles: expected 5 measurements of each run or more, found 4",
    )


def test_noise_that_hides_the_change_is_no_baseline() -> None:
    base, new = (MadeCell(measured(seed, {}, 0.08), inputs=8) for seed in (1, 2))
    found = compare(base, new)
    assert found.verdict == NO_BASELINE
    assert TOO_NOISY in {one.verdict for one in changes_of(found).values()}
    assert any("would tell" in text for text in found.findings)


def test_noise_of_a_layer_that_does_not_matter_is_no_obstacle() -> None:
    def numbers(seed: int) -> Numbers:
        quiet, loud = measured(seed, {}), measured(seed + 10, {}, 0.4)
        return lambda layer, index: (
            {"cycles": round(loud(layer, index)["cycles"] / 100)}
            if layer == "pool1"
            else quiet(layer, index)
        )

    found = compare(MadeCell(numbers(1), inputs=8), MadeCell(numbers(2), inputs=8))
    assert changes_of(found)["pool1"].verdict == TOO_NOISY
    assert not changes_of(found)["pool1"].matters
    assert found.verdict == SAME


def test_several_runs_of_a_side() -> None:
    runs = [
        [run_data(f"{seed}", MadeCell(measured(seed, factors), core="cortex-m4", inputs=6))]
        for factors in ({}, {"conv2": 1.02})
        for seed in range(10, 18)
    ]
    base = [run for (run,) in runs[:8]]
    new = [run for (run,) in runs[8:]]
    found = compare_data(base, new, CompareOptions())
    assert found.verdict == WORSE
    assert len(found.base) == 8
    exact = compare_data(
        [run_data("a", MadeCell()), run_data("b", MadeCell())],
        [run_data("c", MadeCell(scaled({"ip1": 1.1})))],
        CompareOptions(),
    )
    assert changes_of(exact)["ip1"].percent == pytest.approx(10)


def test_a_network_that_one_of_several_runs_lacks() -> None:
    base = [run_data("a", MadeCell()), run_data("b", MadeCell(network="other"))]
    found = compare_data(base, [run_data("c", MadeCell())], CompareOptions())
    assert found.verdict == NO_BASELINE
    assert "not all runs have it" in found.findings[0]


def test_measures_can_be_chosen() -> None:
    def numbers(factor: float) -> Numbers:
        return lambda layer, index: {
            "instructions": LAYERS[layer] * factor,
            "model_cycles_m7": 1.0 * LAYERS[layer],
        }

    base, new = MadeCell(numbers(1)), MadeCell(numbers(2))
    assert compare(base, new).verdict == WORSE
    found = compare(base, new, measures=frozenset({"model_cycles_m7"}))
    assert found.verdict == SAME
    assert {one.measure for one in found.cells[0].layers} == {"model_cycles_m7"}
