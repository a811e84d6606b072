"""Layers that join, split or reshape: Concat, Eltwise, Flatten, Split, Silence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from qrig.training.context import Context, Moment, Operation, one


def concat(context: Context) -> Operation:
    """Build a Concat along its axis (or the older concat_dim)."""
    param = context.layer.concat_param
    axis = context.axis(param.concat_dim if param.HasField("concat_dim") else param.axis)
    kept = {(*shape[:axis], *shape[axis + 1 :]) for shape in context.shapes}
    if len(kept) != 1 or len({len(shape) for shape in context.shapes}) != 1:
        raise context.fail(f"inputs that differ along axis {axis} alone", _text(context))
    return lambda bottoms, moment: (torch.cat(list(bottoms), axis),)


def eltwise(context: Context) -> Operation:
    """Build an Eltwise: product, sum with coefficients, or maximum."""
    param = context.layer.eltwise_param
    count = len(context.shapes)
    if len(set(context.shapes)) != 1 or count < 2:
        raise context.fail("two or more inputs of one shape", _text(context))
    coefficients = list(param.coeff) or [1.0] * count
    if len(coefficients) != count or (param.coeff and param.operation != 1):
        raise context.fail(
            f"{count} coeff for a SUM of {count} inputs and none otherwise", str(len(param.coeff))
        )
    if not all(map(math.isfinite, coefficients)):
        raise context.fail("finite coefficients", str(coefficients))
    if param.operation == 0:
        return lambda bottoms, moment: (reduce(torch.mul, bottoms),)
    if param.operation == 2:
        return lambda bottoms, moment: (reduce(_larger, bottoms),)

    def total(bottoms: Sequence[Tensor], moment: Moment) -> Sequence[Tensor]:
        terms = (
            bottom if factor == 1 else bottom * factor
            for bottom, factor in zip(bottoms, coefficients, strict=True)
        )
        return (reduce(torch.add, terms),)

    return total


def _larger(first: Tensor, second: Tensor) -> Tensor:
    """Return the maximum; of equal values the second is meant in gradients, as in Caffe."""
    return torch.where(first > second, first, second)


def flatten(context: Context) -> Operation:
    """Build a Flatten from axis to end_axis."""
    param = context.layer.flatten_param
    first, last = context.axis(param.axis), context.axis(param.end_axis)
    if first > last or first == 0:
        raise context.fail(
            "an axis of 1 or more and an end_axis not before it", f"{first} to {last}"
        )
    return one(lambda bottom: bottom.flatten(first, last))


def split(context: Context) -> Operation:
    """Build a Split: every top is the bottom."""
    count = len(context.layer.top)
    return lambda bottoms, moment: (bottoms[0],) * count


def silence(context: Context) -> Operation:
    """Build a Silence, which takes tensors and makes none."""
    return lambda bottoms, moment: ()


def _text(context: Context) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in context.shapes)
