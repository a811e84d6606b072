"""ReLU, softmax, sigmoid and tanh: `arm_relu_q7`, `arm_softmax_q7`, `arm_nn_activations_*`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qrig.fixedpoint.quantized import MAX_INT_WIDTH, Int8Array
from qrig.fixedpoint.semantics import Semantics

_SIZES = 1 << 16
"""Sizes that an argument of 16 bits tells from each other."""


def relu(tensor: Int8Array, semantics: Semantics) -> Int8Array:
    """Return the tensor with negative values set to zero.

    OpenMV's firmware told ARM's function the number of values in 16 bits: of n it changed the first
    n mod 65,536 alone (of 131,072, as in its smile network, none).
    """
    if not semantics.is_openmv:
        return np.maximum(tensor, 0)
    values = tensor.reshape(-1).copy()
    counted = values.size % _SIZES
    values[:counted] = np.maximum(values[:counted], 0)
    return values.reshape(tensor.shape)


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


def sigmoid(tensor: Int8Array, int_width: int) -> Int8Array:
    """Return the logistic function in Q0.7 of a tensor with `int_width` integer bits."""
    steps = np.arange(-128, 128) / 16
    return _looked_up(tensor, int_width, 1 / (1 + np.exp(-steps)))


def tanh(tensor: Int8Array, int_width: int) -> Int8Array:
    """Return the hyperbolic tangent in Q0.7 of a tensor with `int_width` integer bits."""
    return _looked_up(tensor, int_width, np.tanh(np.arange(-128, 128) / 16))


def _looked_up(tensor: Int8Array, int_width: int, function: npt.NDArray[np.float64]) -> Int8Array:
    """Return for each value the entry of ARM's table that lies at or below it.

    The table has `floor(f(k / 16) * 128 + 1/2)`, limited to int8, of k from -128 to 127, whose f(k
    / 16) are `function`; a value x of w integer bits is at `k = x >> (3 - w)`.
    """
    table = np.clip(np.floor(function * 128 + 0.5), -128, 127).astype(np.int8)
    return np.asarray(table[(tensor >> (MAX_INT_WIDTH - int_width)).astype(np.int16) + 128])
