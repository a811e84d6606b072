"""Pooling as Caffe does it: sizes rounded up, windows clipped, padding counted in averages."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from qrig.networks.graph import Pair, Shape
from qrig.networks.shapes import checked, pooling_output
from qrig.training.context import Context, Extent, Operation, one
from qrig.training.extents import Window, window


def pooling(context: Context) -> Operation:
    """Build a Pooling: max or average, local or global."""
    param = context.layer.pooling_param
    channels, rows, columns = context.images()
    if param.pool not in (0, 1):
        raise context.unsupported("a stochastic pooling")
    area = Window((rows, columns), (1, 1), (0, 0))
    if not param.global_pooling:
        area = window(context, param)
    if any(pad >= side for pad, side in zip(area.pad, area.kernel, strict=True)):
        raise context.fail(
            "a padding smaller than the kernel", f"padding {area.pad}, kernel {area.kernel}"
        )
    out = pooling_output(
        Shape(rows, columns, channels),
        Pair(*area.kernel),
        Pair(*area.stride),
        Pair(*area.pad),
        ceil=param.round_mode == 0,
    )
    checked(out, f"{context.where}: output")
    size = (out.h, out.w)
    for count, stride, pad, side in zip(size, area.stride, area.pad, (rows, columns), strict=True):
        if (count - 1) * stride - pad >= side:
            raise context.unsupported("a pooling whose last window lies outside the image")
    reduce = maximum if param.pool == 0 else average
    return one(lambda bottom: reduce(bottom, area, size))


def maximum(bottom: Tensor, area: Window, size: Extent) -> Tensor:
    """Return the largest value of every window; of equal ones the first is meant in gradients."""
    if 2 * area.pad[0] <= area.kernel[0] and 2 * area.pad[1] <= area.kernel[1]:
        return functional.max_pool2d(
            bottom, area.kernel, area.stride, area.pad, ceil_mode=_rounded_up(bottom, area, size)
        )
    padded = functional.pad(bottom, _margins(bottom, area, size), value=-torch.inf)
    return functional.max_pool2d(padded, area.kernel, area.stride)


def average(bottom: Tensor, area: Window, size: Extent) -> Tensor:
    """Return the mean of every window.

    The sum is divided by the area of the window clipped to the image and the padding behind it, so
    padding counts as zeros.
    """
    if 2 * area.pad[0] <= area.kernel[0] and 2 * area.pad[1] <= area.kernel[1]:
        return functional.avg_pool2d(
            bottom, area.kernel, area.stride, area.pad, ceil_mode=_rounded_up(bottom, area, size)
        )
    padded = functional.pad(bottom, _margins(bottom, area, size))
    sums = functional.avg_pool2d(padded, area.kernel, area.stride, divisor_override=1)
    return sums / _areas(bottom, area, size)


def _rounded_up(bottom: Tensor, area: Window, size: Extent) -> bool:
    """Say whether `size` is more than the number of windows that lie inside."""
    return any(
        count > (side + 2 * pad - kernel) // stride + 1
        for count, side, pad, kernel, stride in zip(
            size, bottom.shape[2:], area.pad, area.kernel, area.stride, strict=True
        )
    )


def _areas(bottom: Tensor, area: Window, size: Extent) -> Tensor:
    sides = []
    for axis in (0, 1):
        start = torch.arange(size[axis]) * area.stride[axis] - area.pad[axis]
        end = (start + area.kernel[axis]).clamp(max=bottom.shape[axis + 2] + area.pad[axis])
        sides.append((end - start).to(bottom.dtype))
    return sides[0][:, None] * sides[1][None, :]


def _margins(bottom: Tensor, area: Window, size: Extent) -> list[int]:
    """Return the margins all windows lie in: left, right, top, bottom; negative ones cut off."""
    margins = []
    for axis in (1, 0):
        far = (size[axis] - 1) * area.stride[axis] + area.kernel[axis] - area.pad[axis]
        margins += [area.pad[axis], far - bottom.shape[axis + 2]]
    return margins
