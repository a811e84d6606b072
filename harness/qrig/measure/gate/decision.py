"""The verdict on one layer: better, same, worse, or not to be told.

A promise says which size of change must be found (`found`). It is called worse if

- the interval at the level of false alarms lies above 0, and
- the estimate reaches what the placement of code and data alone does not do to a run, or less where
  the noise is such that a change of the promised size would be missed otherwise.

It is the same if a change of the promised size is excluded, with the 95 % of the promise. Where
neither holds the measurements are too noisy to tell, and so is a change that is certain but no
larger than what placement does: only several runs of both can tell those apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from qrig.errors import UsageError
from qrig.measure.gate.interval import RUNS, WANDERING, Interval, interval_of
from qrig.measure.gate.series import Series

BETTER: Final = "better"
SAME: Final = "same"
WORSE: Final = "worse"
TOO_NOISY: Final = "too noisy"
TOO_FEW: Final = "too few"

FALSE_ALARMS: Final = 0.01
"""The probability of any false alarm, of either sign, in a comparison of equal runs."""
LEAST_MEASUREMENTS: Final = 5
"""A run with fewer measurements of a layer is no comparison."""

_MISS_DEVIATIONS: Final = 2.5  # 95 % and more, of an error that is itself an estimate
_LEAST_SHARE: Final = 0.55
_WANDERING_SHARE: Final = 0.7
_SOME_DEPENDENCE, _MUCH_DEPENDENCE = 2.25, 3.25  # by chance once in 50, and in 1000
_LEAST_WANDERING: Final = 20  # fewer measurements often seem to wander
_RANGE_DEVIATIONS: Final = 2.0  # as far apart as two places are that are each visited half the time


@frozen
class Promise:
    """What a comparison promises.

    Changes of `found_percent` are found. Those below `placement_percent` are not called worse as
    long as the noise allows to tell the two apart.
    """

    found_percent: float
    placement_percent: float

    def __attrs_post_init__(self) -> None:
        """Raise UsageError for percentages that promise nothing."""
        if not 0 < self.placement_percent <= self.found_percent <= 100:
            raise UsageError(
                "expected 0 < the change that placement explains <= the change to be found <= 100 "
                f"percent, found {self.placement_percent:g} and {self.found_percent:g}; give others"
            )


_PROMISES: Final = {"cortex-m4": Promise(2.0, 1.7), "cortex-m7": Promise(3.0, 2.0)}


def promise_of(core: str, found_percent: float | None = None) -> Promise:
    """Return the promise for a core; cores that are not known are taken as a Cortex-M7.

    `found_percent` replaces the change to be found; the other is scaled with it.
    """
    promise = _PROMISES.get(core, _PROMISES["cortex-m7"])
    if found_percent is None:
        return promise
    share = promise.placement_percent / promise.found_percent
    return Promise(found_percent, found_percent * share)


@frozen
class Change:
    """A verdict and what it rests on; `interval` is None with too few measurements.

    `reason` says what a comparison that could not tell would need, else nothing.
    """

    verdict: str
    interval: Interval | None
    reason: str = ""

    @property
    def percent(self) -> float | None:
        """The estimated change."""
        return None if self.interval is None else _percent(self.interval.estimate)

    @property
    def bounds_percent(self) -> tuple[float, float] | None:
        """Between which sizes the change lies."""
        if self.interval is None:
            return None
        return _percent(self.interval.low), _percent(self.interval.high)


def judge_change(
    base: Sequence[Series], new: Sequence[Series], promise: Promise, tests: int = 1
) -> Change:
    """Judge the change of one layer between the runs `base` and the runs `new`.

    `tests` is how many such judgements the whole comparison makes: the rate of false alarms holds
    for all of them together.
    """
    counts = [len(run) for run in (*base, *new)]
    if not base or not new or min(counts) < LEAST_MEASUREMENTS:
        fewest = min(counts, default=0) if base and new else 0
        return Change(
            TOO_FEW,
            None,
            f"expected {LEAST_MEASUREMENTS} measurements of each run or more, found {fewest}",
        )
    interval = interval_of(base, new, FALSE_ALARMS / 2 / tests)
    verdict, reason = _verdict(interval, promise)
    return Change(verdict, interval, reason)


def _verdict(interval: Interval, promise: Promise) -> tuple[str, str]:
    """Return the verdict and, where there is none, what would be needed."""
    found = _logarithm(promise.found_percent)
    least = _LEAST_SHARE * found
    up, down = (_MISS_DEVIATIONS * error for error in (interval.error_up, interval.error_down))
    threshold, range_ = _threshold(interval, promise), _range(interval)
    if interval.low > 0 and interval.estimate >= max(min(threshold, found - up), range_):
        return WORSE, ""
    if interval.high < 0 and -interval.estimate >= max(min(threshold, found - down), range_):
        return BETTER, ""
    if interval.low > 0 and interval.estimate >= least:
        return TOO_NOISY, _runs_needed(interval)
    if interval.estimate + max(up, range_) < found:
        return SAME, ""
    return TOO_NOISY, _need(interval, promise)


def _threshold(interval: Interval, promise: Promise) -> float:
    """Return the least change that is told from what may happen to a run as a whole.

    With enough runs that has been measured. Series that wander show it, too, so that less has to be
    granted for what they do not show.
    """
    found = _logarithm(promise.found_percent)
    if interval.unit == RUNS and interval.by_ranks:
        return _LEAST_SHARE * found
    placement = _logarithm(promise.placement_percent)
    if min(interval.base_count, interval.new_count) < _LEAST_WANDERING:
        return placement
    wanders = (interval.inflation - _SOME_DEPENDENCE) / (_MUCH_DEPENDENCE - _SOME_DEPENDENCE)
    less = max(0.0, placement - _WANDERING_SHARE * found)
    return placement - less * min(1.0, max(0.0, wanders))


def _range(interval: Interval) -> float:
    """Return how far apart two runs may stand that wander; nothing for those that do not.

    A run that seldom goes from one of two places to the other may be in one of them most of the
    time, and another run in the other.
    """
    return _RANGE_DEVIATIONS * interval.spread if interval.inflation > WANDERING else 0.0


def _runs_needed(interval: Interval) -> str:
    return (
        f"the change lies between {_percent(interval.low):+.2f} and {_percent(interval.high):+.2f} "
        "%, which the placement of code and data alone can do to a run; several runs of both, each "
        "built or started anew, would tell"
    )


def _need(interval: Interval, promise: Promise) -> str:
    """Say how many measurements would do if the noise stays what it is."""
    half = max(interval.high - interval.estimate, interval.estimate - interval.low)
    wanted = _logarithm(promise.found_percent) * 0.6
    fewest = min(interval.base_count, interval.new_count)
    factor = (half / wanted) ** 2
    text = (
        f"the change lies between {_percent(interval.low):+.2f} and {_percent(interval.high):+.2f} "
        f"%, found with {fewest} {interval.unit}"
    )
    if interval.inflation > 1:
        text += f", which count as {max(1, round(fewest / interval.inflation))} independent ones"
    return f"{text}; about {max(fewest + 1, math.ceil(fewest * factor))} would tell"


def _logarithm(percent: float) -> float:
    return math.log1p(percent / 100)


def _percent(logarithm: float) -> float:
    return 100 * math.expm1(logarithm)
