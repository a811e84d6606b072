"""Convolutions: `arm_convolve_HWC_q7_*`."""

from __future__ import annotations

import numpy as np

from qrig.fixedpoint.quantized import Int8Array, QuantizedConvolution
from qrig.fixedpoint.semantics import Semantics
from qrig.reference.arithmetic import exact_type, requantize


def convolution(tensor: Int8Array, layer: QuantizedConvolution, semantics: Semantics) -> Int8Array:
    """Return the int8 output (h, w, out) of the layer for an int8 input (h, w, in).

    Section 3.1 of the kernel semantics: taps outside the image count as zero.
    """
    (ky, kx), (sy, sx), (py, px) = layer.kernel, layer.stride, layer.pad
    kind = exact_type(layer.weights)
    padded = np.zeros(
        (tensor.shape[0] + 2 * py, tensor.shape[1] + 2 * px, tensor.shape[2]), dtype=kind
    )
    padded[py : py + tensor.shape[0], px : px + tensor.shape[1]] = tensor
    windows = np.lib.stride_tricks.sliding_window_view(padded, (ky, kx), axis=(0, 1))
    out = layer.out_shape
    columns = windows[::sy, ::sx].transpose(0, 1, 3, 4, 2).reshape(out.h * out.w, -1)
    matrix = layer.weights.reshape(out.c, -1).astype(kind)
    result = requantize(
        columns @ matrix.T,
        layer.bias,
        layer.bias_shift,
        layer.output_shift,
        truncate=semantics.truncate,
    )
    return result.reshape(out)
