"""The parts of the gate's statistics against what is known of them from elsewhere."""

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrig.errors import UsageError
from qrig.measure.gate import (
    BETTER,
    SAME,
    TOO_FEW,
    TOO_NOISY,
    WORSE,
    Promise,
    Series,
    judge_change,
    promise_of,
)
from qrig.measure.gate.dependence import INDEPENDENT, dependence, trend
from qrig.measure.gate.interval import INPUTS, MEASUREMENTS, RUNS, interval_of
from qrig.measure.gate.ranks import pairs, two_samples
from qrig.measure.gate.series import MOST_VALUES
from qrig.measure.gate.student import chi_square_share, normal_quantile, student_quantile

FloatArray = npt.NDArray[np.float64]
M4 = promise_of("cortex-m4")


def noisy(seed: int, count: int, mean: float = 20000.0, spread: float = 0.002) -> FloatArray:
    return mean * np.exp(np.random.default_rng(seed).normal(0, spread, count))


@pytest.mark.parametrize(
    ("level", "degrees", "value"),
    # The table of Student (W. S. Gosset), as every handbook has it.
    [
        (0.05, 1, 6.314),
        (0.01, 1, 31.821),
        (0.005, 2, 9.925),
        (0.025, 4, 2.776),
        (0.001, 8, 4.501),
        (0.05, 30, 1.697),
        (0.0005, 60, 3.460),
    ],
)
def test_quantiles_of_student(level: float, degrees: float, value: float) -> None:
    assert student_quantile(level, degrees) == pytest.approx(value, abs=6e-4)


def test_quantiles_of_student_end_at_those_of_the_normal_distribution() -> None:
    assert student_quantile(0.01, 1e6) == normal_quantile(0.01) == pytest.approx(2.3263, abs=1e-4)
    assert student_quantile(1e-6, 499) == pytest.approx(normal_quantile(1e-6), rel=0.02)


@pytest.mark.parametrize(("degrees", "value"), [(2, 5.991), (8, 15.507), (30, 43.773)])
def test_quantiles_of_chi_squared(degrees: int, value: float) -> None:
    assert chi_square_share(0.05, degrees) * degrees == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(("few", "fewer"), [(3, 4), (5, 5), (4, 6)])
def test_intervals_of_two_samples_hold_their_level_for_every_order(few: int, fewer: int) -> None:
    """Each order of two equal samples is equally probable: those beyond a bound are counted."""
    places = range(few + fewer)
    orders = list(itertools.combinations(places, few))
    for level in (0.2, 0.05, 0.01):
        beyond = 0
        for order in orders:
            base = np.array(order, np.float64)
            new = np.array([place for place in places if place not in order], np.float64)
            low = two_samples(base, new, level, 1.0).low
            beyond += low is not None and low > 0
        assert beyond <= level * len(orders)
        reachable = 1 / len(orders) <= level
        assert (beyond > 0) == reachable
        # One order more would be too many.
        assert not reachable or beyond + 4 > level * len(orders) - len(orders) * 0.05


@pytest.mark.parametrize("count", [5, 8, 10])
def test_intervals_of_pairs_hold_their_level_for_all_signs(count: int) -> None:
    sizes = np.arange(1, count + 1, dtype=np.float64)
    signs = list(itertools.product((-1, 1), repeat=count))
    for level in (0.2, 0.05, 0.01):
        lows = [pairs(sizes * np.array(sign), level, 1.0).low for sign in signs]
        beyond = sum(low is not None and low > 0 for low in lows)
        assert beyond <= level * len(signs)
        assert (beyond > 0) == (1 / len(signs) <= level)


def test_large_samples_take_the_normal_distribution() -> None:
    base, new = noisy(1, 60, 0.0 + 1.0), noisy(2, 60, 1.0)
    found = two_samples(base, new, 0.01, 1.0)
    assert found.low is not None
    assert found.high is not None
    spread = math.sqrt(2 / 60) * 0.002
    assert found.high - found.low == pytest.approx(2 * normal_quantile(0.01) * spread, rel=0.25)


def test_independent_series_are_taken_as_such() -> None:
    random = np.random.default_rng(3)
    found = [dependence([random.normal(size=30), random.normal(size=30)]) for _ in range(400)]
    assert sum(one is INDEPENDENT for one in found) > 0.85 * 400


def test_dependent_series_count_as_fewer() -> None:
    steady = np.repeat(np.random.default_rng(4).normal(size=10), 6)
    found = dependence([steady])
    assert found.inflation > 3
    assert found.degrees == 4
    assert dependence([np.full(20, 7.0)]) is INDEPENDENT
    assert dependence([np.arange(3.0)]) is INDEPENDENT


