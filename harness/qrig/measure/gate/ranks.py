"""Intervals of a shift from ranks alone (Hodges and Lehmann, 1963): no noise has to be Gaussian.

The interval of two samples runs between order statistics of all differences, by the exact
distribution of Mann and Whitney's U; that of pairs between those of all averages of two, by that of
Wilcoxon's signed ranks. A level that so few values cannot reach gives no interval.
"""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.measure.gate.student import normal_quantile

FloatArray = npt.NDArray[np.float64]

_EXACT: Final = 2500  # the largest U that is counted exactly
_EXACT_PAIRS: Final = 60


@frozen
class RankInterval:
    """The shift, and between which bounds it lies; they are None where the level is out of reach.

    `low` is exceeded by the true shift with probability 1 - level at least, `high` likewise.
    """

    estimate: float
    low: float | None
    high: float | None


def two_samples(base: FloatArray, new: FloatArray, level: float, inflation: float) -> RankInterval:
    """Return by how much `new` lies above `base`.

    `inflation` is the factor by which dependence within the samples inflates the variance of a
    mean: as many fewer values count.
    """
    differences = np.sort((new[None, :] - base[:, None]).ravel())
    few, fewer = (_effective(len(values), inflation) for values in (base, new))
    place = _u_place(few, fewer, level)
    if inflation > 1:
        place = int(place / (few * fewer) * differences.size)
    return _interval(differences, place)


def pairs(differences: FloatArray, level: float, inflation: float) -> RankInterval:
    """Return the shift of paired values, from their differences."""
    first, second = np.triu_indices(len(differences))
    averages = np.sort((differences[first] + differences[second]) / 2)
    few = _effective(len(differences), inflation)
    place = _signed_place(few, level)
    if inflation > 1:
        place = int(place / (few * (few + 1) // 2) * averages.size)
    return _interval(averages, place)


def _effective(count: int, inflation: float) -> int:
    return max(1, round(count / inflation))


def _interval(ordered: FloatArray, place: int) -> RankInterval:
    estimate = float(np.median(ordered))
    if place < 1:
        return RankInterval(estimate, None, None)
    return RankInterval(estimate, float(ordered[place - 1]), float(ordered[-place]))


@functools.cache
def _u_place(few: int, fewer: int, level: float) -> int:
    """Return the largest k with P(U < k) <= level; 0 if even one is too many."""
    most = few * fewer
    if most > _EXACT:
        spread = math.sqrt(most * (few + fewer + 1) / 12)
        return max(0, math.floor(most / 2 - normal_quantile(level) * spread - 0.5))
    return _place(_u_counts(few, fewer), level)


def _u_counts(few: int, fewer: int) -> FloatArray:
    """Count the orders of two samples by their U: the last in order is of one or of the other."""
    most = few * fewer
    rows = [np.zeros(most + 1) for _ in range(fewer + 1)]
    for row in rows:
        row[0] = 1.0
    for _ in range(few):
        grown = [rows[0]]
        for column in range(1, fewer + 1):
            counts = grown[column - 1].copy()
            counts[column:] += rows[column][: most + 1 - column]
            grown.append(counts)
        rows = grown
    return rows[fewer]


@functools.cache
def _signed_place(count: int, level: float) -> int:
    """Return the largest k with P(W < k) <= level for Wilcoxon's W of `count` pairs."""
    most = count * (count + 1) // 2
    if count > _EXACT_PAIRS:
        spread = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return max(0, math.floor(most / 2 - normal_quantile(level) * spread - 0.5))
    counts = np.zeros(most + 1)
    counts[0] = 1.0
    for rank in range(1, count + 1):
        counts[rank:] += counts[: most + 1 - rank].copy()
    return _place(counts, level)


def _place(counts: FloatArray, level: float) -> int:
    below = np.cumsum(counts) / counts.sum()
    return int(np.searchsorted(below, level, side="right"))
