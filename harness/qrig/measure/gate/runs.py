"""Several runs of a side: what they differ by as a whole, and the comparison of their means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from qrig.measure.gate.clipped import MeanShift, fences
from qrig.measure.gate.dependence import dependence
from qrig.measure.gate.series import Series, shared_inputs
from qrig.measure.gate.student import chi_square_share

FloatArray = npt.NDArray[np.float64]
Runs = Sequence[FloatArray]

_LEVEL: Final = 0.02


def around_inputs(base: Sequence[Series], new: Sequence[Series]) -> tuple[Runs, Runs]:
    """Return the logarithms of each run; of inputs that all share, around the input's median."""
    runs = [*base, *new]
    shared = shared_inputs(runs)
    kept = [run.only(shared) for run in runs] if shared else runs
    values = [run.logarithms() for run in kept]
    if shared:
        places = {name: place for place, name in enumerate(shared)}
        numbers = [np.array([places[name] for name in run.inputs], np.intp) for run in kept]
        together, number = np.concatenate(values), np.concatenate(numbers)
        middles = np.array([np.median(together[number == place]) for place in range(len(places))])
        values = [one - middles[which] for one, which in zip(values, numbers, strict=True)]
    return values[: len(base)], values[len(base) :]


def run_means(runs: Runs) -> FloatArray:
    """Return the clipped mean of each run, with fences from the spread within all runs."""
    return np.array([values.mean() for values in _inside(runs)])


def two_groups(base: FloatArray, new: FloatArray, least_error: float) -> MeanShift:
    """Compare the means of few runs, whose spread is taken from both sides; one may be alone.

    The standard error is `least_error` at least: few values may lie together by chance.
    """
    degrees = len(base) + len(new) - 2
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in (base, new))
    error = math.sqrt(squares / degrees * (1 / len(base) + 1 / len(new)))
    return MeanShift(float(new.mean() - base.mean()), max(error, least_error), degrees)


def error_within(base: Runs, new: Runs) -> float:
    """Return the standard error of the change if only the spread within runs were to count."""
    squares = [float(np.var(values, ddof=1)) / len(values) for values in _inside([*base, *new])]
    groups = squares[: len(base)], squares[len(base) :]
    return math.sqrt(sum(sum(group) / len(group) ** 2 for group in groups))


def runs_differ(base: Runs, new: Runs) -> bool:
    """Say whether runs of one side differ by more than what they measured explains."""
    inside = _inside([*base, *new])
    within = sum(float(((values - values.mean()) ** 2).sum()) for values in inside)
    degrees = sum(len(values) - 1 for values in inside)
    variance = within / degrees * dependence(inside).inflation
    between = 0.0
    for side in (inside[: len(base)], inside[len(base) :]):
        together = np.concatenate(side).mean()
        between += sum(len(values) * float(values.mean() - together) ** 2 for values in side)
    count = len(inside) - 2
    return between > variance * count * chi_square_share(_LEVEL, count)


def _inside(runs: Runs) -> list[FloatArray]:
    """Return the runs with what is far out of its own run moved to the fences."""
    middles = [float(np.median(values)) for values in runs]
    around = [values - middle for values, middle in zip(runs, middles, strict=True)]
    low, high = fences(np.concatenate(around))
    pairs = zip(runs, middles, strict=True)
    return [np.clip(values, middle + low, middle + high) for values, middle in pairs]
