"""ReLU and softmax: `arm_relu_q7`, `arm_softmax_q7`."""

from __future__ import annotations

import numpy as np

from qrig.fixedpoint.quantized import Int8Array
from qrig.fixedpoint.semantics import Semantics


def relu(tensor: Int8Array) -> Int8Array:
    """Return the tensor with negative values set to zero."""
    return np.maximum(tensor, 0)


def softmax(tensor: Int8Array, semantics: Semantics) -> Int8Array:
    """Return the base-2 softmax in Q0.7, of the generation `semantics.softmax`.

    Differences to `base`, eight below the maximum, are exponents of two. CMSIS 5.7 to 5.9 limit
    them to 0..7, so the maximum itself counts 2^7; 5.4 to 5.6 leave out entries at or below `base`.
    """
    x = tensor.reshape(-1).astype(np.int64)
    base = max(int(x.max()), -128) - 8
    if semantics.softmax == "5.9":
        total = int((1 << np.clip(x - base, 0, 7)).sum())
        used = np.ones(x.shape, dtype=bool)
    else:
        used = x > base
        total = int((1 << (x - base)[used]).sum())
    quotient = (1 << 20) // total
    shifted = quotient >> np.clip(13 + base - x, 0, 31)
    result = np.where(used, np.clip(shifted, -128, 127), 0)
    return result.astype(np.int8).reshape(tensor.shape)
