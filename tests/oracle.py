"""A slow scalar oracle of the legacy q7 kernels of CMSIS-NN 5.9.0 (and 5.4 for softmax).

Plain Python integers, one output element at a time, written from the description of the kernels
and sharing nothing with the numpy reference or the C kernels. Tensors are flat sequences in HWC
order, element (y, x, c) at ``(y * width + x) * channels + c``. Nothing passed in is changed. A
ValueError tells of sizes that do not fit, and of calls for which the originals have no defined
result. Every argument pair for the two axes comes as height (y) first, width (x) second.
"""

from collections.abc import Callable, Sequence
from operator import index
from typing import Literal, NamedTuple

PoolForm = Literal["dsp", "c"]
SoftmaxGeneration = Literal["5.9", "5.4"]


def wrap32(x: int) -> int:
    """Return x as a two's complement int32 register holds it: modulo 2^32, in [-2^31, 2^31)."""
    return (x + 2**31) % 2**32 - 2**31


def sat8(x: int) -> int:
    """Return x clamped to [-128, 127]."""
    return max(-128, min(127, x))


class _Axis(NamedTuple):
    """One spatial axis of a sliding window, all in pixels."""

    size: int
    kernel: int
    pad: int
    stride: int
    out: int

    def start(self, position: int) -> int:
        """Return the input coordinate of the first tap: position * stride - pad."""
        return position * self.stride - self.pad


def _axis(size: int, kernel: int, pad: int, stride: int, out: int | None) -> _Axis:
    """Check one axis; out None means floor((size + 2 pad - kernel) / stride) + 1."""
    if size < 1 or kernel < 1 or pad < 0 or stride < 1:
        raise ValueError(f"no such axis: {size=} {kernel=} {pad=} {stride=}")
    if out is None:
        out = (size + 2 * pad - kernel) // stride + 1
    if out < 1:
        raise ValueError(f"no output: {size=} {kernel=} {pad=} {stride=} {out=}")
    return _Axis(size, kernel, pad, stride, out)


def _integers(name: str, values: Sequence[int], count: int) -> list[int]:
    """Return values as a list of count plain integers."""
    if len(values) != count:
        raise ValueError(f"{name}: expected {count} values, found {len(values)}")
    return [index(value) for value in values]


def _requantised(
    bias: int, products: int, bias_shift: int, out_shift: int, truncate: bool = False
) -> int:
    """Return sat8(acc >> out_shift), acc = wrap32((bias << bias_shift) + round + products).

    round is (1 << out_shift) >> 1, half of one output step; 0 with truncate. Wrapping once at the
    end equals wrapping at every addition.
    """
    if not (0 <= bias_shift <= 31 and 0 <= out_shift <= 31):
        raise ValueError(f"shifts are 0 to 31, found {bias_shift=} {out_shift=}")
    half = 0 if truncate else (1 << out_shift) >> 1
    return sat8(wrap32((bias << bias_shift) + half + products) >> out_shift)


def _window_products(
    x: list[int],
    weights: list[int],
    in_ch: int,
    at: tuple[int, int, int],
    rows: _Axis,
    columns: _Axis,
) -> int:
    """Return the sum of x * w over the window of output (y, x, channel); taps outside are 0."""
    oy, ox, o = at
    total = 0
    for ky in range(rows.kernel):
        for kx in range(columns.kernel):
            iy = rows.start(oy) + ky
            ix = columns.start(ox) + kx
            if 0 <= iy < rows.size and 0 <= ix < columns.size:
                for c in range(in_ch):
                    tap = ((o * rows.kernel + ky) * columns.kernel + kx) * in_ch + c
                    total += x[(iy * columns.size + ix) * in_ch + c] * weights[tap]
    return total


