"""Sums of tensors: `qrig_eltwise_sum_q7`."""

from __future__ import annotations

import numpy as np

from qrig.fixedpoint.quantized import Int8Array, QuantizedEltwiseSum
from qrig.fixedpoint.semantics import Semantics
from qrig.reference.arithmetic import rounding


def eltwise_sum(
    tensors: tuple[Int8Array, ...], layer: QuantizedEltwiseSum, semantics: Semantics
) -> Int8Array:
    """Return `sat8((sum(x_i << input_shifts[i]) + round) >> output_shift)` of int8 (h, w, c)."""
    total = np.full(layer.out_shape, rounding(layer.output_shift, truncate=semantics.truncate))
    for tensor, shift in zip(tensors, layer.input_shifts, strict=True):
        total += tensor.astype(np.int64) << shift
    return np.asarray(np.clip(total >> layer.output_shift, -128, 127), dtype=np.int8)
