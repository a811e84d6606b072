"""Upper quantiles of the normal, Student's and the chi-squared distribution."""

from __future__ import annotations

import functools
import math
from statistics import NormalDist
from typing import Final

import numpy as np

_MANY: Final = 500.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


@functools.cache
def normal_quantile(level: float) -> float:
    """Return z with P(Z > z) = `level`, for 0 < level < 1."""
    return -NormalDist().inv_cdf(level)


def chi_square_share(level: float, degrees: int) -> float:
    """Return x with P(X > x * degrees) = `level` for chi-squared X (Wilson and Hilferty, 1931)."""
    part = 2 / (9 * degrees)
    return float((1 - part + normal_quantile(level) * math.sqrt(part)) ** 3)


def student_quantile(level: float, degrees: float) -> float:
    """Return t with P(T > t) = `level` (below 0.5), to 5 digits; `degrees` of freedom from 1 up.

    Degrees are rounded down to a tenth.
    """
    return _student_quantile(level, math.floor(degrees * 10) / 10)


@functools.cache
def _student_quantile(level: float, degrees: float) -> float:
    """Find the angle that holds `level` of the density: with T = sqrt(n) / tan(a) it is sin^(n-1).

    The integral of sin^(n-1) from 0 to pi is sqrt(pi) gamma(n/2) / gamma((n+1)/2).
    """
    if degrees >= _MANY:
        return normal_quantile(level)
    logarithm = math.lgamma(degrees / 2) - math.lgamma((degrees + 1) / 2)
    wanted = level * math.sqrt(math.pi) * math.exp(logarithm)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (low, angle) if _area(angle, degrees) > wanted else (angle, high)
    return math.sqrt(degrees) / math.tan(high)


def _area(angle: float, degrees: float) -> float:
    """Integrate sin^(degrees-1) from 0 to `angle`; u^2 in place of the angle tames the end at 0."""
    u = (_NODES + 1) / 2
    values = np.sin(angle * u * u) ** (degrees - 1) * 2 * u
    return float(angle / 2 * (_WEIGHTS @ values))
