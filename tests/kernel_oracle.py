"""A scalar oracle of every legacy kernel: what a call must compute, in plain Python integers.

Written from the description of CMSIS-NN 5.9.0 alone; it shares no code with the numpy reference or
the C kernels. Pools and the q7 softmax are those of `oracle`. Tensors are flat lists in HWC order,
weights in the kernel's plain order: OHWI, (ky, kx, channel) for depthwise, row-major for fully
connected, also for the kernels that want them interleaved.
"""

import math
from collections.abc import Mapping, Sequence
from operator import mul
from typing import NamedTuple

from oracle import PoolForm, avg_pool, max_pool, softmax, wrap32

Parameters = Mapping[str, int]


class Meaning(NamedTuple):
    """Which of several historical results is meant; pooling is "dsp" or "c"."""

    pooling: str = "dsp"
    softmax: str = "5.9"
    truncate: bool = False


DEFAULT = Meaning()
"""What the kernels of CMSIS-NN 5.9.0 compute on a Cortex-M4 or M7."""


def expected(
    name: str,
    p: Parameters,
    x: Sequence[int],
    w: Sequence[int] = (),
    b: Sequence[int] = (),
    meaning: Meaning = DEFAULT,
) -> list[int]:
    """Return the output of kernel `name`; parameters have the names of ARM's headers."""
    bits = 16 if "q15" in name else 8
    if "depthwise" in name:
        return _depthwise(p, x, w, b, meaning)
    if "convolve" in name:
        return _convolution(p, x, w, b, bits, meaning)
    if "fully_connected" in name:
        rows, columns = p["num_of_rows"], p["dim_vec"]
        matrix = [w[row * columns : (row + 1) * columns] for row in range(rows)]
        return [
            _output(p, _products(x, line), b[r], bits, meaning) for r, line in enumerate(matrix)
        ]
    if "pool" in name:
        return _pool(name, p, x, meaning)
    if "preprocess" in name:
        return [_scaled(p, value & 0xFF, w[i % len(w)]) for i, value in enumerate(x)]
    if "copy" in name:
        return list(x)
    if "relu" in name:
        return [max(0, value) for value in x]
    if "softmax" in name:
        return (
            _softmax_q15(x)
            if bits == 16
            else softmax(x, "5.4" if meaning.softmax == "5.4" else "5.9")
        )
    function = (_sigmoid, math.tanh)[p["type"]]
    if bits == 8:
        return [_table(function, value >> (3 - p["int_width"]), 8) for value in x]
    return [_interpolated(function, value, 11 - p["int_width"]) for value in x]


def _pair(p: Parameters, name: str) -> tuple[int, int]:
    """Return (y, x) of a parameter, which the square forms give once."""
    return (p[name], p[name]) if name in p else (p[f"{name}_y"], p[f"{name}_x"])


def _products(x: Sequence[int], w: Sequence[int]) -> int:
    """Return the sum of x[i] * w[i]; the accumulator may wrap at the end as well as on the way."""
    return sum(map(mul, x, w))


def _output(p: Parameters, products: int, bias: int, bits: int, meaning: Meaning) -> int:
    """Return saturate(wrap32((bias << bias_shift) + round + products) >> out_shift)."""
    half = 0 if meaning.truncate else (1 << p["out_shift"]) >> 1
    total = wrap32((bias << p["bias_shift"]) + half + products) >> p["out_shift"]
    return _saturated(total, bits)


def _saturated(value: int, bits: int) -> int:
    top = 1 << (bits - 1)
    return max(-top, min(top - 1, value))


def _window(p: Parameters, x: Sequence[int], out_y: int, out_x: int) -> list[int]:
    """Return the (ky, kx, channel) window of an output pixel; taps outside the image are 0."""
    (rows, columns), ch = _pair(p, "dim_im_in"), p["ch_im_in"]
    (kernel_y, kernel_x), (pad_y, pad_x) = _pair(p, "dim_kernel"), _pair(p, "padding")
    stride_y, stride_x = _pair(p, "stride")
    window: list[int] = []
    for ky in range(kernel_y):
        row = out_y * stride_y - pad_y + ky
        for kx in range(kernel_x):
            column = out_x * stride_x - pad_x + kx
            if 0 <= row < rows and 0 <= column < columns:
                start = (row * columns + column) * ch
                window += x[start : start + ch]
            else:
                window += [0] * ch
    return window


