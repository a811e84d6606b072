"""Nodes of several computed tensors: sums, products, maxima, and channels side by side."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from qrig.networks.graph import Concat, Eltwise, ReLU, Shape
from qrig.networks.onnx.arithmetic import arithmetic
from qrig.networks.onnx.build import Build
from qrig.networks.onnx.layout import Activation, activation
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.shaping import normal_axis
from qrig.networks.onnx.text import short

_OPERATIONS = {"Add": "sum", "Sub": "sum", "Sum": "sum", "Mean": "sum", "Mul": "product"}


def binary(build: Build, node: Node) -> Activation:
    """Convert Add, Sub, Mul or Div: with a constant a Scale layer, else an Eltwise layer."""
    if len(node.inputs) != 2:
        raise node.fail("two inputs", f"{len(node.inputs)}")
    for index in (0, 1):
        if isinstance(build.value(node, index), np.ndarray):
            return arithmetic(build, node, build.activation(node, 1 - index), index)
    if node.op == "Div":
        raise node.unsupported(
            "a computed tensor divided by another", "train the network without the division"
        )
    return _eltwise(build, node, (1.0, -1.0) if node.op == "Sub" else (1.0, 1.0))


def variadic(build: Build, node: Node) -> Activation:
    """Convert Sum, Mean or Max of computed tensors; a maximum with a constant 0 is a ReLU."""
    count = len(node.inputs)
    constants = [
        index for index in range(count) if isinstance(build.value(node, index), np.ndarray)
    ]
    if node.op == "Max" and count == 2 and len(constants) == 1:
        constant = build.constant(node, constants[0])
        if constant.size == 1 and not constant.any():
            value = build.activation(node, 1 - constants[0])
            return value.renamed(build.add(ReLU, node, (value,), value.shape))
    if count == 1:
        return build.activation(node)
    return _eltwise(build, node, (1.0 / count if node.op == "Mean" else 1.0,) * count)


def _eltwise(build: Build, node: Node, factors: Sequence[float]) -> Activation:
    values = [build.activation(node, index) for index in range(len(node.inputs))]
    rank = max(len(value.axes) for value in values)
    values = [
        attrs.evolve(value, axes=((),) * (rank - len(value.axes)) + value.axes) for value in values
    ]
    if len({value.dims for value in values}) > 1:
        raise node.unsupported(
            f"tensors of shapes {' and '.join(short(value.dims) for value in values[:4])}",
            "train the network with tensors of one shape there",
        )
    values = _alike(build, node, values)
    operation = _OPERATIONS.get(node.op, "max")
    name = build.add(
        Eltwise,
        node,
        values,
        values[0].shape,
        operation=operation,
        in_shapes=tuple(value.shape for value in values),
        coefficients=tuple(factors) if operation == "sum" else (),
    )
    return values[0].renamed(name)


def _alike(build: Build, node: Node, values: list[Activation]) -> list[Activation]:
    """Return the values, as vectors if need be, if all lie in memory alike."""

    def places(value: Activation) -> object:
        return value.axes, value.shape, value.storage, dict(value.sizes)

    for found in (values, [build.flattened(node, value) for value in values]):
        if all(places(value) == places(found[0]) for value in found):
            return found
    raise build.layout_error(
        node, f"tensors with the axes of its first, {values[0].described()}", values[-1]
    )


def concat(build: Build, node: Node) -> Activation:
    """Convert a Concat node along the channels of maps, or of vectors."""
    values = [build.activation(node, index) for index in range(len(node.inputs))]
    rank = len(values[0].axes)
    axis = normal_axis(node, node.integer("axis", 1), rank)
    if len(values) == 1:
        return values[0]
    others = [value.dims[:axis] + value.dims[axis + 1 :] for value in values]
    if any(other != others[0] for other in others):
        raise node.fail(
            "tensors that differ along one axis",
            " and ".join(short(value.dims) for value in values[:4]),
        )
    if not all(_is_channels(value, axis) for value in values):
        values = [build.flattened(node, value) for value in values]
    places = {
        (value.axes[:axis] + value.axes[axis + 1 :], value.shape.h, value.shape.w)
        for value in values
    }
    if not all(_is_channels(value, axis) for value in values) or len(places) > 1:
        raise build.layout_error(node, "the channels of maps or vectors to put together", values[0])
    h, w, _ = values[0].shape
    out = Shape(h, w, sum(value.shape.c for value in values))
    name = build.add(Concat, node, values, out, in_shapes=tuple(value.shape for value in values))
    axes = list(values[0].axes)
    axes[axis] = ("c",)
    return activation(name, out, values[0].sizes["n"], axes)


def _is_channels(value: Activation, axis: int) -> bool:
    """Return whether that axis is the graph's channels; one channel is on no axis of its own."""
    return value.channels == ("c",) and value.axes[axis] == value.letters("c")
