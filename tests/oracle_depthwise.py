"""The scalar oracle of depthwise convolutions: one channel after the other, each an image."""

from collections.abc import Sequence

from oracle import conv


def depthwise_conv(
    x: Sequence[int],
    in_h: int,
    in_w: int,
    ch: int,
    weights: Sequence[int],
    bias: Sequence[int],
    kernel_h: int,
    kernel_w: int,
    pad_h: int,
    pad_w: int,
    stride_h: int,
    stride_w: int,
    bias_shift: int,
    out_shift: int,
    truncate: bool = False,
    out_h: int | None = None,
    out_w: int | None = None,
) -> tuple[list[int], int, int]:
    """Return (y, out_h, out_w) of a q7 depthwise convolution; y is (out_h, out_w, ch).

    x is (in_h, in_w, ch), weights (kernel_h, kernel_w, ch), bias (ch). Channel c of y is the
    convolution, as `oracle.conv` has it, of channel c of x with channel c of the weights.
    """
    if len(x) != in_h * in_w * ch or len(weights) != kernel_h * kernel_w * ch or len(bias) != ch:
        raise ValueError(f"{ch} channels: found {len(x)=} {len(weights)=} {len(bias)=}")
    window = (kernel_h, kernel_w, pad_h, pad_w, stride_h, stride_w)
    scaling = (bias_shift, out_shift, truncate, out_h, out_w)
    planes = [
        conv(x[c::ch], in_h, in_w, 1, weights[c::ch], [bias[c]], 1, *window, *scaling)
        for c in range(ch)
    ]
    y = [value for pixel in zip(*(plane for plane, _, _ in planes), strict=True) for value in pixel]
    return y, *planes[0][1:]
