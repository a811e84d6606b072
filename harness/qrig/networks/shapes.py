"""Output shapes of convolutions and poolings, and the limits a shape must keep.

Formulas: Caffe's `ConvolutionLayer::compute_output_shape` and `PoolingLayer::Reshape`.
"""

from __future__ import annotations

from qrig.errors import FileFormatError
from qrig.networks.graph import Pair, Shape

MAX_DIMENSION = 65_535
"""Largest height, width, channel count or kernel side: the kernels take 16-bit dimensions."""

MAX_ELEMENTS = 1 << 26
"""Largest number of elements of one tensor or weight array qrig reads."""


def checked(shape: Shape, what: str) -> Shape:
    """Return `shape` if every side is 1..65535 and it has at most 2^26 elements.

    Raises FileFormatError that names `what` otherwise.
    """
    if any(not 1 <= side <= MAX_DIMENSION for side in shape) or shape.size > MAX_ELEMENTS:
        raise FileFormatError(
            f"{what}: expected sides of 1 to {MAX_DIMENSION:,} and at most {MAX_ELEMENTS:,} "
            f"elements, found shape {shape}; correct the sizes in the model"
        )
    return shape


def convolution_output(shape: Shape, kernel: Pair, stride: Pair, pad: Pair, channels: int) -> Shape:
    """Return the output shape of a convolution: floor((in + 2 pad - k) / stride) + 1."""
    return Shape(
        (shape.h + 2 * pad.y - kernel.y) // stride.y + 1,
        (shape.w + 2 * pad.x - kernel.x) // stride.x + 1,
        channels,
    )


def pooling_output(
    shape: Shape, kernel: Pair, stride: Pair, pad: Pair, *, ceil: bool = True
) -> Shape:
    """Return the output shape of a pooling as Caffe computes it (rounded up unless `ceil` is off).

    With padding along either side, a last window that would start beyond the image and the padding
    in front of it is dropped.
    """

    def side(size: int, k: int, s: int, p: int) -> int:
        span = size + 2 * p - k
        out = (-(-span // s) if ceil else span // s) + 1
        if any(pad) and (out - 1) * s >= size + p:
            out -= 1
        return out

    return Shape(
        side(shape.h, kernel.y, stride.y, pad.y), side(shape.w, kernel.x, stride.x, pad.x), shape.c
    )