def test_trends() -> None:
    assert 0.8 < trend(np.linspace(0, 1, 40)) < 1
    alternating = np.tile([0.0, 1.0], 20)
    assert trend(alternating) == 0.0


@pytest.mark.parametrize("values", [[0.0, 1.0], [-1.0], [math.nan], [math.inf], [[1.0]]])
def test_what_is_no_measurement_is_refused(values: list[float]) -> None:
    with pytest.raises(UsageError, match="above 0"):
        Series(np.array(values))


def test_inputs_belong_to_measurements() -> None:
    with pytest.raises(UsageError, match="one input for each of 2"):
        Series(np.ones(2), ("a",))


@pytest.mark.parametrize(("found", "placement"), [(0, 1), (2, 0), (2, 3), (101, 1)])
def test_promises_that_mean_nothing(found: float, placement: float) -> None:
    with pytest.raises(UsageError, match="percent"):
        Promise(found, placement)


def test_promises_by_core() -> None:
    assert promise_of("cortex-m4").found_percent == 2
    assert promise_of("cortex-m7").found_percent == 3
    assert promise_of("cortex-m33") == promise_of("cortex-m7")
    assert promise_of("cortex-m4", 1.0) == Promise(1.0, 0.85)


def test_too_few_measurements_are_no_comparison() -> None:
    change = judge_change([Series(noisy(1, 4))], [Series(noisy(2, 30))], M4)
    assert change.verdict == TOO_FEW
    assert change.percent is None
    assert "expected 5 measurements of each run or more, found 4" in change.reason
    assert judge_change([], [Series(noisy(2, 30))], M4).verdict == TOO_FEW


@pytest.mark.parametrize("count", [5, 10, 30])
@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, SAME), (1.005, SAME), (1.02, WORSE), (0.98, BETTER), (2.0, WORSE)]
)
def test_verdicts(count: int, factor: float, verdict: str) -> None:
    base, new = noisy(5, count, spread=0.001), noisy(6, count, 20000 * factor, 0.001)
    change = judge_change([Series(base)], [Series(new)], M4, tests=10)
    assert change.verdict == verdict
    assert change.percent == pytest.approx(100 * (factor - 1), abs=0.2)
    low, high = change.bounds_percent or (0, 0)
    assert low < 100 * (factor - 1) < high


def test_cycles_that_never_change() -> None:
    base = Series(np.full(10, 1000.0))
    assert judge_change([base], [base], M4, 50).verdict == SAME
    assert judge_change([base], [Series(np.full(10, 1020.0))], M4, 50).verdict == WORSE
    assert judge_change([base], [Series(np.full(10, 980.0))], M4, 50).verdict == BETTER
    assert judge_change([base], [Series(np.full(10, 1010.0))], M4, 50).verdict == SAME


def test_noise_that_hides_the_change_says_what_would_do() -> None:
    change = judge_change(
        [Series(noisy(7, 8, spread=0.05))], [Series(noisy(8, 8, 20400, 0.05))], M4, tests=10
    )
    assert change.verdict == TOO_NOISY
    assert "found with 8 measurements; about" in change.reason
    asked = int(change.reason.split("about ")[1].split()[0])
    assert asked > 50


def test_a_clean_shift_that_placement_explains_asks_for_more_runs() -> None:
    base, new = noisy(9, 30), noisy(10, 30, 20000 * 1.015)
    change = judge_change([Series(base)], [Series(new)], M4)
    assert change.verdict == TOO_NOISY
    assert "several runs of both" in change.reason


def test_eight_runs_of_both_tell_a_shift_from_placement() -> None:
    random = np.random.default_rng(11)

    def runs(factor: float) -> list[Series]:
        modes = 1 + 0.015 * random.integers(2, size=8)
        return [Series(noisy(int(random.integers(1 << 30)), 10, 20000 * factor * m)) for m in modes]

    same = judge_change(runs(1.0), runs(1.0), M4, 10)
    worse = judge_change(runs(1.0), runs(1.025), M4, 10)
    assert (same.verdict, worse.verdict) == (SAME, WORSE)
    assert worse.interval is not None
    assert worse.interval.unit == RUNS
    assert worse.interval.by_ranks


def test_runs_of_a_side_that_agree_are_taken_together() -> None:
    base = [Series(noisy(seed, 10)) for seed in (1, 2)]
    new = [Series(noisy(seed, 10, 20400)) for seed in (3, 4)]
    change = judge_change(base, new, M4, 10)
    assert change.verdict == WORSE
    assert change.interval is not None
    assert change.interval.unit == MEASUREMENTS
    assert change.interval.base_count == 20


