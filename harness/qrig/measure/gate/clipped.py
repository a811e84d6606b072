"""Means that outliers cannot carry away, and Student's interval of their difference.

Values far out (three interquartile ranges beyond the quartiles) are moved to that fence. The fence
is that of all values at once, the later ones shifted back, so that both sides are treated alike.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

FloatArray = npt.NDArray[np.float64]

_FAR: Final = 3.0
_ROUNDING: Final = 1e-8


@frozen
class MeanShift:
    """The difference of two clipped means, its standard error and that one's degrees of freedom.

    `spread` is the standard deviation of the values, as far as it is known.
    """

    estimate: float
    standard_error: float
    degrees: float
    spread: float = 0.0


def two_means(base: FloatArray, new: FloatArray, shift: float) -> MeanShift:
    """Compare two samples, of which `new` lies about `shift` above `base` (Welch, 1947)."""
    before, after = clip(base, new, shift)
    parts = [float(np.var(side, ddof=1)) / len(side) for side in (before, after)]
    error = sum(parts)
    weights = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (base, new), strict=True))
    degrees = error**2 / weights if weights > 0 else len(base) + len(new) - 2
    spread = math.sqrt(float(np.var(before, ddof=1) + np.var(after, ddof=1)) / 2)
    return MeanShift(float(after.mean() - before.mean()), math.sqrt(error), degrees, spread)


def mean_of_pairs(differences: FloatArray, shift: float) -> MeanShift:
    """Return the clipped mean of differences that lie about `shift`."""
    low, high = fences(differences - shift)
    inside = np.clip(differences, low + shift, high + shift)
    spread = float(np.std(inside, ddof=1))
    error = spread / math.sqrt(len(inside))
    return MeanShift(float(inside.mean()), error, len(inside) - 1, spread)


def clip(base: FloatArray, new: FloatArray, shift: float) -> tuple[FloatArray, FloatArray]:
    """Return both samples with what is far out moved to a common fence, each around its own."""
    low, high = fences(np.concatenate([base, new - shift]))
    return np.clip(base, low, high), np.clip(new, low + shift, high + shift)


def fences(values: FloatArray) -> tuple[float, float]:
    """Return below and above what values are far out.

    Where most values are equal, a step of the counter stands for the range;
    steps below a millionth of a percent are the rounding of floats.
    """
    lower, upper = (float(one) for one in np.quantile(values, [0.25, 0.75]))
    reach = upper - lower
    if reach < _ROUNDING:
        steps = np.diff(np.sort(values))
        steps = steps[steps > _ROUNDING]
        reach = float(steps.min()) if steps.size else 0.0
    return lower - _FAR * reach, upper + _FAR * reach
