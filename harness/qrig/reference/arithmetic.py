"""Accumulators and exact matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.fixedpoint.quantized import Int8Array

_FLOAT32_EXACT = 1 << 24
"""Integers up to 2^24 in magnitude are float32 values, so sums that stay below never round."""

Products = npt.NDArray[np.floating[Any]] | npt.NDArray[np.int32]
"""Sums of products: integers, as floats that hold them exactly or as 32-bit accumulators."""


def exact_type(weights: Int8Array) -> type[np.floating[Any]]:
    """Return the float type in which products of `weights` (out, k) with int8 columns are exact.

    Every partial sum, in whatever order BLAS adds and with or without fused multiply-add, is an
    integer of magnitude at most 128 * sum |w| of its row. If that is at most 2^24 no float32
    operation rounds; otherwise float64, whose bound of 2^53 no int8 network reaches.
    """
    rows = np.abs(weights.reshape(len(weights), -1).astype(np.int32)).sum(axis=1)
    return np.float32 if 128 * int(rows.max(initial=0)) <= _FLOAT32_EXACT else np.float64


def rounding(shift: int, *, truncate: bool) -> int:
    """Return what is added before a shift to the right: half of its step, zero with `truncate`."""
    return 0 if truncate else (1 << shift) >> 1


def requantize(
    products: Products,
    bias: Int8Array,
    bias_shift: int,
    output_shift: int,
    *,
    truncate: bool = False,
) -> Int8Array:
    """Return `sat8(((bias << bias_shift) + products + round) >> output_shift)` as int8.

    `products` (..., out) holds integers; the accumulator wraps at 32 bits as the kernels' does.
    `round` is half of the output step, or zero with `truncate`.
    """
    start = (bias.astype(np.int64) << bias_shift) + rounding(output_shift, truncate=truncate)
    accumulator = (products.astype(np.int64) + start).astype(np.int32)
    return np.asarray(np.clip(accumulator >> output_shift, -128, 127), dtype=np.int8)
