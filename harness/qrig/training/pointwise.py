"""Layers without blobs that keep the shape: ReLU, Sigmoid, TanH, Softmax, Dropout, LRN."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from qrig.training.context import Context, Moment, Operation, one
from qrig.training.extents import Window
from qrig.training.pooling import average


def relu(context: Context) -> Operation:
    """Build a ReLU: `max(0, x) + negative_slope * min(0, x)`."""
    slope = context.layer.relu_param.negative_slope
    if not math.isfinite(slope):
        raise context.fail("a finite negative_slope", str(slope))
    if slope == 0:
        return one(functional.relu)
    return one(lambda bottom: torch.where(bottom > 0, bottom, bottom * slope))


def sigmoid(context: Context) -> Operation:
    """Build a Sigmoid."""
    return one(torch.sigmoid)


def tanh(context: Context) -> Operation:
    """Build a TanH."""
    return one(torch.tanh)


def softmax(context: Context) -> Operation:
    """Build a Softmax over its axis."""
    axis = context.axis(context.layer.softmax_param.axis)
    return one(lambda bottom: torch.softmax(bottom, axis))


def dropout(context: Context) -> Operation:
    """Build a Dropout: in training a part of the values is zero, the rest grows to make up for it.

    What is dropped depends on the seed, the layer's name and the batch alone.
    """
    ratio = context.layer.dropout_param.dropout_ratio
    if not 0 <= ratio < 1:
        raise context.fail("a dropout_ratio of 0 or more and below 1", f"{ratio:g}")
    if context.testing or ratio == 0:
        return one(lambda bottom: bottom)
    name = context.layer.name

    def compute(bottoms: Sequence[Tensor], moment: Moment) -> Sequence[Tensor]:
        drawn = torch.rand(bottoms[0].shape, generator=moment.random(name))
        return (bottoms[0] * (drawn >= ratio) / (1 - ratio),)

    return compute


def lrn(context: Context) -> Operation:
    """Build an LRN, across channels or within each one.

    Across: `x / (k + alpha / n * sum of n squares) ^ beta`. Within, the mean of the squares in a
    window is Caffe's average pooling and k is 1.
    """
    param = context.layer.lrn_param
    size, alpha, beta = int(param.local_size), float(param.alpha), float(param.beta)
    numbers = (alpha, beta, param.k)
    if size % 2 == 0 or not all(map(math.isfinite, numbers)):
        raise context.fail("an odd local_size and finite numbers", f"local_size {size}")
    channels, rows, columns = context.images()
    if size > 2 * max(channels, rows, columns) + 1:
        raise context.fail("a local_size that reaches no further than the input", str(size))
    if param.norm_region == 0:
        return one(
            lambda bottom: functional.local_response_norm(
                bottom, size, param.alpha, param.beta, param.k
            )
        )
    area = Window((size, size), (1, 1), (size // 2, size // 2))

    def compute(bottom: Tensor) -> Tensor:
        means = average(bottom.square(), area, (rows, columns))
        return bottom * (1 + alpha * means).pow(-beta)

    return one(compute)
