"""Concatenations of channels: `qrig_concat_q7`."""

from __future__ import annotations

import numpy as np

from qrig.fixedpoint.quantized import Int8Array, QuantizedConcat
from qrig.fixedpoint.semantics import Semantics
from qrig.reference.arithmetic import rounding


def concat(
    tensors: tuple[Int8Array, ...], layer: QuantizedConcat, semantics: Semantics
) -> Int8Array:
    """Return the channels of int8 tensors (h, w, c_i) as one tensor (h, w, sum of c_i).

    Input i becomes `(x + round) >> input_shifts[i]`, which never leaves 8 bits.
    """
    parts = [
        (tensor.astype(np.int64) + rounding(shift, truncate=semantics.truncate)) >> shift
        for tensor, shift in zip(tensors, layer.input_shifts, strict=True)
    ]
    return np.concatenate(parts, axis=-1).astype(np.int8)
