"""Integer Cook-Toom filters: m outputs of an r-tap filter by m + r - 1 products.

A row of m outputs is `y[i] = sum(d[i + k] * g[k])`. With n = m + r - 1 points (0, +-1, +-2, +-1/2,
infinity, the first n of them) it is a linear form of n products `(G g)[t] * (B d)[t]`. All numbers
here are integers: rows of B carry the denominators away, and `y[i]` comes back from
`2^shift[i] * y[i] = inverse * sum(A[i][t] * product[t])  (mod 2^32)`, where `inverse` undoes an odd
factor. Sums may therefore wrap; exactness needs only 16-bit operands and an end result in range.

The construction is the transposed Toom-Cook multiplication (S. Winograd, Arithmetic Complexity of
Computations, 1980, chapter on minimal filters).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

MAX_POINTS = 8
"""The most products a filter may take: with more, transformed data leaves 16 bits."""

_POINTS = ((0, 1), (1, 1), (-1, 1), (2, 1), (-2, 1), (1, 2), (-1, 2))
_WORD = 1 << 32

Matrix = tuple[tuple[int, ...], ...]


@frozen
class Filter:
    """The matrices of F(outputs, taps); see the module's text for their meaning.

    `data` is B (n x n), `weights` is G with its scales (n x taps), `outputs` is A (outputs x n).
    """

    output_count: int
    taps: int
    data: Matrix = field(repr=False)
    weights: Matrix = field(repr=False)
    outputs: Matrix = field(repr=False)
    inverses: tuple[int, ...]
    shifts: tuple[int, ...]

    @property
    def points(self) -> int:
        """The number of products."""
        return self.output_count + self.taps - 1

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The rows of points +p and -p, whose sums and differences serve all outputs."""
        finite = self.points - 1
        return tuple((t, t + 1) for t in range(1, finite - 1, 2))

    def data_bound(self, low: int, high: int) -> int:
        """Return the largest magnitude of transformed data for inputs between `low` and `high`."""
        return max(
            max(abs(_extreme(row, low, high)), abs(_extreme(row, high, low))) for row in self.data
        )

    @property
    def weight_bound(self) -> int:
        """The largest magnitude of transformed int8 weights."""
        return max(128 * sum(map(abs, row)) for row in self.weights)

    def transform_weights(self, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return G g along the last axis, which has `taps` entries and becomes `points`."""
        matrix = np.array(self.weights, dtype=np.int64)
        return np.asarray(weights.astype(np.int64) @ matrix.T)


def _extreme(row: tuple[int, ...], positive: int, negative: int) -> int:
    return sum(c * (positive if c > 0 else negative) for c in row)


@cache
def make_filter(output_count: int, taps: int, *, scaled: bool = True) -> Filter:
    """Return F(output_count, taps).

    With `scaled` every row of weights carries the common factor of its column of A, so that fewer
    multiplications are left for the outputs. Raises ValueError for more than MAX_POINTS products.
    """
    n = output_count + taps - 1
    if output_count < 1 or taps < 1 or n > MAX_POINTS or (n > 1 and n % 2):
        raise ValueError(f"expected 1 or an even number of at most {MAX_POINTS} points, found {n}")
    if n == 1:
        return Filter(1, 1, ((1,),), ((1,),), ((1,),), (1,), (0,))
    data, row_factors = _data_rows(n)
    coefficients = [
        [Fraction(a) / row_factors[t] for t, a in enumerate(column)]
        for column in zip(*_powers(n, output_count), strict=True)
    ]
    column_factors = _column_factors(coefficients) if scaled else [Fraction(1)] * n
    weights = [
        [int(value * factor) for value in row]
        for row, factor in zip(_powers(n, taps), column_factors, strict=True)
    ]
    outputs, inverses, shifts = [], [], []
    for row in coefficients:
        exact = [value / factor for value, factor in zip(row, column_factors, strict=True)]
        denominator = math.lcm(*(value.denominator for value in exact))
        shift = (denominator & -denominator).bit_length() - 1
        outputs.append(tuple(int(value * denominator) for value in exact))
        inverses.append(pow(denominator >> shift, -1, _WORD))
        shifts.append(shift)
    return Filter(
        output_count,
        taps,
        tuple(map(tuple, data)),
        tuple(map(tuple, weights)),
        tuple(outputs),
        tuple(inverses),
        tuple(shifts),
    )


def _powers(n: int, length: int) -> list[list[int]]:
    """Return the points' powers: rows p^j * q^(length - 1 - j) of the points p/q, infinity last."""
    rows = [[p**j * q ** (length - 1 - j) for j in range(length)] for p, q in _POINTS[: n - 1]]
    return [*rows, [0] * (length - 1) + [1]]


def _data_rows(n: int) -> tuple[list[list[int]], list[Fraction]]:
    """Return integer rows proportional to the transposed inverse of the powers, and the factors."""
    inverse = _inverse([[Fraction(value) for value in row] for row in _powers(n, n)])
    rows, factors = [], []
    for t in range(n):
        exact = [inverse[j][t] for j in range(n)]
        factor = Fraction(math.lcm(*(value.denominator for value in exact)))
        integers = [int(value * factor) for value in exact]
        common = math.gcd(*integers)
        rows.append([value // common for value in integers])
        factors.append(factor / common)
    return rows, factors


def _inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """Return the inverse of an invertible matrix, by elimination."""
    n = len(matrix)
    work = [row + [Fraction(int(i == j)) for j in range(n)] for i, row in enumerate(matrix)]
    for column in range(n):
        pivot = next(row for row in range(column, n) if work[row][column] != 0)
        work[column], work[pivot] = work[pivot], work[column]
        work[column] = [value / work[column][column] for value in work[column]]
        for row in range(n):
            if row != column and work[row][column] != 0:
                factor = work[row][column]
                work[row] = [a - factor * b for a, b in zip(work[row], work[column], strict=True)]
    return [row[n:] for row in work]


def _column_factors(coefficients: list[list[Fraction]]) -> list[Fraction]:
    """Return by which each row of weights is multiplied: the common factor of its column of A."""
    denominators = [math.lcm(*(value.denominator for value in row)) for row in coefficients]
    factors = []
    for column in zip(*coefficients, strict=True):
        integers = [int(v * d) for v, d in zip(column, denominators, strict=True)]
        sign = -1 if next(value for value in integers if value) < 0 else 1
        factors.append(Fraction(sign * math.gcd(*integers)))
    return factors
