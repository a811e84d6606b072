"""Nodes whose inputs are all constants: computed once, while the network is read.

Exporters leave chains of them behind: the target of a reshape, computed from a shape, or weights
that are transposed before use. Semantics: the operators' pages of the ONNX project.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from qrig.errors import FileFormatError
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.shaping import axes_of, normal_axis, reshape_target, squeezed, unsqueezed
from qrig.networks.onnx.tensors import MAX_RANK, NUMPY_TYPES, Array
from qrig.networks.onnx.text import short
from qrig.networks.shapes import MAX_ELEMENTS

Arrays = Sequence[Array | None]
_MAX_INT64 = (1 << 63) - 1


def compute(node: Node, inputs: Arrays) -> Array:
    """Return the output of a node for constant inputs, None for one that is left out.

    Raises FileFormatError for inputs that do not fit the operator or make too large an array.
    """
    operation = OPERATIONS[node.op]
    if not inputs or inputs[0] is None:
        raise node.fail("an input", "none")
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused where it becomes a weight
            result = np.asarray(operation(node, inputs))
    except (ValueError, IndexError, TypeError, OverflowError, ArithmeticError) as error:
        reason = " ".join(str(error).split())[:120]
        raise node.fail("constants that fit the operator", f"some that do not ({reason})") from (
            error
        )
    return result


def sized(node: Node, dims: Sequence[int]) -> tuple[int, ...]:
    """Return `dims` as a shape that is small enough to make; raises FileFormatError."""
    shape = tuple(int(dim) for dim in dims)
    if len(shape) > MAX_RANK or any(dim < 0 for dim in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise FileFormatError(
            f"{node.where}: expected a constant of at most {MAX_ELEMENTS:,} elements, found shape "
            f"{short(shape)}; export the network again"
        )
    return shape


def at(node: Node, inputs: Arrays, index: int) -> Array:
    """Return the input of that number; raises FileFormatError if it is left out."""
    found = inputs[index] if index < len(inputs) else None
    if found is None:
        raise node.fail(f"input {index + 1}", "none")
    return found


def integers_at(node: Node, inputs: Arrays, index: int) -> list[int]:
    """Return the input of that number as integers; raises FileFormatError for other numbers."""
    array = at(node, inputs, index)
    if array.dtype.kind not in "iu" or array.ndim > 1 or array.size > MAX_ELEMENTS:
        raise node.fail(
            f"integers as input {index + 1}", f"{array.dtype} of shape {short(array.shape)}"
        )
    return [int(value) for value in array.reshape(-1)]


def _pairwise(function: Callable[[Array, Array], Array]) -> Callable[[Node, Arrays], Array]:
    def operation(node: Node, inputs: Arrays) -> Array:
        result = at(node, inputs, 0)
        for index in range(1, len(inputs)):
            other = at(node, inputs, index)
            sized(node, np.broadcast_shapes(result.shape, other.shape))
            result = function(result, other)
        return result

    return operation


def _single(function: Callable[[Array], Array]) -> Callable[[Node, Arrays], Array]:
    return lambda node, inputs: function(at(node, inputs, 0))


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        if not b.all():
            raise ArithmeticError("a division by zero")
        is_below = (a % b != 0) & ((a < 0) != (b < 0))
        quotient: Array = np.floor_divide(a, b) + is_below  # towards zero
        return quotient
    ratio: Array = a / b
    return ratio


def _cast(node: Node, inputs: Arrays) -> Array:
    to = NUMPY_TYPES.get(node.integer("to", 1))
    if to is None:
        raise node.fail("a cast to numbers", f"type {node.integer('to', 1)}")
    return at(node, inputs, 0).astype(to)


def _gather(node: Node, inputs: Arrays) -> Array:
    data, indices = at(node, inputs, 0), at(node, inputs, 1)
    axis = normal_axis(node, node.integer("axis", 0), data.ndim)
    sized(node, (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))
    return np.take(data, indices, axis=axis)


def _concat(node: Node, inputs: Arrays) -> Array:
    parts = [at(node, inputs, index) for index in range(len(inputs))]
    axis = normal_axis(node, node.integer("axis", 0), parts[0].ndim)
    return np.concatenate(parts, axis=axis)


def _slice(node: Node, inputs: Arrays) -> Array:
    data = at(node, inputs, 0)
    if node.opset < 10:
        starts, ends = node.integers("starts") or (), node.integers("ends") or ()
        axes: Sequence[int] = node.integers("axes") or range(len(starts))
        steps: Sequence[int] = [1] * len(starts)
    else:
        starts, ends = (tuple(integers_at(node, inputs, index)) for index in (1, 2))
        axes = integers_at(node, inputs, 3) if node.has(3) else range(len(starts))
        steps = integers_at(node, inputs, 4) if node.has(4) else [1] * len(starts)
    parts = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # numpy clips as ONNX does, but counts the end -2^63 of a step back from the back.
        stop = None if step < 0 and end < -data.shape[axis] else end
        parts[normal_axis(node, axis, data.ndim)] = slice(start, stop, step)
    return data[tuple(parts)]


def _filled(node: Node, inputs: Arrays) -> Array:
    shape = sized(node, integers_at(node, inputs, 0))
    value = at(node, inputs, 1) if len(inputs) > 1 else np.zeros(1, np.float32)
    return np.full(shape, value.reshape(-1)[0], value.dtype)


def _expand(node: Node, inputs: Arrays) -> Array:
    data = at(node, inputs, 0)
    shape = np.broadcast_shapes(data.shape, sized(node, integers_at(node, inputs, 1)))
    return np.broadcast_to(data, sized(node, shape))


def _range(node: Node, inputs: Arrays) -> Array:
    start, limit, step = (at(node, inputs, index).reshape(-1)[0] for index in range(3))
    if step == 0:
        raise ArithmeticError("a step of zero")
    sized(node, [max(0, math.ceil((float(limit) - float(start)) / float(step)))])
    return np.arange(start, limit, step)


def _reduce(function: Callable[..., Array]) -> Callable[[Node, Arrays], Array]:
    def operation(node: Node, inputs: Arrays) -> Array:
        data = at(node, inputs, 0)
        listed = integers_at(node, inputs, 1) if node.has(1) else node.integers("axes")
        if not listed and node.integer("noop_with_empty_axes", 0):
            return data
        axes = axes_of(node, listed, data.ndim) or range(data.ndim)
        result = function(data, axis=tuple(axes), keepdims=bool(node.integer("keepdims", 1)))
        return np.asarray(result, data.dtype)

    return operation


def _reshape(node: Node, inputs: Arrays) -> Array:
    data = at(node, inputs, 0)
    return data.reshape(reshape_target(node, integers_at(node, inputs, 1), data.shape))


def _transpose(node: Node, inputs: Arrays) -> Array:
    data = at(node, inputs, 0)
    return data.transpose(node.integers("perm") or tuple(range(data.ndim))[::-1])


def _squeeze(node: Node, inputs: Arrays) -> Array:
    data = at(node, inputs, 0)
    listed = integers_at(node, inputs, 1) if node.has(1) else node.integers("axes")
    return data.reshape([data.shape[axis] for axis in squeezed(node, listed, data.shape)])


def _unsqueeze(node: Node, inputs: Arrays) -> Array:
    data = at(node, inputs, 0)
    listed = integers_at(node, inputs, 1) if node.has(1) else node.integers("axes")
    kept = unsqueezed(node, listed, data.ndim)
    return data.reshape([1 if axis is None else data.shape[axis] for axis in kept])


def shape_of(node: Node, dims: Sequence[int]) -> Array:
    """Return what a Shape node makes of a tensor with these dimensions."""
    start, end = node.integer("start", 0), node.integer("end", _MAX_INT64)
    return np.array(tuple(dims)[slice(start, end)], dtype=np.int64)


OPERATIONS: dict[str, Callable[[Node, Arrays], Array]] = {
    "Abs": _single(np.abs),
    "Add": _pairwise(np.add),
    "And": _pairwise(np.logical_and),
    "Cast": _cast,
    "Ceil": _single(np.ceil),
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Div": _pairwise(_divide),
    "Equal": _pairwise(np.equal),
    "Exp": _single(np.exp),
    "Expand": _expand,
    "Floor": _single(np.floor),
    "Gather": _gather,
    "Greater": _pairwise(np.greater),
    "Identity": _single(lambda data: data),
    "Less": _pairwise(np.less),
    "Max": _pairwise(np.maximum),
    "Min": _pairwise(np.minimum),
    "Mul": _pairwise(np.multiply),
    "Neg": _single(np.negative),
    "Not": _single(np.logical_not),
    "Or": _pairwise(np.logical_or),
    "Pow": _pairwise(lambda a, b: np.asarray(np.power(a, b), a.dtype)),
    "Range": _range,
    "Reciprocal": _single(np.reciprocal),
    "ReduceMax": _reduce(np.max),
    "ReduceMean": _reduce(np.mean),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "Reshape": _reshape,
    "Shape": lambda node, inputs: shape_of(node, at(node, inputs, 0).shape),
    "Size": _single(lambda data: np.array(data.size, np.int64)),
    "Slice": _slice,
    "Sqrt": _single(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _pairwise(np.subtract),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": lambda node, inputs: np.where(*_broadcast(node, inputs)),
}
"""What can be computed of constants."""


def _broadcast(node: Node, inputs: Arrays) -> tuple[Array, Array, Array]:
    parts = [at(node, inputs, index) for index in range(3)]
    sized(node, np.broadcast_shapes(*(part.shape for part in parts)))
    return parts[0], parts[1], parts[2]
