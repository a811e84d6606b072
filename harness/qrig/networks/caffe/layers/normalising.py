"""Caffe's LRN, BatchNorm and Scale."""

from __future__ import annotations

import math

import numpy as np

from qrig.errors import FileFormatError
from qrig.networks.caffe.layers.context import Context
from qrig.networks.graph import BatchNorm, FloatArray, LocalResponseNormalization, Scale
from qrig.networks.shapes import MAX_DIMENSION

_WITHIN_CHANNEL = 1


def lrn(context: Context) -> LocalResponseNormalization:
    """Convert an LRN layer. Within a channel Caffe adds 1, whatever `k` says."""
    param = context.layer.lrn_param
    if param.local_size % 2 == 0 or param.local_size > MAX_DIMENSION:
        raise context.fail("an odd local_size", f"{param.local_size}")
    if not all(map(math.isfinite, (param.alpha, param.beta, param.k))):
        raise context.fail("finite alpha, beta and k", f"{param.alpha}, {param.beta} and {param.k}")
    within = param.norm_region == _WITHIN_CHANNEL
    return LocalResponseNormalization(
        **context.base(context.shape),
        size=param.local_size,
        alpha=param.alpha,
        beta=param.beta,
        k=1.0 if within else param.k,
        within_channel=within,
    )


def batch_norm(context: Context) -> BatchNorm:
    """Convert a BatchNorm layer: blobs are sums of means and variances, and what they count.

    A count of zero makes both zero, as in Caffe.
    """
    param, channels = context.layer.batch_norm_param, context.shape.c
    if param.HasField("use_global_stats") and not param.use_global_stats:
        raise context.unsupported(
            "a BatchNorm with use_global_stats: false, whose output depends on the whole batch"
        )
    mean, variance, count = context.blobs((channels,), (channels,), (1,))
    total = float(count[0])
    factor = 0.0 if total == 0 else 1.0 / total
    with np.errstate(over="ignore"):
        mean = _scaled(mean, factor)
        variance = _scaled(variance, factor)
    deviations = variance.astype(np.float64) + param.eps
    if not (np.isfinite(mean).all() and np.isfinite(deviations).all() and (deviations > 0).all()):
        raise FileFormatError(
            f"{context.weights_path}: layer {context.layer.name!r}: expected finite means and "
            f"variances above -eps ({-param.eps:g}), found others; train the network again or use "
            "another snapshot"
        )
    return BatchNorm(
        **context.base(context.shape), mean=mean, variance=variance, eps=float(param.eps)
    )


def scale(context: Context) -> Scale:
    """Convert a Scale layer by channel, or by one number for all."""
    param, channels = context.layer.scale_param, context.shape.c
    axis, axes = context.axis(param.axis), param.num_axes
    to_the_end = axes == -1 and context.axes == 2
    single = axes == 0
    if not single and (axis != 1 or not (axes == 1 or to_the_end)):
        raise context.unsupported(f"a Scale over {axes} axes from axis {param.axis}")
    shape = () if single else (channels,)
    blobs = context.blobs(*[shape] * (2 if param.bias_term else 1))
    weights = np.broadcast_to(blobs[0], channels).copy()
    bias = np.broadcast_to(blobs[1], channels).copy() if param.bias_term else _zeros(channels)
    return Scale(**context.base(context.shape), weights=weights, bias=bias)


def _scaled(values: FloatArray, factor: float) -> FloatArray:
    return (values.astype(np.float64) * factor).astype(np.float32)


def _zeros(count: int) -> FloatArray:
    return np.zeros(count, dtype=np.float32)
