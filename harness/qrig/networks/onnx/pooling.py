"""MaxPool, AveragePool, the global poolings, and means over rows and columns."""

from __future__ import annotations

from qrig.networks.graph import (
    ONE,
    Concat,
    Eltwise,
    Pair,
    Pooling,
    ReLU,
    Shape,
    Sigmoid,
)
from qrig.networks.onnx.build import Build
from qrig.networks.onnx.convolution import map_axes, spatial
from qrig.networks.onnx.layout import NO_PADDING, Activation, activation
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.padding import Side, sides_of
from qrig.networks.onnx.shaping import axes_of

_NO_PAD = Pair(0, 0)


def pooling(build: Build, node: Node) -> Activation:
    """Convert a MaxPool or AveragePool node.

    Padding at the end only is a last window that overhangs, as in the graph's poolings.
    """
    value, rank = spatial(build, node)
    method = "max" if node.op == "MaxPool" else "average"
    kernel = node.extents("kernel_shape", rank)
    if kernel is None:
        raise node.fail("a kernel_shape", "none")
    stride = node.extents("strides", rank) or ONE
    dilation = node.extents("dilations", rank) or ONE
    if any(step > 1 and side > 1 for step, side in zip(dilation, kernel, strict=True)):
        raise node.unsupported(
            f"a pooling with dilations {tuple(dilation)}", "train the network without them"
        )
    counts = node.integer("count_include_pad", 0) != 0
    if value.padding != NO_PADDING:
        counts = _takes_zeros(build, node, value, method, counts)
    sides = sides_of(node, value, kernel, stride, rank)
    if any(max(side.before, side.after) >= side.reach for side in sides):
        raise node.unsupported(
            f"a padding as large as the kernel {tuple(kernel)}", "train the network with a smaller"
        )
    out = Shape(sides[0].outputs(), sides[1].outputs(), value.shape.c)
    counts = counts and method == "average" and _counts(node, sides, out)
    name = build.add(
        Pooling,
        node,
        (value,),
        out,
        method=method,
        kernel=kernel,
        stride=stride,
        pad=Pair(sides[0].before, sides[1].before),
        counts_padding=counts,
    )
    return activation(name, out, value.sizes["n"], map_axes(rank))


def _counts(node: Node, sides: tuple[Side, Side], out: Shape) -> bool:
    """Return whether an average that counts padding is another than one that does not.

    The graph counts as much padding at the end as at the front. That is the same unless a window
    reaches into rows that only one of the two has.
    """
    is_padded = any(side.before or side.after for side in sides)
    for side, count in zip(sides, out[:2], strict=True):
        end = (count - 1) * side.stride - side.before + side.reach - side.size
        if is_padded and side.before != side.after and end > min(side.before, side.after):
            raise node.unsupported(
                f"an average that counts unlike padding ({side.before} in front, {side.after} "
                "behind)",
                "train the network with count_include_pad=False, or with the same on both sides",
            )
    return is_padded


def _takes_zeros(build: Build, node: Node, value: Activation, method: str, counts: bool) -> bool:
    """Return whether a pooling behind a Pad counts padding; raises what cannot be one pooling.

    A maximum of values that are zero or more is the same with and without zeros around them.
    """
    if method == "max" and not is_positive(build, value.name):
        raise node.unsupported(
            "rows of zeros in front of a maximum of values that may be negative",
            "pad in the pooling itself, or behind a ReLU",
        )
    own = node.text("auto_pad", "NOTSET") != "NOTSET" or any(node.integers("pads") or ())
    if method == "average" and own and not counts:
        raise node.unsupported(
            "a Pad node in front of an average with padding of its own",
            "train the network with one of them",
        )
    return True


def is_positive(build: Build, name: str) -> bool:
    """Return whether every value of a tensor is certain to be zero or more."""
    waiting = [name]
    seen: set[str] = set()
    while waiting:
        layer = build.layers.get(waiting.pop())
        if isinstance(layer, Pooling | Concat | Eltwise):
            if isinstance(layer, Eltwise) and any(factor < 0 for factor in layer.coefficients):
                return False
            waiting.extend(set(layer.inputs) - seen)
            seen.update(layer.inputs)
        elif not isinstance(layer, Sigmoid) and not (
            isinstance(layer, ReLU) and layer.negative_slope == 0
        ):
            return False
    return True


def global_pooling(build: Build, node: Node) -> Activation:
    """Convert a GlobalAveragePool or GlobalMaxPool node."""
    value, rank = spatial(build, node)
    if value.padding != NO_PADDING:
        value = build.activation(node)
    method = "max" if node.op == "GlobalMaxPool" else "average"
    name, out = _whole(build, node, value, method, "hw")
    return activation(name, out, value.sizes["n"], map_axes(rank))


def reduction(build: Build, node: Node) -> Activation:
    """Convert a ReduceMean or ReduceMax node over rows, columns or both."""
    value = build.activation(node)
    listed = build.integers(node, 1, "axes")
    if not listed and node.integer("noop_with_empty_axes", 0):
        return value
    rank = len(value.axes)
    axes = axes_of(node, listed, rank) if listed else tuple(range(rank))
    letters = [letter for axis in axes for letter in value.axes[axis]]
    if not set(letters) <= {"h", "w"} or value.channels != ("c",):
        raise build.layout_error(node, "rows and columns to reduce over", value)
    name, out = value.name, value.shape
    if letters:
        method = "max" if node.op == "ReduceMax" else "average"
        name, out = _whole(build, node, value, method, "".join(letters))
    keeps = node.integer("keepdims", 1) != 0
    kept = [
        () if axis in axes else letters_of
        for axis, letters_of in enumerate(value.axes)
        if keeps or axis not in axes
    ]
    return activation(name, out, value.sizes["n"], kept)


def _whole(
    build: Build, node: Node, value: Activation, method: str, letters: str
) -> tuple[str, Shape]:
    """Add a pooling over the whole of the given letters."""
    h, w, c = value.shape
    kernel = Pair(h if "h" in letters else 1, w if "w" in letters else 1)
    out = Shape(h // kernel.y, w // kernel.x, c)
    name = build.add(
        Pooling, node, (value,), out, method=method, kernel=kernel, stride=ONE, pad=_NO_PAD
    )
    return name, out
