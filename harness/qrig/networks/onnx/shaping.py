"""Axes and target shapes of the operators that only move values, as plain integers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qrig.networks.onnx.node import Node
from qrig.networks.onnx.tensors import MAX_RANK
from qrig.networks.onnx.text import short


def normal_axis(node: Node, axis: int, rank: int) -> int:
    """Return an axis counted from the front; raises FileFormatError outside `rank`."""
    if not -rank <= axis < rank:
        raise node.fail(f"an axis within {rank} dimensions", str(axis))
    return axis % rank


def axes_of(node: Node, listed: Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Return the listed axes counted from the front, in order; none for None."""
    axes = sorted({normal_axis(node, axis, rank) for axis in listed or ()})
    if len(axes) != len(listed or ()):
        raise node.fail("axes that are listed once", short(list(listed or ())))
    return tuple(axes)


def squeezed(node: Node, listed: Sequence[int] | None, dims: Sequence[int]) -> tuple[int, ...]:
    """Return the axes that a Squeeze leaves; raises FileFormatError for one that is not 1."""
    if listed is None:
        return tuple(axis for axis, dim in enumerate(dims) if dim != 1)
    dropped = axes_of(node, listed, len(dims))
    if any(dims[axis] != 1 for axis in dropped):
        raise node.fail(
            "axes of size 1 to drop", f"{short(list(listed))} of shape {short(tuple(dims))}"
        )
    return tuple(axis for axis in range(len(dims)) if axis not in dropped)


def unsqueezed(node: Node, listed: Sequence[int] | None, rank: int) -> tuple[int | None, ...]:
    """Return the axes after an Unsqueeze: those of the input, None for a new one."""
    if listed is None or rank + len(listed) > MAX_RANK:
        raise node.fail(f"axes to add, {MAX_RANK} dimensions at most", short(listed))
    added = axes_of(node, listed, rank + len(listed))
    old = iter(range(rank))
    return tuple(None if axis in added else next(old) for axis in range(rank + len(listed)))


def reshape_target(node: Node, target: Sequence[int], dims: Sequence[int]) -> tuple[int, ...]:
    """Return the dimensions of a Reshape: 0 keeps one (unless `allowzero`), -1 is what is left.

    Raises FileFormatError if the target is no shape for as many elements.
    """
    found = list(target)
    if not node.integer("allowzero", 0):
        found = [
            dims[axis] if dim == 0 and axis < len(dims) else dim for axis, dim in enumerate(found)
        ]
    rest = math.prod(dim for dim in found if dim != -1)
    count = math.prod(dims)
    if found.count(-1) == 1 and rest > 0 and count % rest == 0:
        found[found.index(-1)] = count // rest
    if len(found) > MAX_RANK or any(dim < 0 for dim in found) or math.prod(found) != count:
        raise node.fail(
            f"a target shape for {count} elements ({'x'.join(map(str, dims))})", short(list(target))
        )
    return tuple(found)