def test_runs_that_differ_as_a_whole_are_compared_as_such() -> None:
    base = [Series(noisy(1, 10)), Series(noisy(2, 10, 20600))]
    new = [Series(noisy(3, 10)), Series(noisy(4, 10, 20600))]
    interval = interval_of(base, new, 0.005)
    assert interval.unit == RUNS
    assert interval.low < -0.03
    assert interval.high > 0.03


def inputs_that_differ(seed: int, factor: float, times: int = 1) -> Series:
    """Return a run over 15 inputs that cost up to 10 % more or less than each other."""
    costs = 20000 * np.linspace(0.9, 1.1, 15)
    values = np.concatenate(
        [noisy(seed + again, 15, 1.0) * costs * factor for again in range(times)]
    )
    return Series(values, list(range(15)) * times)


@pytest.mark.parametrize("times", [1, 3])
def test_inputs_are_compared_with_themselves(times: int) -> None:
    base = inputs_that_differ(1, 1.0, times)
    for factor, verdict in ((1.0, SAME), (1.02, WORSE), (0.98, BETTER)):
        change = judge_change([base], [inputs_that_differ(50, factor, times)], M4, 10)
        assert change.verdict == verdict
        assert change.interval is not None
        assert change.interval.unit == INPUTS


def test_few_inputs_of_many_repetitions_are_centred() -> None:
    costs = np.array([0.8, 0.9, 1.0, 1.1, 1.2])

    def run(seed: int, factor: float) -> Series:
        return Series(noisy(seed, 30) * np.tile(costs, 6) * factor, list(range(5)) * 6)

    for factor, verdict in ((1.0, SAME), (1.02, WORSE)):
        change = judge_change([run(1, 1.0)], [run(2, factor)], M4, 10)
        assert change.verdict == verdict
        assert change.interval is not None
        assert change.interval.unit == MEASUREMENTS
        assert change.interval.inflation > 1


def test_inputs_of_which_one_run_has_fewer() -> None:
    base = inputs_that_differ(1, 1.0)
    some = inputs_that_differ(2, 1.02)
    new = Series(some.values[:12], some.inputs[:12])
    change = judge_change([base], [new], M4)
    assert change.verdict == WORSE
    assert change.interval is not None
    assert change.interval.new_count == 12


def test_a_warm_up_that_both_went_through_is_taken_out() -> None:
    warm = np.linspace(1.05, 1.0, 30)
    base = Series(noisy(1, 30) * warm, range(30))
    new = Series(noisy(2, 30) * warm * 1.02, range(30))
    change = judge_change([base], [new], M4, 10)
    assert change.verdict == WORSE
    assert change.percent == pytest.approx(2.0, abs=0.2)


def test_long_series_are_thinned() -> None:
    long = Series(noisy(1, 5000), range(5000))
    assert len(long.thinned()) == MOST_VALUES
    assert len(long.thinned().inputs) == MOST_VALUES
    assert judge_change([long], [Series(noisy(2, 5000, 20400))], M4, 60).verdict == WORSE


def test_outliers_do_not_hide_a_change() -> None:
    base, new = noisy(1, 30), noisy(2, 30, 20400)
    base[[3, 17]] *= 8
    new[5] *= 30
    change = judge_change([Series(base)], [Series(new)], M4, 10)
    assert change.verdict == WORSE
    assert change.percent == pytest.approx(2.0, abs=0.3)


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=40),
    st.lists(st.integers(1, 10**9), min_size=1, max_size=40),
    st.integers(1, 500),
)
def test_any_numbers_are_judged(base: list[int], new: list[int], tests: int) -> None:
    change = judge_change([Series(np.array(base))], [Series(np.array(new))], M4, tests)
    if min(len(base), len(new)) < 5:
        assert change.verdict == TOO_FEW
        return
    assert change.verdict in (BETTER, SAME, WORSE, TOO_NOISY)
    assert change.interval is not None
    assert change.interval.low <= change.interval.estimate <= change.interval.high
    assert bool(change.reason) == (change.verdict == TOO_NOISY)
    swapped = judge_change([Series(np.array(new))], [Series(np.array(base))], M4, tests)
    opposite = {WORSE: BETTER, BETTER: WORSE}
    if WORSE in (change.verdict, swapped.verdict):
        assert swapped.verdict == opposite.get(change.verdict)
