"""Conv: of maps and of rows, with groups, dilation and any padding."""

from __future__ import annotations

import numpy as np

from qrig.networks.graph import ONE, Convolution, DepthwiseConvolution, Pair, Shape
from qrig.networks.onnx.build import Build
from qrig.networks.onnx.layout import MAP, Activation, activation
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.padding import sides_of, symmetric, widened
from qrig.networks.onnx.tensors import Array
from qrig.networks.onnx.text import short


def spatial(build: Build, node: Node) -> tuple[Activation, int]:
    """Return the input of a spatial node and how many spatial axes it has, 1 or 2.

    Raises LayoutError unless its axes are batch, channels, rows, columns, or without the rows.
    """
    value = build.padded(node)
    rank = len(value.axes) - 2
    if rank == 2 and value.is_along(*MAP):
        return value, rank
    if rank == 1 and value.extent("h") == 1 and value.is_along("n", "c", "w"):
        return value, rank
    raise build.layout_error(node, "batch, channels, rows, columns", value)


def map_axes(rank: int) -> tuple[tuple[str, ...], ...]:
    """Return the axes that a spatial node's output has."""
    return tuple((letter,) for letter in MAP if rank == 2 or letter != "h")


def convolution(build: Build, node: Node) -> Activation:
    """Convert a Conv node; weights (out, in / groups, ky, kx) as in ONNX's `Conv`."""
    value, rank = spatial(build, node)
    weights = _weights(build, node, rank)
    channels, per_group, *taps = weights.shape
    groups = node.integer("group", 1)
    if not 1 <= groups <= channels or channels % groups or per_group * groups != value.shape.c:
        raise node.fail(
            f"weights for {value.shape.c} input channels",
            f"{groups} groups and weights of shape {short(weights.shape)}",
        )
    kernel = Pair(*taps)
    stated = node.extents("kernel_shape", rank)
    if stated not in (None, kernel):
        raise node.fail(f"a kernel_shape of {tuple(kernel)}, as its weights are", short(stated))
    stride = node.extents("strides", rank) or ONE
    dilation = node.extents("dilations", rank) or ONE
    weights, pad, dilation, out = _symmetrical(build, node, value, weights, stride, dilation, rank)
    bias = _bias(build, node, channels)
    name = _add(build, node, value, weights, bias, (stride, pad, dilation), groups, out)
    return activation(name, out, value.sizes["n"], map_axes(rank))


def _weights(build: Build, node: Node, rank: int) -> Array:
    weights = build.weights(node, 1)
    if weights.ndim != rank + 2 or not weights.size:
        raise node.fail(f"weights of {rank + 2} dimensions", f"shape {short(weights.shape)}")
    return weights if rank == 2 else weights[:, :, np.newaxis]


def _bias(build: Build, node: Node, channels: int) -> Array:
    if not node.has(2):
        return np.zeros(channels)
    bias = build.weights(node, 2)
    if bias.shape != (channels,):
        raise node.fail(f"a bias of {channels} values", f"shape {short(bias.shape)}")
    return bias


def _symmetrical(
    build: Build,
    node: Node,
    value: Activation,
    weights: Array,
    stride: Pair,
    dilation: Pair,
    rank: int,
) -> tuple[Array, Pair, Pair, Shape]:
    """Return weights, padding, dilation and output shape with padding alike on both sides."""
    taps = weights.shape[2:]
    reach = tuple((k - 1) * d + 1 for k, d in zip(taps, dilation, strict=True))
    sides = sides_of(node, value, (reach[0], reach[1]), stride, rank)
    pads, dilations = [], []
    for axis, side in enumerate(sides):
        padding, front, behind = symmetric(side, dilation[axis])
        step = dilation[axis]
        if front or behind:
            is_whole = front % step == 0 and behind % step == 0
            longest = (side.reach + front + behind) // (step if is_whole else 1) + 1
            build.spend(weights.size // weights.shape[axis + 2] * longest, node.where)
            weights, step = widened(weights, axis + 2, step, front, behind)
        pads.append(padding)
        dilations.append(step if weights.shape[axis + 2] > 1 else 1)
    out = Shape(sides[0].outputs(), sides[1].outputs(), weights.shape[0])
    return weights, Pair(*pads), Pair(*dilations), out


def _add(
    build: Build,
    node: Node,
    value: Activation,
    weights: Array,
    bias: Array,
    window: tuple[Pair, Pair, Pair],
    groups: int,
    out: Shape,
) -> str:
    stride, pad, dilation = window
    if groups > 1 and groups == value.shape.c == out.c and dilation == ONE:
        return build.add(
            DepthwiseConvolution,
            node,
            (value,),
            out,
            kernel=Pair(*weights.shape[2:]),
            stride=stride,
            pad=pad,
            weights=weights[:, 0].transpose(1, 2, 0),
            bias=bias,
        )
    return build.add(
        Convolution,
        node,
        (value,),
        out,
        kernel=Pair(*weights.shape[2:]),
        stride=stride,
        pad=pad,
        weights=weights.transpose(0, 2, 3, 1),
        bias=bias,
        dilation=dilation,
        groups=groups,
    )
