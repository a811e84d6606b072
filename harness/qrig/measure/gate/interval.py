"""By how much a layer changed, and between which bounds that lies.

Two intervals are made, one from ranks and one from clipped means; what both allow is the answer.
Ranks hold for any noise and see through two modes; means reach small levels with few values and
bear outliers. Each gets half of the level. Dependent measurements count as fewer, and a run that
drifts may stand anywhere within a part of its drift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from qrig.measure.gate import clipped, ranks
from qrig.measure.gate.dependence import INDEPENDENT, Dependence, dependence, trend
from qrig.measure.gate.inputs import Centred, Paired, matched
from qrig.measure.gate.runs import (
    around_inputs,
    error_within,
    run_means,
    runs_differ,
    two_groups,
)
from qrig.measure.gate.series import Series, joined
from qrig.measure.gate.student import normal_quantile, student_quantile

FloatArray = npt.NDArray[np.float64]

MEASUREMENTS: Final = "measurements"
INPUTS: Final = "inputs"
RUNS: Final = "runs"

_Counted: TypeAlias = tuple[str, int, int]

WANDERING: Final = 2.0
"""Measurements that count as so many times fewer than they are make a run that wanders."""

_DRIFT_SHARE: Final = 0.3
_DRIFT_FROM, _DRIFT_TO = 2.0, 4.0


@frozen
class Interval:
    """The change as a logarithm of the ratio, and its bounds at the level that was asked for.

    `error_up` is the standard error of the estimate as far as it tells how much larger the change
    may be, `error_down` how much smaller. `unit` is what was counted: measurements, inputs or runs;
    `by_ranks` says whether they were enough for ranks to reach the level. `spread` is the standard
    deviation of what was counted, outliers clipped.
    """

    estimate: float
    low: float
    high: float
    error_up: float
    error_down: float
    unit: str
    base_count: int
    new_count: int
    inflation: float = 1.0
    by_ranks: bool = False
    spread: float = 0.0


def interval_of(base: Sequence[Series], new: Sequence[Series], level: float) -> Interval:
    """Return the interval of the change from the runs `base` to the runs `new`.

    Each run has at least 2 measurements; the true change lies below `low`, or above `high`, with
    probability `level` at most. Several runs of a side show how much a run as a whole may be off:
    if that is more than their measurements explain, or if they are enough for ranks, then runs are
    compared, not measurements.
    """
    base, new = [run.thinned() for run in base], [run.thinned() for run in new]
    if len(base) + len(new) > 2:
        before, after = around_inputs(base, new)
        by_run = _of_runs(before, after, level)
        if by_run.by_ranks or runs_differ(before, after):
            return by_run
    one, other = joined(base), joined(new)
    found = matched(one, other)
    if isinstance(found, Paired):
        return _of_pairs(found, level)
    if isinstance(found, Centred):
        return _of_samples(found.base, found.new, level, found.inflation)
    return _of_samples(one.logarithms(), other.logarithms(), level)


def _of_samples(
    base: FloatArray, new: FloatArray, level: float, inflation: float = 1.0
) -> Interval:
    known = dependence([base, new])
    known = evolve(known, inflation=known.inflation * inflation)
    by_rank = ranks.two_samples(base, new, level / 2, known.inflation)
    mean = clipped.two_means(base, new, by_rank.estimate)
    drift = _drift(known, clipped.clip(base, new, by_rank.estimate))
    return _both(by_rank, mean, known, level, drift, (MEASUREMENTS, len(base), len(new)))


def _of_pairs(found: Paired, level: float) -> Interval:
    differences = found.differences
    known = dependence([differences])
    by_rank = ranks.pairs(differences, level / 2, known.inflation)
    mean = clipped.mean_of_pairs(differences, by_rank.estimate)
    drift = _drift(known, [differences])
    count = len(differences)
    return _both(by_rank, mean, known, level, drift, (INPUTS, count, count))


def _of_runs(base: Sequence[FloatArray], new: Sequence[FloatArray], level: float) -> Interval:
    """Compare the runs' own middles; what differs between runs of one side is the noise.

    With enough runs ranks decide alone: a few runs in one of two modes have no tails that Student's
    distribution knows.
    """
    middles = run_means([*base, *new])
    first, second = middles[: len(base)], middles[len(base) :]
    counted = (RUNS, len(first), len(second))
    by_ranks = _of_ranks(ranks.two_samples(first, second, level, 1.0), level, counted)
    if by_ranks is not None:
        return by_ranks
    mean = two_groups(first, second, error_within(base, new))
    return _of_means(mean, INDEPENDENT, level, counted)


def _drift(known: Dependence, series: Sequence[FloatArray]) -> float:
    """Return how far off the middle of a drifting run may be; nothing for weak dependence."""
    if known.degrees is None:
        return 0.0
    reaches = [trend(values) for values in series]
    typical = math.sqrt(sum(reach**2 for reach in reaches) / len(reaches))
    share = (known.inflation - _DRIFT_FROM) / (_DRIFT_TO - _DRIFT_FROM)
    return _DRIFT_SHARE * typical * min(1.0, max(0.0, share))


def _both(
    by_rank: ranks.RankInterval,
    mean: clipped.MeanShift,
    known: Dependence,
    level: float,
    drift: float,
    counted: _Counted,
) -> Interval:
    """Return what both intervals allow; `by_rank` is that of half the level.

    Where ranks cannot reach it, the means have the whole level to themselves.
    """
    wide = _of_ranks(by_rank, level / 2, counted, known.inflation)
    narrow = _of_means(mean, known, level if wide is None else level / 2, counted)
    found = narrow if wide is None else _shared(wide, narrow)
    if known.inflation > WANDERING:  # the middle of all differences jumps between two places
        estimate = min(max(mean.estimate, found.low), found.high)
        found = evolve(found, estimate=estimate)
    return evolve(found, low=found.low - drift, high=found.high + drift, spread=mean.spread)


def _of_ranks(
    found: ranks.RankInterval, level: float, counted: _Counted, inflation: float = 1.0
) -> Interval | None:
    """Return the interval of ranks, with the errors that its width stands for; None if none."""
    if found.low is None or found.high is None:
        return None
    deviations = normal_quantile(level)
    return Interval(
        found.estimate,
        found.low,
        found.high,
        (found.high - found.estimate) / deviations,
        (found.estimate - found.low) / deviations,
        *counted,
        inflation=inflation,
        by_ranks=True,
    )


def _of_means(
    mean: clipped.MeanShift, known: Dependence, level: float, counted: _Counted
) -> Interval:
    """Return Student's interval of a difference of means."""
    degrees = mean.degrees if known.degrees is None else min(mean.degrees, known.degrees)
    error = mean.standard_error * math.sqrt(known.inflation)
    half = student_quantile(level, degrees) * error
    low, high = mean.estimate - half, mean.estimate + half
    return Interval(mean.estimate, low, high, error, error, *counted, inflation=known.inflation)


def _shared(one: Interval, other: Interval) -> Interval:
    """Return where two intervals overlap, with the better known estimate of both.

    Two that have nothing in common give all that one of them allows.
    """
    low, high = max(one.low, other.low), min(one.high, other.high)
    if low > high:
        return evolve(one, low=min(one.low, other.low), high=max(one.high, other.high))
    best = min(one, other, key=lambda each: each.high - each.low)
    return evolve(
        best, low=low, high=high, estimate=min(max(best.estimate, low), high), by_ranks=True
    )
