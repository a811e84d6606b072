"""Caffe's ReLU, Sigmoid, TanH and Softmax."""

from __future__ import annotations

import math

from qrig.networks.caffe.layers.context import Context
from qrig.networks.graph import ReLU, Sigmoid, Softmax, TanH


def relu(context: Context) -> ReLU:
    """Convert a ReLU layer, leaky or not."""
    slope = context.layer.relu_param.negative_slope
    if not math.isfinite(slope):
        raise context.fail("a finite negative_slope", f"{slope}")
    return ReLU(**context.base(context.shape), negative_slope=slope)


def sigmoid(context: Context) -> Sigmoid:
    """Convert a Sigmoid layer."""
    return Sigmoid(**context.base(context.shape))


def tanh(context: Context) -> TanH:
    """Convert a TanH layer."""
    return TanH(**context.base(context.shape))


def softmax(context: Context) -> Softmax:
    """Convert a Softmax layer over the channels."""
    axis = context.layer.softmax_param.axis
    if context.axis(axis) != 1:
        raise context.unsupported(f"a softmax over axis {axis}")
    return Softmax(**context.base(context.shape))