def conv(
    x: Sequence[int],
    in_h: int,
    in_w: int,
    in_ch: int,
    weights: Sequence[int],
    bias: Sequence[int],
    out_ch: int,
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
    """Return (y, out_h, out_w) of a q7 convolution; y is (out_h, out_w, out_ch).

    x is (in_h, in_w, in_ch), weights (out_ch, kernel_h, kernel_w, in_ch), bias (out_ch).
    y[oy, ox, o] = sat8(wrap32((bias[o] << bias_shift) + round + sum of x[iy, ix, c] *
    w[o, ky, kx, c]) >> out_shift) with iy = oy * stride_h - pad_h + ky, ix likewise. Output
    sizes not given are floor((in + 2 pad - kernel) / stride) + 1.
    """
    rows = _axis(in_h, kernel_h, pad_h, stride_h, out_h)
    columns = _axis(in_w, kernel_w, pad_w, stride_w, out_w)
    image = _integers("x", x, in_h * in_w * in_ch)
    kernels = _integers("weights", weights, out_ch * kernel_h * kernel_w * in_ch)
    biases = _integers("bias", bias, out_ch)
    y = []
    for oy in range(rows.out):
        for ox in range(columns.out):
            for o, b in enumerate(biases):
                total = _window_products(image, kernels, in_ch, (oy, ox, o), rows, columns)
                y.append(_requantised(b, total, bias_shift, out_shift, truncate))
    return y, rows.out, columns.out


def fully_connected(
    x: Sequence[int],
    weights: Sequence[int],
    bias: Sequence[int],
    bias_shift: int,
    out_shift: int,
    truncate: bool = False,
) -> list[int]:
    """Return the (rows) outputs of a q7 fully connected layer.

    x is (cols), weights (rows, cols) row-major, not interleaved, bias (rows).
    y[r] = sat8(wrap32((bias[r] << bias_shift) + round + sum of w[r, c] * x[c]) >> out_shift).
    """
    rows, cols = len(bias), len(x)
    vector = _integers("x", x, cols)
    matrix = _integers("weights", weights, rows * cols)
    y = []
    for r, b in enumerate(_integers("bias", bias, rows)):
        total = 0
        for c in range(cols):
            total += matrix[r * cols + c] * vector[c]
        y.append(_requantised(b, total, bias_shift, out_shift, truncate))
    return y


def relu(x: Sequence[int]) -> list[int]:
    """Return max(0, x[i]) for a tensor of any shape and length."""
    return [max(0, value) for value in _integers("x", x, len(x))]


def _truncated_mean(values: list[int]) -> int:
    """Return sum / count as C divides: toward zero."""
    if not values:
        raise ValueError("average of a window without a pixel: the C form divides by zero")
    total = sum(values)
    quotient = abs(total) // len(values)
    return -quotient if total < 0 else quotient


def _int16_mean(values: list[int]) -> int:
    """Return the truncated mean of values whose sum is kept in an int16."""
    if not -(2**15) <= sum(values) < 2**15:
        raise ValueError(f"a window of {len(values)} pixels overflows the int16 sum")
    return _truncated_mean(values)


def _largest(values: list[int]) -> int:
    """Return the maximum, starting from -129 as the C form does and stored as an int8."""
    return (max([-129, *values]) + 128) % 256 - 128


def _pool_c(
    x: list[int], ch: int, rows: _Axis, columns: _Axis, reduce: Callable[[list[int]], int]
) -> list[int]:
    """Reduce every window, clipped to the image, at once; the result is (out_h, out_w, ch)."""
    y = []
    for oy in range(rows.out):
        for ox in range(columns.out):
            top, left = rows.start(oy), columns.start(ox)
            for c in range(ch):
                values = []
                for iy in range(max(0, top), min(top + rows.kernel, rows.size)):
                    for ix in range(max(0, left), min(left + columns.kernel, columns.size)):
                        values.append(x[(iy * columns.size + ix) * ch + c])
                y.append(reduce(values))
    return y


def _dsp_window(axis: _Axis, position: int, start_if_outside: int) -> list[int]:
    """Return the coordinates one step of the DSP form reads, in order.

    From s = position * stride - pad, or from start_if_outside where s < 0, up to
    min(s + kernel, size). The first is read before the end is looked at, so it is always there.
    """
    s = axis.start(position)
    first = start_if_outside if s < 0 else s
    if first >= axis.size:
        raise ValueError(f"output {position} reads at {first}, beyond the {axis.size} pixels")
    return [first, *range(first + 1, min(s + axis.kernel, axis.size))]


def _dsp_x_windows(columns: _Axis) -> list[tuple[int, list[int]]]:
    """Return (position, window) of every output column; position i is where its result goes."""
    if columns.out > columns.size:
        raise ValueError(f"{columns.out} output columns overrun the {columns.size} input columns")
    return [(i, _dsp_window(columns, i, start_if_outside=i)) for i in range(columns.out)]


def _dsp_max_along_x(work: list[int], ch: int, rows: _Axis, columns: _Axis) -> None:
    """Max-pool each row of work (h, w, ch) in place: position i becomes output column i.

    The first pixel of the window is copied onto position i, whose own value is thereby lost, and
    the others are max-ed in; later windows read what earlier ones wrote.
    """
    for iy in range(rows.size):
        for i, window in _dsp_x_windows(columns):
            for c in range(ch):
                target = (iy * columns.size + i) * ch + c
                work[target] = work[(iy * columns.size + window[0]) * ch + c]
                for ix in window[1:]:
                    work[target] = max(work[target], work[(iy * columns.size + ix) * ch + c])


def _dsp_average_along_x(work: list[int], ch: int, rows: _Axis, columns: _Axis) -> None:
    """Average each row of work (h, w, ch) in place: position i becomes output column i.

    The window is summed in a buffer first, so position i still counts with the value it had;
    later windows read what earlier ones wrote.
    """
    for iy in range(rows.size):
        for i, window in _dsp_x_windows(columns):
            for c in range(ch):
                values = [work[(iy * columns.size + ix) * ch + c] for ix in window]
                work[(iy * columns.size + i) * ch + c] = _int16_mean(values)


def _dsp_along_y(
    work: list[int], ch: int, rows: _Axis, columns: _Axis, reduce: Callable[[list[int]], int]
) -> list[int]:
    """Reduce the rows of the x result, its first out_w columns, to (out_h, out_w, ch)."""
    y = []
    for oy in range(rows.out):
        window = _dsp_window(rows, oy, start_if_outside=0)
        for i in range(columns.out):
            for c in range(ch):
                y.append(reduce([work[(iy * columns.size + i) * ch + c] for iy in window]))
    return y


def max_pool(
    x: Sequence[int],
    h: int,
    w: int,
    ch: int,
    kernel_h: int,
    kernel_w: int,
    pad_h: int,
    pad_w: int,
    stride_h: int,
    stride_w: int,
    out_h: int,
    out_w: int,
    form: PoolForm,
) -> list[int]:
    """Return the (out_h, out_w, ch) max-pool of x (h, w, ch).

    Form "c": the maximum of each window clipped to the image; 127 for an empty window. Form
    "dsp": along x in place, then along y, with the losses `_dsp_max_along_x` tells of.
    """
    rows = _axis(h, kernel_h, pad_h, stride_h, out_h)
    columns = _axis(w, kernel_w, pad_w, stride_w, out_w)
    work = _integers("x", x, h * w * ch)
    if form == "c":
        return _pool_c(work, ch, rows, columns, _largest)
    _dsp_max_along_x(work, ch, rows, columns)
    return _dsp_along_y(work, ch, rows, columns, max)


def avg_pool(
    x: Sequence[int],
    h: int,
    w: int,
    ch: int,
    kernel_h: int,
    kernel_w: int,
    pad_h: int,
    pad_w: int,
    stride_h: int,
    stride_w: int,
    out_h: int,
    out_w: int,
    form: PoolForm,
) -> list[int]:
    """Return the (out_h, out_w, ch) average-pool of x (h, w, ch); padding is never counted.

    Form "c": sum / taps, toward zero, of each window clipped to the image. Form "dsp": the mean
    along x, written in place, then the mean of those along y; each is truncated toward zero.
    """
    rows = _axis(h, kernel_h, pad_h, stride_h, out_h)
    columns = _axis(w, kernel_w, pad_w, stride_w, out_w)
    work = _integers("x", x, h * w * ch)
    if form == "c":
        return _pool_c(work, ch, rows, columns, _truncated_mean)
    _dsp_average_along_x(work, ch, rows, columns)
    return _dsp_along_y(work, ch, rows, columns, _int16_mean)


def softmax(x: Sequence[int], generation: SoftmaxGeneration) -> list[int]:
    """Return the base-2 q7 softmax of x (n), as (n), of one CMSIS-NN generation.

    base = max(x) - 8, y[i] = sat8(floor(2^20 / S) >> clamp(13 + base - x[i], 0, 31)).
    "5.9" (5.8, 5.9): S = sum of 2^clamp(x[i] - base, 0, 7). "5.4" (5.4 to 5.6): S = sum of
    2^(x[i] - base) over x[i] > base, and y[i] = 0 for all other entries.
    """
    if generation not in ("5.9", "5.4"):
        raise ValueError(f"generation is '5.9' or '5.4', found {generation!r}")
    if not x:
        raise ValueError("softmax of nothing")
    values = _integers("x", x, len(x))
    base = max(values) - 8
    total = 0
    for value in values:
        if generation == "5.9":
            total += 2 ** max(0, min(7, value - base))
        elif value > base:
            total += 2 ** (value - base)
    scale = 2**20 // total
    y = []
    for value in values:
        if generation == "5.4" and value <= base:
            y.append(0)
        else:
            y.append(sat8(scale >> max(0, min(31, 13 + base - value))))
    return y


_X4_ORDER = (
    *((0, 0), (1, 0), (0, 2), (1, 2), (2, 0), (3, 0), (2, 2), (3, 2)),
    *((0, 1), (1, 1), (0, 3), (1, 3), (2, 1), (3, 1), (2, 3), (3, 3)),
)


def interleave_x4(matrix: Sequence[int], rows: int, cols: int) -> list[int]:
    """Return matrix (rows, cols), row-major, in the order the q7_opt fully connected kernel reads.

    Per four rows: each four columns as the (row, column) offsets of _X4_ORDER, then each leftover
    column downwards. Leftover rows follow unchanged. The length stays rows * cols.
    """
    source = _integers("matrix", matrix, rows * cols)
    full_rows, full_cols = rows - rows % 4, cols - cols % 4
    y = []
    for r in range(0, full_rows, 4):
        for c in range(0, full_cols, 4):
            y += [source[(r + dr) * cols + c + dc] for dr, dc in _X4_ORDER]
        for c in range(full_cols, cols):
            y += [source[(r + dr) * cols + c] for dr in range(4)]
    return y + source[full_rows * cols :]


def preprocess(
    pixels: Sequence[int], mean: Sequence[int], multiplier: int, shift: int
) -> list[int]:
    """Return the q7 input of a network from uint8 pixels (h, w, ch), in the same shape.

    mean is per channel (ch) or a whole image (h, w, ch).
    q = sat8(((p - mean) * multiplier + ((1 << shift) >> 1)) >> shift).
    """
    if shift < 0:
        raise ValueError(f"shift is 0 or more, found {shift}")
    if not mean or len(pixels) % len(mean) != 0:
        raise ValueError(f"a mean of {len(mean)} values does not fit {len(pixels)} pixel values")
    means = _integers("mean", mean, len(mean))
    half = (1 << shift) >> 1
    y = []
    for i, pixel in enumerate(_integers("pixels", pixels, len(pixels))):
        if not 0 <= pixel <= 255:
            raise ValueError(f"pixel value {i} is {pixel}, not in 0 to 255")
        y.append(sat8(((pixel - means[i % len(means)]) * multiplier + half) >> shift))
    return y
