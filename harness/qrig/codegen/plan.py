"""What a layer asks for beside its tensors: scratch memory and constants."""

from __future__ import annotations

from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
    QuantizedLayer,
)

IN_PLACE_TYPES = frozenset({"relu", "softmax", "sigmoid", "tanh", "eltwise"})
"""Layers that may write their output over an input that nobody reads later."""

COPIES_TO_TARGET = frozenset({"relu", "sigmoid", "tanh"})
"""Layers that work in place alone: an input that is read later is copied to their output before."""

DESTROYED_BY = frozenset({"pooling"})
"""Layers that destroy their input: one that is read later is copied before."""


def scratch_bytes(layer: QuantizedLayer) -> int:
    """Return what the kernel's `_buffer_bytes` companion returns, or more."""
    if isinstance(layer, QuantizedConvolution | QuantizedDepthwiseConvolution):
        return 4 * layer.in_shape.c * layer.kernel.y * layer.kernel.x
    if isinstance(layer, QuantizedInnerProduct):
        return 2 * layer.in_shape.size
    return 0


def weight_bytes(layer: QuantizedLayer) -> int:
    """Return the bytes of a layer's weights and biases."""
    if isinstance(
        layer, QuantizedConvolution | QuantizedDepthwiseConvolution | QuantizedInnerProduct
    ):
        return int(layer.weights.size + layer.bias.size)
    return 0
