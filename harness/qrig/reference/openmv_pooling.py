"""Max pooling as OpenMV's firmware had it: CMSIS-NN's separable form before release 5.6.

Its comparison went over four bytes at a time and left out those that were no full four: ARM
mended it in CMSIS 5.6.0 (CMSIS_5 issue 511), OpenMV's copy never was.
"""

from __future__ import annotations

import numpy as np

from qrig.fixedpoint.quantized import Int8Array, QuantizedPooling

_AT_ONCE = 4


def openmv_max_pooling(tensor: Int8Array, layer: QuantizedPooling) -> Int8Array:
    """Return the int8 output (h, w, c) of the layer for an int8 input (h, w, c).

    Along x, in place: the first pixel of a window is copied to column i, then the others are
    compared with it, channel by channel but for the last c mod 4. A window that begins left of the
    image begins at column i. Along y: the first row is copied, then the others are compared, but
    for the last w * c mod 4 bytes of a row of the result.
    """
    work = tensor.copy()
    height, width, channels = tensor.shape
    out = layer.out_shape
    compared = channels - channels % _AT_ONCE
    for i in range(out.w):
        start = i * layer.stride.x - layer.pad.x
        stop = min(start + layer.kernel.x, width)
        first = i if start < 0 else start
        work[:, i] = work[:, first]
        for other in range(first + 1, stop):
            work[:, i, :compared] = np.maximum(work[:, i, :compared], work[:, other, :compared])
    rows = work[:, : out.w].reshape(height, -1)
    compared = rows.shape[1] - rows.shape[1] % _AT_ONCE
    result = np.empty((out.h, rows.shape[1]), dtype=np.int8)
    for i in range(out.h):
        start = max(i * layer.stride.y - layer.pad.y, 0)
        stop = min(i * layer.stride.y - layer.pad.y + layer.kernel.y, height)
        result[i] = rows[start]
        result[i, :compared] = rows[start : max(stop, start + 1), :compared].max(axis=0)
    return result.reshape(out)
