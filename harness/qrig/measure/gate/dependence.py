"""Whether measurements in a row are independent, and as how many fewer they count if not.

Two looks at the ranks, in the order of measurement: their lowest frequencies (drifts and slow
waves; cosines of equal weight, Lazarus, Lewis, Stock and Watson, 2018) and the correlation of
neighbours. What independence explains as well, 19 times in 20, is taken as independence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.measure.gate.student import chi_square_share, normal_quantile

FloatArray = npt.NDArray[np.float64]

_LEVEL: Final = 0.05
_LEAST: Final = 5
_TREND_WAVES: Final = 2


@frozen
class Dependence:
    """By what factor dependence inflates the variance of a mean, and how well that is known.

    `degrees` of freedom are None where the values are taken as independent (`inflation` 1).
    """

    inflation: float
    degrees: int | None


INDEPENDENT: Final = Dependence(1.0, None)
"""Nothing speaks against independence."""


def dependence(runs: Sequence[FloatArray]) -> Dependence:
    """Look at series that were measured the same way, each in its order."""
    series = [ranks for values in runs if (ranks := _scores(values)) is not None]
    if not series:
        return INDEPENDENT
    waves = [_waves(len(ranks), _wave_count(len(ranks))) @ ranks for ranks in series]
    degrees = sum(len(wave) for wave in waves)
    slow = sum(float(wave @ wave) for wave in waves) / degrees
    terms = sum(len(ranks) - 1 for ranks in series)
    neighbours = sum(float(ranks[1:] @ ranks[:-1]) for ranks in series) / terms
    neighbours += len(series) / (terms + len(series))  # a short series' estimate is that much low
    inflation = 1.0
    if slow > chi_square_share(_LEVEL, degrees):
        inflation = slow
    if neighbours > normal_quantile(_LEVEL) / math.sqrt(terms):
        bounded = min(neighbours, 0.95)
        inflation = max(inflation, (1 + bounded) / (1 - bounded))
    return Dependence(inflation, degrees) if inflation > 1 else INDEPENDENT


def trend(values: FloatArray) -> float:
    """Return how far the slow part of a series (its two longest waves) reaches from low to high.

    It is nothing where the slow part is less than 40 % of all there is.
    """
    around = values - values.mean()
    waves = _waves(len(values), _TREND_WAVES)
    slow = waves @ around
    share = float(slow @ slow) / max(float(around @ around), 1e-30)
    part = slow @ waves
    return float(part.max() - part.min()) * min(1.0, max(0.0, (share - 0.4) / 0.3))


def _scores(values: FloatArray) -> FloatArray | None:
    """Rank the values, ties alike, to mean 0 and variance 1; None if they are too few or equal."""
    if len(values) < _LEAST:
        return None
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse] - (len(values) + 1) / 2
    spread = math.sqrt(float(ranks @ ranks) / (len(values) - 1))
    return ranks / spread if spread > 0 else None


def _wave_count(length: int) -> int:
    return 2 if length < 8 else 3 if length < 12 else 4


def _waves(length: int, count: int) -> FloatArray:
    """Return the `count` longest cosines over `length` values, orthonormal, one in a row."""
    places = np.arange(length) + 0.5
    numbers = np.arange(1, count + 1)[:, None]
    cosines: FloatArray = np.sqrt(2 / length) * np.cos(np.pi * numbers * places / length)
    return cosines
