"""Caffe's Convolution."""

from __future__ import annotations

import numpy as np

from qrig.networks.caffe.layers.context import Context
from qrig.networks.caffe.layers.inner_product import outputs, with_bias
from qrig.networks.caffe.layers.windows import check_limits, extents, outside, repeated
from qrig.networks.graph import ONE, Convolution, DepthwiseConvolution, Pair
from qrig.networks.shapes import MAX_DIMENSION, convolution_output


def convolution(context: Context) -> Convolution | DepthwiseConvolution:
    """Convert a Convolution layer; weights become (out, ky, kx, in / groups).

    With as many groups as input and output channels, and without dilation, it is depthwise: Caffe's
    weights (channel, 1, ky, kx) become (ky, kx, channel).
    """
    param = context.layer.convolution_param
    kernel = extents(context, param, "kernel_size", "kernel", None)
    stride = extents(context, param, "stride", "stride", 1)
    pad = extents(context, param, "pad", "pad", 0)
    dilation = repeated(context, "dilation", list(param.dilation), 1)
    channels, inputs, groups = outputs(context, param), context.shape.c, param.group
    if context.axis(param.axis) != 1:
        raise context.unsupported(f"a convolution over axis {param.axis}")
    if groups < 1 or inputs % groups or channels % groups:
        raise context.fail(
            "groups that divide the channels",
            f"{groups} groups for {inputs} input and {channels} output channels",
        )
    check_limits(context, kernel, stride, pad)
    reach = _reach(context, kernel, dilation, pad)
    expected = (channels, inputs // groups, *kernel)
    weights, bias = with_bias(context, expected, channels, bias=param.bias_term)
    base = context.base(convolution_output(context.shape, reach, stride, pad, channels))
    if 1 < groups == inputs == channels and dilation == ONE:
        planes = np.ascontiguousarray(weights[:, 0].transpose(1, 2, 0))
        return DepthwiseConvolution(
            **base, kernel=kernel, stride=stride, pad=pad, weights=planes, bias=bias
        )
    return Convolution(
        **base,
        kernel=kernel,
        stride=stride,
        pad=pad,
        weights=np.ascontiguousarray(weights.transpose(0, 2, 3, 1)),
        bias=bias,
        dilation=dilation,
        groups=groups,
    )


def _reach(context: Context, kernel: Pair, dilation: Pair, pad: Pair) -> Pair:
    """Return the extent of the dilated kernel, which must fit into the padded input."""
    if not all(1 <= step <= MAX_DIMENSION for step in dilation):
        raise context.fail(f"a dilation of 1 to {MAX_DIMENSION}", f"{tuple(dilation)}")
    reach = Pair(*(step * (k - 1) + 1 for k, step in zip(kernel, dilation, strict=True)))
    for size, extent, p in zip(context.shape[:2], reach, pad, strict=True):
        if extent > size + 2 * p:
            raise outside(context, reach)
    return reach
