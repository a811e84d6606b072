"""How large numbers are, and the fractional bits that hold them."""

from __future__ import annotations

import math

import numpy as np

from qrig.fixedpoint.formats import MAX_FRACTION_BITS
from qrig.networks.graph import Convolution, DepthwiseConvolution, FloatArray, InnerProduct

VALUE_BITS = 7
"""Bits of a value beside its sign."""

TABLE_BITS = (4, 7)
"""Fewest and most fractional bits that the tables of sigmoid and hyperbolic tangent take."""

WEIGHTED = (Convolution, DepthwiseConvolution, InnerProduct)
"""Layers with weights."""

Weighted = Convolution | DepthwiseConvolution | InnerProduct


def magnitude(values: FloatArray) -> float:
    """Return the largest absolute value, zero for none."""
    return float(np.abs(values).max(initial=0.0))


def bits_of(size: float) -> int:
    """Return `7 - ceil(log2(size))` for the largest magnitude of a tensor; 7 for zero.

    This is the rule of ARM's `nn_quantizer.py`. An exact power of two counts as its own bound:
    1.0 gives 7 fractional bits and is later clipped to 127/128. Never more than
    `MAX_FRACTION_BITS`.
    """
    if size == 0:
        return VALUE_BITS
    mantissa, exponent = math.frexp(size)
    integer_bits = exponent - 1 if mantissa == 0.5 else exponent
    return min(VALUE_BITS - integer_bits, MAX_FRACTION_BITS)
