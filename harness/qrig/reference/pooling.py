"""Max and average pooling in their historical forms: `arm_maxpool_q7_HWC`, `arm_avepool_q7_HWC`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qrig.fixedpoint.quantized import Int8Array, QuantizedPooling
from qrig.fixedpoint.semantics import Semantics
from qrig.reference.openmv_pooling import openmv_max_pooling

_Int16 = npt.NDArray[np.int16]


def pooling(tensor: Int8Array, layer: QuantizedPooling, semantics: Semantics) -> Int8Array:
    """Return the int8 output (h, w, c) of the layer for an int8 input (h, w, c)."""
    if semantics.is_openmv:
        return _openmv(tensor, layer)
    return _dsp(tensor, layer) if semantics.pooling == "dsp" else _plain(tensor, layer)


def _openmv(tensor: Int8Array, layer: QuantizedPooling) -> Int8Array:
    """Pool as OpenMV's firmware did: by ARM's functions of 2018, or by its own if not square."""
    if tensor.shape[0] != tensor.shape[1]:
        return _plain(tensor, layer)
    return openmv_max_pooling(tensor, layer) if layer.method == "max" else _dsp(tensor, layer)


def _truncated(total: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.int64]:
    """Return total / count rounded toward zero, as C divides."""
    wide = total.astype(np.int64)
    return np.asarray(np.sign(wide) * (np.abs(wide) // count), dtype=np.int64)


def _dsp(tensor: Int8Array, layer: QuantizedPooling) -> Int8Array:
    """Pool along x in place, then along y: averages are truncated twice.

    The x pass writes column i of its result over column i of the input. A window that starts left
    of the image starts at column i itself, as ARM's pointer arithmetic has it, so with padding an
    earlier result can be read again: the columns are done one by one, in ARM's order.
    """
    work = tensor.copy()
    width, out = tensor.shape[1], layer.out_shape
    for i in range(out.w):
        start = i * layer.stride.x - layer.pad.x
        stop = min(start + layer.kernel.x, width)
        work[:, i] = _reduce(work, i if start < 0 else start, stop, i, layer.method, axis=1)
    rows = work[:, : out.w]
    result = np.empty(out, dtype=np.int8)
    for i in range(out.h):
        start = i * layer.stride.y - layer.pad.y
        stop = min(start + layer.kernel.y, tensor.shape[0])
        result[i] = _reduce(rows, max(start, 0), stop, None, layer.method, axis=0)
    return result


def _reduce(
    tensor: Int8Array, start: int, stop: int, target: int | None, method: str, *, axis: int
) -> Int8Array:
    """Return the maximum or the truncated mean of [start, stop) along `axis`.

    The maximum first copies entry `start` over entry `target`, then compares: where `target` lies
    inside the window its own value is lost.
    """
    window = np.take(tensor, range(start, max(stop, start + 1)), axis=axis)
    if method == "average":
        return _truncated(window.sum(axis=axis, dtype=np.int64), stop - start).astype(np.int8)
    if target is not None and start < target < stop:
        window = np.delete(window, target - start, axis=axis)
    return np.asarray(window.max(axis=axis), dtype=np.int8)


def _plain(tensor: Int8Array, layer: QuantizedPooling) -> Int8Array:
    """Pool over whole windows clipped to the image; averages are truncated once."""
    out = layer.out_shape
    result = np.empty(out, dtype=np.int8)
    for y in range(out.h):
        top = y * layer.stride.y - layer.pad.y
        for x in range(out.w):
            left = x * layer.stride.x - layer.pad.x
            window = tensor[
                max(top, 0) : top + layer.kernel.y, max(left, 0) : left + layer.kernel.x
            ]
            if layer.method == "max":
                result[y, x] = window.max(axis=(0, 1))
            else:
                count = window.shape[0] * window.shape[1]
                result[y, x] = _truncated(window.sum(axis=(0, 1), dtype=np.int64), count)
    return result
