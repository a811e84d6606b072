"""Arithmetic of one computed tensor with constants: every kind of it becomes a Scale layer."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from qrig.networks.graph import Scale
from qrig.networks.onnx.build import Build
from qrig.networks.onnx.layout import Activation, over_channels
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.tensors import Array
from qrig.networks.onnx.text import short

Affine = tuple[Array, Array]
"""Factor and addend."""

_ADVICE = "train the network with constants for each channel"

# What `value op constant` does to the value, and `constant op value` where that is affine too.
_BEHIND: dict[str, Callable[[Array], Affine]] = {
    "Add": lambda constant: (np.ones_like(constant), constant),
    "Sub": lambda constant: (np.ones_like(constant), -constant),
    "Mul": lambda constant: (constant, np.zeros_like(constant)),
    "Div": lambda constant: (1 / constant, np.zeros_like(constant)),
}
_IN_FRONT: dict[str, Callable[[Array], Affine]] = {
    "Add": _BEHIND["Add"],
    "Sub": lambda constant: (-np.ones_like(constant), constant),
    "Mul": _BEHIND["Mul"],
}


def arithmetic(build: Build, node: Node, value: Activation, index: int) -> Activation:
    """Convert Add, Sub, Mul or Div of a computed tensor and constant input number `index`."""
    constant = build.weights(node, index)
    table = _IN_FRONT if index == 0 else _BEHIND
    if node.op not in table:
        raise node.unsupported("a constant divided by a computed tensor", _ADVICE)
    if node.op == "Div" and not constant.all():
        raise node.fail("a constant to divide by", "zeros")
    if constant.ndim > len(value.axes):
        more = constant.ndim - len(value.axes)
        value = attrs.evolve(value, axes=((),) * more + value.axes)
    constant = constant.reshape((1,) * (len(value.axes) - constant.ndim) + constant.shape)
    value, constant = _over_channels(build, node, value, constant)
    return scaled(build, node, value, *table[node.op](constant))


def _over_channels(
    build: Build, node: Node, value: Activation, constant: Array
) -> tuple[Activation, Array]:
    """Return the constant as one number for each channel, and the value with these channels."""
    pairs = list(zip(constant.shape, value.dims, strict=True))
    if any(one not in (1, other) for one, other in pairs):
        raise node.unsupported(
            f"a tensor of shape {short(value.dims)} with a constant of shape "
            f"{short(constant.shape)}",
            _ADVICE,
        )
    axes = [axis for axis, (one, _) in enumerate(pairs) if one > 1]
    if len(axes) == 1:
        value = as_channels(build, node, value, axes[0])
    found = over_channels(value, constant, [value.axes[axis] for axis in axes])
    if found is None:
        raise build.layout_error(node, "a constant for each channel, the same in all rows", value)
    return value, found


def as_channels(build: Build, node: Node, value: Activation, axis: int) -> Activation:
    """Return the value with that axis as its channels, flattened if it has no others."""
    others = {letter for index, found in enumerate(value.axes) if index != axis for letter in found}
    is_vector = others <= {"n"} and "n" not in value.axes[axis]
    return build.flattened(node, value) if is_vector else value


def batch_normalization(build: Build, node: Node) -> Activation:
    """Convert a BatchNormalization node to one Scale layer with the same result."""
    value = build.activation(node)
    if node.integer("training_mode", 0) or (node.opset < 9 and not node.integer("spatial", 1)):
        raise node.unsupported("a batch normalisation that still trains", "export it for inference")
    if len(value.axes) < 2:
        raise build.layout_error(node, "channels as the second axis", value)
    channels = value.dims[1]
    scale, bias, mean, variance = (build.weights(node, index) for index in range(1, 5))
    if any(array.shape != (channels,) for array in (scale, bias, mean, variance)):
        raise node.fail(
            f"{channels} values for {channels} channels", f"shapes like {short(scale.shape)}"
        )
    deviation = variance + node.number("epsilon", 1e-5)
    if (deviation <= 0).any():
        raise node.fail("positive variances", f"{float(deviation.min()):g}")
    factor = scale / np.sqrt(deviation)
    return affine(build, node, value, 1, factor, bias - mean * factor)


def affine(
    build: Build, node: Node, value: Activation, axis: int, factor: Array, addend: Array
) -> Activation:
    """Add a Scale layer, `value * factor + addend` along an axis of the ONNX tensor."""
    value = as_channels(build, node, value, axis)
    axes = [value.axes[axis]]
    weights, bias = (over_channels(value, array, axes) for array in (factor, addend))
    if weights is None or bias is None:
        raise build.layout_error(node, f"channels as axis {axis + 1}", value)
    return scaled(build, node, value, weights, bias)


def scaled(build: Build, node: Node, value: Activation, weights: Array, bias: Array) -> Activation:
    """Add a Scale layer with one factor and addend for each channel, unless it changes nothing."""
    if (weights == 1).all() and not bias.any():
        return value
    return value.renamed(build.add(Scale, node, (value,), value.shape, weights=weights, bias=bias))
