"""Fully connected layers: `arm_fully_connected_q7`."""

from __future__ import annotations

from qrig.fixedpoint.quantized import Int8Array, QuantizedInnerProduct
from qrig.fixedpoint.semantics import Semantics
from qrig.reference.arithmetic import exact_type, requantize


def inner_product(
    tensor: Int8Array, layer: QuantizedInnerProduct, semantics: Semantics
) -> Int8Array:
    """Return the int8 output (1, 1, out) of the layer for an int8 input of any shape."""
    kind = exact_type(layer.weights)
    products = tensor.reshape(1, -1).astype(kind) @ layer.weights.astype(kind).T
    result = requantize(
        products, layer.bias, layer.bias_shift, layer.output_shift, truncate=semantics.truncate
    )
    return result.reshape(layer.out_shape)