def _positions(p: Parameters) -> list[tuple[int, int]]:
    rows, columns = _pair(p, "dim_im_out")
    return [(y, x) for y in range(rows) for x in range(columns)]


def _convolution(
    p: Parameters,
    x: Sequence[int],
    w: Sequence[int],
    b: Sequence[int],
    bits: int,
    meaning: Meaning,
) -> list[int]:
    taps = len(w) // p["ch_im_out"]
    filters = [w[o * taps : (o + 1) * taps] for o in range(p["ch_im_out"])]
    outputs = []
    for y, column in _positions(p):
        window = _window(p, x, y, column)
        for o, weights in enumerate(filters):
            outputs.append(_output(p, _products(window, weights), b[o], bits, meaning))
    return outputs


def _depthwise(
    p: Parameters, x: Sequence[int], w: Sequence[int], b: Sequence[int], meaning: Meaning
) -> list[int]:
    ch = p["ch_im_out"]
    outputs = []
    for y, column in _positions(p):
        window = _window(p, x, y, column)
        for c in range(ch):
            outputs.append(_output(p, _products(window[c::ch], w[c::ch]), b[c], 8, meaning))
    return outputs


def _pool(name: str, p: Parameters, x: Sequence[int], meaning: Meaning) -> list[int]:
    pool = max_pool if "maxpool" in name else avg_pool
    (h, w), (out_h, out_w) = _pair(p, "dim_im_in"), _pair(p, "dim_im_out")
    windows = (*_pair(p, "dim_kernel"), *_pair(p, "padding"), *_pair(p, "stride"))
    form: PoolForm = "c" if meaning.pooling == "c" else "dsp"
    return pool(x, h, w, p["ch_im_in"], *windows, out_h, out_w, form)


def _scaled(p: Parameters, pixel: int, mean: int) -> int:
    """Return sat8(((pixel - mean) * multiplier + round) >> shift)."""
    half = (1 << p["shift"]) >> 1
    return _saturated(((pixel - mean) * p["multiplier"] + half) >> p["shift"], 8)


def _softmax_q15(x: Sequence[int]) -> list[int]:
    """Return sat16(B >> (17 + base - x)), B = floor(2^32 / S), for x above base = max - 16."""
    base = max(x) - 16
    total = sum(1 << (value - base) for value in x if value > base)
    scale = wrap32((1 << 32) // total)
    return [_saturated(scale >> (17 + base - v), 16) if v > base else 0 for v in x]


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def _table(function: object, index: int, bits: int) -> int:
    """Return entry `index` (-128 to 127, for 16 * index / 256) of a table of `bits` bits."""
    assert callable(function)
    scale = 1 << (bits - 1)
    return _saturated(math.floor(function(16 * index / 256) * scale + 0.5), bits)


def _interpolated(function: object, value: int, shift: int) -> int:
    index, fraction = value >> shift, value & ((1 << shift) - 1)
    first = _table(function, index, 16)
    if index == 0x7F:
        return first
    second = _table(function, index + 1, 16)
    return (((1 << shift) - fraction) * first + fraction * second) >> shift


_ORDERS = {
    "x4_q7": (
        *((0, 0), (1, 0), (0, 2), (1, 2), (2, 0), (3, 0), (2, 2), (3, 2)),
        *((0, 1), (1, 1), (0, 3), (1, 3), (2, 1), (3, 1), (2, 3), (3, 3)),
    ),
    "x4_mixed": ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 0), (2, 1), (3, 1)),
    "x4_q15": ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)),
}


def interleave(matrix: Sequence[int], rows: int, columns: int, order: str) -> list[int]:
    """Return a row-major matrix in the order that an _opt kernel reads, leftovers behind."""
    offsets = _ORDERS[order]
    width = len(offsets) // 4
    full_rows, full_columns = rows - rows % 4, columns - columns % width
    out: list[int] = []
    for r in range(0, full_rows, 4):
        for c in range(0, full_columns, width):
            out += [matrix[(r + dr) * columns + c + dc] for dr, dc in offsets]
        for c in range(full_columns, columns):
            out += [matrix[(r + dr) * columns + c] for dr in range(4)]
    return [*out, *matrix[full_rows * columns :]]
