"""Functions of each value by itself, and normalisations over channels."""

from __future__ import annotations

import math

import numpy as np

from qrig.networks.graph import (
    Layer,
    LocalResponseNormalization,
    ReLU,
    Sigmoid,
    Softmax,
    TanH,
)
from qrig.networks.onnx.arithmetic import as_channels
from qrig.networks.onnx.build import Build
from qrig.networks.onnx.layout import MAP, Activation
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.text import short

_FUNCTIONS: dict[str, type[Layer]] = {"Relu": ReLU, "Sigmoid": Sigmoid, "Tanh": TanH}
_RELU_ADVICE = "train the network with ReLU in its place"


def function(build: Build, node: Node) -> Activation:
    """Convert a Relu, Sigmoid or Tanh node."""
    value = build.activation(node)
    return value.renamed(build.add(_FUNCTIONS[node.op], node, (value,), value.shape))


def leaky_relu(build: Build, node: Node) -> Activation:
    """Convert a LeakyRelu node, or a PRelu node with one slope for all channels."""
    value = build.activation(node)
    slope = node.number("alpha", 0.01)
    if node.op == "PRelu":
        slopes = build.weights(node, 1)
        if not slopes.size or np.ptp(slopes):
            raise node.unsupported("a slope for each channel", _RELU_ADVICE)
        slope = float(slopes.reshape(-1)[0])
    return value.renamed(build.add(ReLU, node, (value,), value.shape, negative_slope=slope))


def clip(build: Build, node: Node) -> Activation:
    """Convert a Clip node without an upper limit; ReLU6 and its like cannot be deployed."""
    value = build.activation(node)
    low, high = _limit(build, node, 1, "min"), _limit(build, node, 2, "max")
    if low == -math.inf and high == math.inf:
        return value
    if low == 0 and high == math.inf:
        return value.renamed(build.add(ReLU, node, (value,), value.shape))
    kind = f"ReLU{high:g}, " if low == 0 else ""
    raise node.unsupported(f"{kind}values clipped to {low:g} .. {high:g}", _RELU_ADVICE)


_LARGEST = float(np.finfo(np.float32).max)


def _limit(build: Build, node: Node, index: int, name: str) -> float:
    """Return a limit of a Clip node; the largest float32 is none, as exporters write it."""
    if node.has(index):
        array = build.constant(node, index)
        if array.size != 1 or array.dtype.kind not in "fiu":
            raise node.fail(f"one number as {name}", f"shape {short(array.shape)}")
        limit = float(array.reshape(-1)[0])
    else:
        found = node.attributes.get(name, math.inf)
        limit = float(found) if isinstance(found, int | float) else math.nan
        if name == "min" and name not in node.attributes:
            limit = -math.inf
    if math.isnan(limit):
        raise node.fail(f"a number as {name}", "none")
    return math.copysign(math.inf, limit) if abs(limit) >= _LARGEST else limit


def softmax(build: Build, node: Node) -> Activation:
    """Convert a Softmax node over the channels, or a LogSoftmax node that ends the network."""
    value = build.activation(node)
    axis = node.integer("axis", -1 if node.opset >= 13 else 1)
    rank = len(value.axes)
    if not -rank <= axis < rank:
        raise node.fail(f"an axis within {rank} dimensions", str(axis))
    axis %= rank
    value = as_channels(build, node, value, axis)
    axes = value.axes[axis : axis + 1] if node.opset >= 13 else value.axes[axis:]
    letters = tuple(letter for found in axes for letter in found)
    if letters != value.letters(*value.channels):
        raise build.layout_error(node, "the channels to normalise over", value)
    if node.op == "LogSoftmax":
        if node.outputs[0] != build.model.output:
            raise node.unsupported(
                "a logarithm of a softmax within the network", "train the network without it"
            )
        build.notices.append(
            f"{node.where}: became a Softmax: the classes and their order are the same, the "
            "logarithm is left out"
        )
    return value.renamed(build.add(Softmax, node, (value,), value.shape))


def local_response(build: Build, node: Node) -> Activation:
    """Convert an LRN node with an odd size, which is Caffe's across channels."""
    value = build.activation(node)
    size = node.integer("size", 0)
    if size < 1 or size % 2 == 0:
        raise node.unsupported(f"a normalisation over {size} channels", "train with an odd size")
    if not value.is_along(*MAP):
        raise build.layout_error(node, "batch, channels, rows, columns", value)
    name = build.add(
        LocalResponseNormalization,
        node,
        (value,),
        value.shape,
        size=size,
        alpha=node.number("alpha", 1e-4),
        beta=node.number("beta", 0.75),
        k=node.number("bias", 1.0),
    )
    return value.renamed(name)
