"""Repeating until a mean is known well enough, and saying how well it is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen

from qrig.deadline import Deadline

GOOD_RSE = 0.01
"""The relative standard error to repeat down to."""

LEAST_WINDOWS = 5
"""As many windows as it takes to believe a standard error."""

WINDOW_S = 0.1
"""A good length of a window: edges, known to a sample, then matter little."""

_SAMPLES = 2000
_ROUNDING = 1e-9
_MAX_REPETITIONS = 1_000_000


@frozen
class Estimate:
    """A mean and its standard error, of `count` values; infinite if there are less than two."""

    mean: float
    standard_error: float
    count: int

    @property
    def rse(self) -> float:
        """The standard error relative to the mean."""
        return self.standard_error / abs(self.mean) if self.mean else math.inf


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of values and its standard error; raises ValueError for none."""
    if not values:
        raise ValueError("expected at least one value, found none")
    array = np.asarray(values, dtype=np.float64)
    error = float(array.std(ddof=1)) / math.sqrt(len(array)) if len(array) > 1 else math.inf
    return Estimate(float(array.mean()), error, len(array))


def repeat_until(
    measure: Callable[[], float],
    deadline: Deadline,
    *,
    good_rse: float = GOOD_RSE,
    least: int = LEAST_WINDOWS,
) -> Estimate:
    """Call `measure` until the relative standard error is below `good_rse`, or time is up.

    It is called once in any case, and at least `least` times as long as there is time.
    """
    values = [measure()]
    while not deadline.expired:
        if len(values) >= least and estimate(values).rse < good_rse:
            break
        values.append(measure())
    return estimate(values)


def repetitions_for(layer_s: float, sample_hz: float, *, window_s: float = WINDOW_S) -> int:
    """Return how often a layer of `layer_s` seconds should run between two edges.

    So often that the window is as long as `window_s`, and holds enough samples for its edges,
    which are known to one sample each, to be worth a thousandth. Raises ValueError for a layer
    that takes no time.
    """
    if not (layer_s > 0 and sample_hz > 0):
        raise ValueError(f"expected a layer that takes time, found {layer_s:g} s")
    needed_s = max(window_s, _SAMPLES / sample_hz)
    return max(1, min(_MAX_REPETITIONS, math.ceil(needed_s / layer_s * (1 - _ROUNDING))))
