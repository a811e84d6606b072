"""Depthwise convolutions: `arm_depthwise_separable_conv_HWC_q7`."""

from __future__ import annotations

import numpy as np

from qrig.fixedpoint.quantized import Int8Array, QuantizedDepthwiseConvolution
from qrig.fixedpoint.semantics import Semantics
from qrig.reference.arithmetic import requantize


def depthwise_convolution(
    tensor: Int8Array, layer: QuantizedDepthwiseConvolution, semantics: Semantics
) -> Int8Array:
    """Return the int8 output (h, w, channel) of the layer for an int8 input of those channels.

    One tap at a time over the whole image, in 32-bit accumulators that wrap as the kernel's do;
    taps outside the image count as zero.
    """
    (ky, kx), (sy, sx), (py, px) = layer.kernel, layer.stride, layer.pad
    padded = np.pad(tensor.astype(np.int32), ((py, py), (px, px), (0, 0)))
    out = layer.out_shape
    rows, columns = (out.h - 1) * sy + 1, (out.w - 1) * sx + 1
    products = np.zeros(out, dtype=np.int32)
    for y, x in np.ndindex(ky, kx):
        products += padded[y : y + rows : sy, x : x + columns : sx] * layer.weights[y, x]
    return requantize(
        products,
        layer.bias,
        layer.bias_shift,
        layer.output_shift,
        truncate=semantics.truncate,
    )
