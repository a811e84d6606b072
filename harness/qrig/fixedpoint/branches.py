"""Formats where branches of a network join: concatenations and sums of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from qrig.fixedpoint.quantized import MAX_ELTWISE_SUM

_LOWEST = 128
"""The largest magnitude of an int8."""


def concat_bits(in_bits: Sequence[int]) -> int:
    """Return the fractional bits of a concatenation: the fewest of its inputs."""
    return min(in_bits)


def concat_shifts(in_bits: Sequence[int]) -> tuple[int, ...]:
    """Return by how much each input of a concatenation is shifted right."""
    return tuple(bits - concat_bits(in_bits) for bits in in_bits)


def sum_shifts(in_bits: Sequence[int]) -> tuple[int, ...]:
    """Return by how much each input of a sum is shifted left: to the most fractional bits."""
    return tuple(max(in_bits) - bits for bits in in_bits)


def sum_bits(in_bits: Sequence[int]) -> int:
    """Return the most fractional bits of a sum with which it never saturates.

    The sum reaches `sum(128 * 2^-bits)`, an int8 of n fractional bits `128 * 2^-n`.
    """
    reach = sum(Fraction(2) ** -bits for bits in in_bits)
    bits = -math.floor(math.log2(reach)) + 1  # one more than it can be, in spite of rounding
    while Fraction(2) ** -bits < reach:
        bits -= 1
    return bits


def is_sum_in_range(input_shifts: Sequence[int]) -> bool:
    """Return whether a sum of int8 tensors shifted left by `input_shifts` fits its accumulator."""
    return sum(_LOWEST << shift for shift in input_shifts) <= MAX_ELTWISE_SUM
