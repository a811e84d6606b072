"""Layers with blobs: Convolution, InnerProduct, Scale, BatchNorm."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from qrig.networks.caffe.schema import message
from qrig.networks.graph import Pair, Shape
from qrig.networks.shapes import MAX_DIMENSION, MAX_ELEMENTS, checked, convolution_output
from qrig.training.context import Context, Operation, one
from qrig.training.extents import window
from qrig.training.parameters import Wanted


def convolution(context: Context) -> Operation:
    """Build a Convolution: weights (out, in / group, rows, columns), bias (out,)."""
    param = context.layer.convolution_param
    channels, *_ = context.images()
    if param.axis not in (1, -3):
        raise context.unsupported(f"a convolution over axis {param.axis}")
    out, area = _outputs(context, param), window(context, param)
    if not 1 <= param.group <= channels or channels % param.group or out % param.group:
        raise context.fail(
            f"a group that divides {channels} input and {out} output channels", str(param.group)
        )
    pairs = (Pair(*area.span), Pair(*area.stride), Pair(*area.pad))
    shape = Shape(*context.images()[1:], channels)
    checked(convolution_output(shape, *pairs, out), f"{context.where}: output")
    weights, bias = _weights_and_bias(context, param, out, (channels // param.group, *area.kernel))
    return one(
        lambda bottom: functional.conv2d(
            bottom, weights, bias, area.stride, area.pad, area.dilation, param.group
        )
    )


def inner_product(context: Context) -> Operation:
    """Build an InnerProduct: weights (out, in), or (in, out) transposed, bias (out,)."""
    param = context.layer.inner_product_param
    axis, out = context.axis(param.axis), _outputs(context, param)
    if axis == 0:
        raise context.unsupported("an inner product over the images of a batch")
    size = math.prod(context.shape[axis:])
    if param.transpose:
        _check_size(context, size * out)
        wanted = [Wanted((size, out), param.weight_filler)]
        wanted += [Wanted((out,), param.bias_filler)] * param.bias_term
        blobs = context.blobs(*wanted)
        weights, bias = blobs[0], blobs[1] if param.bias_term else None
    else:
        weights, bias = _weights_and_bias(context, param, out, (size,))

    def compute(bottom: Tensor) -> Tensor:
        matrix = weights.t() if param.transpose else weights
        return functional.linear(bottom.flatten(axis), matrix, bias)

    return one(compute)


def scale(context: Context) -> Operation:
    """Build a Scale with blobs of its own: a factor, and maybe a bias, for every channel."""
    param = context.layer.scale_param
    if len(context.shapes) != 1:
        raise context.unsupported("a Scale by a second bottom")
    axis, rest = context.axis(param.axis), len(context.shape)
    last = rest if param.num_axes == -1 else axis + param.num_axes
    if param.num_axes < -1 or last > rest or axis == 0:
        raise context.fail(
            f"num_axes of -1 to {rest - axis} behind axis 1 or a later one",
            f"axis {param.axis}, num_axes {param.num_axes}",
        )
    shape = context.shape[axis:last]
    filler = param.filler
    if not param.HasField("filler"):
        filler = message("FillerParameter")(type="constant", value=1)
    wanted = [Wanted(shape, filler)] + [Wanted(shape, param.bias_filler)] * param.bias_term
    blobs = context.blobs(*wanted)
    view = (*shape, *(1,) * (rest - last))

    def compute(bottom: Tensor) -> Tensor:
        scaled = bottom * blobs[0].view(view)
        return scaled + blobs[1].view(view) if param.bias_term else scaled

    return one(compute)


def batch_norm(context: Context) -> Operation:
    """Build a BatchNorm: blobs sum of means, sum of variances, and their weight.

    In training a batch is normalised by its own mean and variance, which are added to the blobs;
    in tests, or with use_global_stats, by the blobs divided by their weight. The variance that is
    kept is the unbiased one, as in Caffe.
    """
    param = context.layer.batch_norm_param
    if len(context.shape) < 2:
        raise context.fail("an input with channels", f"shape {context.shape}")
    if not (0 <= param.eps < math.inf and 0 <= param.moving_average_fraction <= 1):
        raise context.fail("eps of 0 or more and a moving_average_fraction of 0 to 1", "others")
    if any(spec.HasField("lr_mult") and spec.lr_mult != 0 for spec in context.layer.param):
        raise context.fail("lr_mult 0 for every blob of a BatchNorm", "another")
    zero = message("FillerParameter")()
    channels = (context.shape[1],)
    sizes = (channels, channels, (1,))
    blobs = context.blobs(*(Wanted(size, zero, frozen=True) for size in sizes))
    view = (1, *channels, *(1,) * (len(context.shape) - 2))
    fixed = context.testing if not param.HasField("use_global_stats") else param.use_global_stats
    if fixed:
        return one(lambda bottom: _normalised(bottom, *_kept(blobs, view), param.eps))
    return lambda bottoms, moment: (_by_batch(bottoms[0], blobs, view, param, keep=not moment.dry),)


def _kept(blobs: list[Tensor], view: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    means, variances, weight = blobs
    factor = torch.where(weight == 0, torch.zeros_like(weight), 1 / weight)
    return (means * factor).view(view), (variances * factor).view(view)


def _by_batch(
    bottom: Tensor, blobs: list[Tensor], view: tuple[int, ...], param: Any, *, keep: bool
) -> Tensor:
    axes = [axis for axis in range(bottom.dim()) if axis != 1]
    mean = bottom.mean(axes, keepdim=True)
    variance = (bottom - mean).square().mean(axes, keepdim=True)
    if keep:
        with torch.no_grad():
            means, variances, weight = blobs
            count = bottom.numel() // mean.numel()
            unbiased = count / (count - 1) if count > 1 else 1.0
            fraction = param.moving_average_fraction
            weight.mul_(fraction).add_(1)
            means.mul_(fraction).add_(mean.view(-1))
            variances.mul_(fraction).add_(variance.view(-1), alpha=unbiased)
    return _normalised(bottom, mean, variance, param.eps)


def _normalised(bottom: Tensor, mean: Tensor, variance: Tensor, eps: float) -> Tensor:
    return (bottom - mean) / (variance + eps).sqrt()


def _outputs(context: Context, param: Any) -> int:
    if not 1 <= param.num_output <= MAX_DIMENSION:
        raise context.fail(f"num_output of 1 to {MAX_DIMENSION:,}", str(param.num_output))
    return int(param.num_output)


def _check_size(context: Context, size: int) -> None:
    if size > MAX_ELEMENTS:
        raise context.fail(f"at most {MAX_ELEMENTS:,} weights", f"{size:,}")


def _weights_and_bias(
    context: Context, param: Any, out: int, inputs: tuple[int, ...]
) -> tuple[Tensor, Tensor | None]:
    _check_size(context, out * math.prod(inputs))
    wanted = [Wanted((out, *inputs), param.weight_filler)]
    wanted += [Wanted((out,), param.bias_filler)] * param.bias_term
    blobs = context.blobs(*wanted)
    return blobs[0], blobs[1] if param.bias_term else None
