"""What every output of a convolution or pooling sees, for many images at once.

Tensors here are (n, h, w, c). Chunks of images keep the copies that matrix products need within a
processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.networks.graph import Pair, Shape

_CHUNK_BYTES = 6 << 20


def padded(
    tensors: npt.NDArray[Any], pad: Pair, dtype: type[np.floating[Any]]
) -> npt.NDArray[np.floating[Any]]:
    """Return `tensors` as `dtype` with zeros around every image."""
    n, h, w, c = tensors.shape
    if pad == (0, 0):
        return tensors.astype(dtype)
    result = np.zeros((n, h + 2 * pad.y, w + 2 * pad.x, c), dtype=dtype)
    result[:, pad.y : pad.y + h, pad.x : pad.x + w] = tensors
    return result


def columns(
    images: npt.NDArray[np.floating[Any]], kernel: Pair, stride: Pair, out: Shape
) -> npt.NDArray[np.floating[Any]]:
    """Return the windows of padded `images` as a matrix (n * oh * ow, ky * kx * c).

    The taps of one window row lie side by side in memory, so every row is copied in one piece.
    """
    n, _, _, c = images.shape
    s_image, s_row, s_pixel, s_value = images.strides
    view = np.lib.stride_tricks.as_strided(
        images,
        (n, out.h, out.w, kernel.y, kernel.x * c),
        (s_image, stride.y * s_row, stride.x * s_pixel, s_row, s_value),
        writeable=False,
    )
    return view.reshape(n * out.h * out.w, kernel.y * kernel.x * c)


def chunks(count: int, bytes_each: int) -> Iterator[slice]:
    """Yield slices of `count` images of which each takes `bytes_each` while it is worked on."""
    step = max(1, _CHUNK_BYTES // max(1, bytes_each))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def windows_along(
    tensors: npt.NDArray[Any], axis: int, kernel: int, stride: int, pad: int, out: int, fill: float
) -> Iterator[npt.NDArray[Any]]:
    """Yield, tap by tap of a window, the values that tap sees along `axis`; `fill` outside."""
    size = tensors.shape[axis]
    after = max(0, (out - 1) * stride - pad + kernel - size)
    if pad or after:
        widths = [(0, 0)] * tensors.ndim
        widths[axis] = (pad, after)
        tensors = np.pad(tensors, widths, constant_values=fill)
    for tap in range(kernel):
        index: list[slice] = [slice(None)] * tensors.ndim
        index[axis] = slice(tap, tap + (out - 1) * stride + 1, stride)
        yield tensors[tuple(index)]


def taps_inside(size: int, kernel: int, stride: int, pad: int, out: int) -> npt.NDArray[np.int64]:
    """Return how many taps of each of `out` windows lie on a side of `size` values."""
    start = np.arange(out) * stride - pad
    return np.asarray(np.minimum(start + kernel, size) - np.maximum(start, 0), dtype=np.int64)
