"""Inputs that cost different cycles: they hide a change unless like is compared with like.

Where the same inputs cost more in both runs, the runs are compared input by input: by the
differences of inputs that were measured once, else each input's measurements around its own middle.
A warm-up that both runs went through alike is taken out the same way.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from statistics import fmean, median
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.measure.gate.series import Series, shared_inputs
from qrig.measure.gate.student import student_quantile

FloatArray = npt.NDArray[np.float64]

_LEVEL: Final = 0.02
_LEAST_INPUTS: Final = 4
_MANY_INPUTS: Final = 12


@frozen(eq=False)
class Paired:
    """Differences of the logarithms, one for each input, in the order of the newer run."""

    differences: FloatArray


@frozen(eq=False)
class Centred:
    """The logarithms of both runs around the middle of each input.

    The middles are estimated from the same few measurements: `inflation` makes good for that.
    """

    base: FloatArray
    new: FloatArray
    inflation: float


def matched(base: Series, new: Series) -> Paired | Centred | None:
    """Compare two runs input by input; None where the inputs make no difference to speak of."""
    shared = shared_inputs((base, new))
    if len(shared) < _LEAST_INPUTS:
        return None
    before, after = _by_input(base, shared), _by_input(new, shared)
    order = list(after)
    middles = [np.array([median(side[name]) for name in order]) for side in (before, after)]
    if not _correlated(*middles):
        return None
    fewest = min(len(values) for side in (before, after) for values in side.values())
    if fewest == 1 or len(order) >= _MANY_INPUTS:
        means = [np.array([fmean(side[name]) for name in order]) for side in (before, after)]
        return Paired(means[1] - means[0])
    centre = dict(zip(order, (middles[0] + middles[1]) / 2, strict=True))
    sides = [_centred(run, centre) for run in (base, new)]
    return Centred(sides[0], sides[1], 2 * fewest / (2 * fewest - 1))


def _by_input(run: Series, shared: frozenset[Hashable]) -> dict[Hashable, list[float]]:
    found: dict[Hashable, list[float]] = {}
    for name, value in zip(run.inputs, run.logarithms(), strict=True):
        if name in shared:
            found.setdefault(name, []).append(float(value))
    return found


def _centred(run: Series, centre: dict[Hashable, float]) -> FloatArray:
    values = zip(run.inputs, run.logarithms(), strict=True)
    return np.array([value - centre[name] for name, value in values if name in centre])


def _correlated(before: FloatArray, after: FloatArray) -> bool:
    """Say whether both runs agree on which inputs cost more, beyond what chance explains."""
    sides = [side - side.mean() for side in (before, after)]
    spread = math.sqrt(float(sides[0] @ sides[0]) * float(sides[1] @ sides[1]))
    if spread < 1e-18:
        return False
    degrees = len(before) - 2
    correlation = float(sides[0] @ sides[1]) / spread
    unexplained = max(1 - correlation**2, 1e-12)
    statistic = correlation * math.sqrt(degrees / unexplained)
    return statistic > student_quantile(_LEVEL, degrees)
