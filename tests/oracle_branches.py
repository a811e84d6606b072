"""A slow scalar oracle of what joins tensors and of the activations by table.

Plain Python integers, one element at a time, from the description of the layers alone, as in
`oracle`. Tensors are flat sequences in HWC order.
"""

import math
from collections.abc import Sequence
from typing import Literal

from oracle import sat8


def _half(shift: int, truncate: bool) -> int:
    return 0 if truncate or shift == 0 else 2 ** (shift - 1)


def concat(
    tensors: Sequence[Sequence[int]],
    channels: Sequence[int],
    shifts: Sequence[int],
    truncate: bool = False,
) -> list[int]:
    """Return the pixels of all tensors, channels behind each other.

    Every value is divided by 2^shift of its tensor, rounded half up, or down with truncate.
    """
    pixels = len(tensors[0]) // channels[0]
    y = []
    for pixel in range(pixels):
        for x, ch, shift in zip(tensors, channels, shifts, strict=True):
            for c in range(ch):
                y.append((x[pixel * ch + c] + _half(shift, truncate)) // 2**shift)
    if any(sat8(value) != value for value in y):
        raise ValueError("a value left 8 bits")
    return y


def eltwise_sum(
    tensors: Sequence[Sequence[int]],
    shifts: Sequence[int],
    out_shift: int,
    truncate: bool = False,
) -> list[int]:
    """Return sat8((sum of x * 2^shift, + half a step) / 2^out_shift, rounded down)."""
    y = []
    for k in range(len(tensors[0])):
        total = _half(out_shift, truncate)
        for x, shift in zip(tensors, shifts, strict=True):
            total += x[k] * 2**shift
        if not -(2**31) <= total < 2**31:
            raise ValueError("a sum left 32 bits")
        y.append(sat8(total // 2**out_shift))
    return y


def activation(kind: Literal["sigmoid", "tanh"], x: Sequence[int], int_width: int) -> list[int]:
    """Return floor(f(k / 16) * 128 + 1/2), limited to int8; k is x in steps of 1/16, rounded down.

    x has int_width integer bits, so one of its steps is 2^int_width / 128.
    """
    y = []
    for value in x:
        k = math.floor(value * 2**int_width / 128 * 16)
        real = math.tanh(k / 16) if kind == "tanh" else 1 / (1 + math.exp(-k / 16))
        y.append(sat8(math.floor(real * 128 + 0.5)))
    return y
