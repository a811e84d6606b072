"""Caffe's Flatten and Reshape, as far as they make a vector."""

from __future__ import annotations

import math

from qrig.networks.caffe.layers.context import Context
from qrig.networks.graph import Flatten, Shape


def flatten(context: Context) -> Flatten:
    """Convert a Flatten layer of everything behind the batch."""
    param = context.layer.flatten_param
    first, last = context.axis(param.axis), context.axis(param.end_axis)
    if first != 1 or last != context.axes - 1:
        raise context.unsupported(f"a Flatten from axis {param.axis} to {param.end_axis}")
    return _vector(context)


def reshape(context: Context) -> Flatten:
    """Convert a Reshape layer that makes a vector of everything behind the batch."""
    param, size = context.layer.reshape_param, context.shape.size
    dims = [int(dim) for dim in param.shape.dim]
    found = _reshaped(context, dims) if len(dims) <= 8 else None
    if found is None or len(found) < 1 or found[0] != size or math.prod(found) != size:
        raise context.unsupported(
            f"a Reshape of {context.shape} to {dims[:8]}, other than to a vector"
        )
    return _vector(context)


def _reshaped(context: Context, dims: list[int]) -> list[int] | None:
    """Return the dimensions behind the batch of a reshaped blob; None if they cannot be."""
    param, (h, w, c) = context.layer.reshape_param, context.shape
    before = [1, c, h, w][: context.axes]
    start = context.axis(param.axis) + (1 if param.axis < 0 else 0)
    stop = len(before) if param.num_axes == -1 else start + param.num_axes
    if not 0 <= start <= stop <= len(before) or dims.count(-1) > 1:
        return None
    if any(dim == 0 and start + at >= len(before) for at, dim in enumerate(dims)):
        return None
    new = [before[start + at] if dim == 0 else dim for at, dim in enumerate(dims)]
    after = [*before[:start], *new, *before[stop:]]
    known = math.prod(dim for dim in after if dim != -1)
    if any(dim < -1 or dim == 0 for dim in after) or (-1 in after and math.prod(before) % known):
        return None
    after = [math.prod(before) // known if dim == -1 else dim for dim in after]
    return after[1:] if after and after[0] == 1 else None


def _vector(context: Context) -> Flatten:
    return Flatten(**context.base(Shape(1, 1, context.shape.size), vector=True))
