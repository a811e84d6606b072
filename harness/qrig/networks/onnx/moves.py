"""Nodes that move values or pass them on: no layer comes of them."""

from __future__ import annotations

import attrs
import numpy as np

from qrig.networks.onnx.build import Build, InputCutError
from qrig.networks.onnx.layout import MAP, Activation, reshaped, transposed
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.shaping import normal_axis, reshape_target, squeezed, unsqueezed
from qrig.networks.onnx.tensors import NUMPY_TYPES
from qrig.networks.onnx.text import short

_MAX_PADDING = 65_535


def identity(build: Build, node: Node) -> Activation:
    """Pass a tensor on."""
    return build.padded(node)


def dropout(build: Build, node: Node) -> Activation:
    """Pass a tensor on, unless the node still trains."""
    if node.has(2) and build.constant(node, 2).any():
        raise node.unsupported("a dropout that still trains", "export the network for inference")
    return build.padded(node)


def cast(build: Build, node: Node) -> Activation:
    """Pass a tensor on to another type of floating-point numbers."""
    kind = NUMPY_TYPES.get(node.integer("to", 0))
    if kind is None or kind.kind != "f":
        raise node.unsupported(
            "a cast to other numbers than floating-point ones", "export the float network"
        )
    return build.padded(node)


def last(build: Build, node: Node) -> Activation:
    """Leave out an ArgMax node at the end."""
    if node.outputs[0] != build.model.output:
        raise node.unsupported("a choice within the network", "export the network without it")
    build.notices.append(f"{node.where}: left out: the output is the scores it chooses from")
    return build.activation(node)


def transpose(build: Build, node: Node) -> Activation:
    """Convert a Transpose node."""
    value = build.padded(node)
    rank = len(value.axes)
    order = node.integers("perm") or tuple(range(rank))[::-1]
    if sorted(order) != list(range(rank)):
        raise node.fail(f"a permutation of {rank} axes", short(order))
    return transposed(value, order)


def reshape(build: Build, node: Node) -> Activation:
    """Convert a Reshape node with a constant target."""
    value = build.activation(node)
    target = build.integers(node, 1, "shape")
    if target is None:
        raise node.fail("a target shape", "none")
    return _moved(build, node, value, reshape_target(node, target, value.dims))


def flatten(build: Build, node: Node) -> Activation:
    """Convert a Flatten node: a matrix, cut at an axis."""
    value = build.activation(node)
    axis = node.integer("axis", 1)
    rank = len(value.axes)
    if not -rank <= axis <= rank:
        raise node.fail(f"an axis within {rank} dimensions", str(axis))
    cut = axis + rank if axis < 0 else axis
    rows = int(np.prod(value.dims[:cut], dtype=np.int64))
    columns = int(np.prod(value.dims[cut:], dtype=np.int64))
    return _moved(build, node, value, (rows, columns))


def squeeze(build: Build, node: Node) -> Activation:
    """Convert a Squeeze node."""
    value = build.activation(node)
    kept = squeezed(node, build.integers(node, 1, "axes"), value.dims)
    return attrs.evolve(value, axes=tuple(value.axes[axis] for axis in kept))


def unsqueeze(build: Build, node: Node) -> Activation:
    """Convert an Unsqueeze node."""
    value = build.activation(node)
    kept = unsqueezed(node, build.integers(node, 1, "axes"), len(value.axes))
    return attrs.evolve(
        value, axes=tuple(() if axis is None else value.axes[axis] for axis in kept)
    )


def _moved(build: Build, node: Node, value: Activation, dims: tuple[int, ...]) -> Activation:
    found = reshaped(value, dims)
    if found is not None:
        return found
    if value.name == build.input_name:
        message = str(build.layout_error(node, f"an input of shape {short(dims)}", value))
        raise InputCutError(message, dims)
    raise build.layout_error(
        node, f"axes to reshape to {short(dims)} without cutting one apart", value
    )


def pad(build: Build, node: Node) -> Activation:
    """Keep the zeros a Pad node puts around rows and columns for the node that reads them."""
    value = build.padded(node)
    if node.text("mode", "constant") != "constant" or _fill(build, node) != 0:
        raise node.unsupported(
            "a padding with other values than zero", "train the network with zero padding"
        )
    rank = len(value.axes)
    pads = build.integers(node, 1, "pads") or ()
    axes = tuple(range(rank))
    if node.has(3):
        axes = tuple(
            normal_axis(node, axis, rank) for axis in build.integers(node, 3, "axes") or ()
        )
    if len(pads) != 2 * len(axes) or len(set(axes)) != len(axes):
        raise node.fail(f"two pads for each of {len(axes)} axes", short(pads))
    if not all(0 <= amount <= _MAX_PADDING for amount in pads):
        raise node.unsupported(
            f"pads {short(pads)}", "train the network without cropping, and with fewer zeros"
        )
    around = dict(zip(axes, zip(pads, pads[len(axes) :], strict=False), strict=False))
    return _surrounded(build, node, value, around)


def _fill(build: Build, node: Node) -> float:
    if not node.has(2):
        return node.number("value", 0.0)
    constant = build.constant(node, 2)
    return float(constant.reshape(-1)[0]) if constant.size else 0.0


def _surrounded(
    build: Build, node: Node, value: Activation, around: dict[int, tuple[int, int]]
) -> Activation:
    wanted = {axis for axis, amounts in around.items() if any(amounts)}
    if not wanted:
        return value
    for order in (MAP, ("n", "h", "w", "c"), ("n", "c", "w"), ("n", "w", "c")):
        places = {axis for axis in wanted if axis < len(order) and order[axis] in "hw"}
        if value.is_along(*order) and places == wanted:
            break
    else:
        raise build.layout_error(node, "zeros around rows and columns alone", value)
    top, left, bottom, right = value.padding
    more = {order[axis]: amounts for axis, amounts in around.items()}
    (above, below), (before, behind) = more.get("h", (0, 0)), more.get("w", (0, 0))
    padding = (top + above, left + before, bottom + below, right + behind)
    # An axis of one row had no letter; with rows around it it has.
    axes = [
        (letter,) if index in wanted else axis
        for index, (letter, axis) in enumerate(zip(order, value.axes, strict=True))
    ]
    return attrs.evolve(value, axes=tuple(axes), padding=padding)
