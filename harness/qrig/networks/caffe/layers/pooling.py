"""Caffe's Pooling."""

from __future__ import annotations

from qrig.networks.caffe.layers.context import Context
from qrig.networks.caffe.layers.windows import check_limits, extents, outside
from qrig.networks.graph import Pair, Pooling, Shape
from qrig.networks.shapes import pooling_output

_METHODS = ("max", "average")
_CEIL = 0


def pooling(context: Context) -> Pooling:
    """Convert a Pooling layer (max or average, local or global); padding counts in averages."""
    param = context.layer.pooling_param
    if param.pool >= len(_METHODS):
        raise context.unsupported("a stochastic pooling")
    if param.global_pooling:
        kernel, stride, pad = Pair(context.shape.h, context.shape.w), Pair(1, 1), Pair(0, 0)
    else:
        kernel = extents(context, param, "kernel_size", "kernel", None)
        stride = extents(context, param, "stride", "stride", 1)
        pad = extents(context, param, "pad", "pad", 0)
    check_limits(context, kernel, stride, pad)
    if pad.y >= kernel.y or pad.x >= kernel.x:
        raise context.fail("a padding smaller than the kernel", f"padding {pad}, kernel {kernel}")
    out = pooling_output(context.shape, kernel, stride, pad, ceil=param.round_mode == _CEIL)
    _check_windows(context, out, kernel, stride, pad)
    method = _METHODS[param.pool]
    return Pooling(
        **context.base(out),
        method=method,
        kernel=kernel,
        stride=stride,
        pad=pad,
        counts_padding=method == "average" and any(pad),
    )


def _check_windows(context: Context, out: Shape, kernel: Pair, stride: Pair, pad: Pair) -> None:
    """Refuse sizes without a window, and a last window that begins behind the image.

    Caffe computes the latter, from nothing: the mean of no values, or the lowest float.
    """
    if out.h < 1 or out.w < 1:
        raise outside(context, kernel)
    for size, count, step, p in zip(context.shape[:2], out[:2], stride, pad, strict=True):
        if (count - 1) * step - p >= size:
            raise context.unsupported("a pooling whose last window lies outside the image")
