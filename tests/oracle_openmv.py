"""What OpenMV's firmware of 2018 to 2020 computed, one value at a time, in plain Python integers.

Written from the description of its kernels and its image transform; shares nothing with the numpy
reference or the C code. Tensors are flat, in HWC order.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from oracle import avg_pool, conv, fully_connected, max_pool, preprocess, sat8, softmax
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
)


def old_max_pool(
    x: Sequence[int], side: int, ch: int, k: int, pad: int, stride: int, out: int
) -> list[int]:
    """Return the maximum over a square map as before CMSIS 5.6.

    Each comparison of two runs of bytes goes over as many fours as they have, no further.
    """
    work = list(x)
    compared = ch // 4 * 4
    for y in range(side):
        for i in range(out):
            start = i * stride - pad
            stop = min(start + k, side)
            if start < 0:
                start = i
            to = (y * side + i) * ch
            for c in range(ch):
                work[to + c] = work[(y * side + start) * ch + c]
            for other in range(start + 1, stop):
                for c in range(compared):
                    candidate = work[(y * side + other) * ch + c]
                    if candidate > work[to + c]:
                        work[to + c] = candidate
    result = []
    run = out * ch
    for i in range(out):
        start = i * stride - pad
        stop = min(start + k, side)
        start = max(start, 0)
        for b in range(run):
            value = work[start * side * ch + b]
            if b < run // 4 * 4:
                for row in range(start + 1, stop):
                    value = max(value, work[row * side * ch + b])
            result.append(value)
    return result


def _pool(x: Sequence[int], layer: QuantizedPooling) -> list[int]:
    (h, w, ch), (out_h, out_w, _) = layer.in_shape, layer.out_shape
    k, pad, stride = layer.kernel.y, layer.pad.y, layer.stride.y
    function = max_pool if layer.method == "max" else avg_pool
    if h != w:
        return function(x, h, w, ch, k, k, pad, pad, stride, stride, out_h, out_w, "c")
    if layer.method == "max":
        return old_max_pool(x, h, ch, k, pad, stride, out_h)
    return function(x, h, w, ch, k, k, pad, pad, stride, stride, out_h, out_w, "dsp")


def _relu(x: Sequence[int]) -> list[int]:
    """Change the first n mod 65,536 values: their number was told in 16 bits."""
    told = len(x) % 65536
    return [max(0, value) if i < told else value for i, value in enumerate(x)]


def openmv_layer(x: Sequence[int], layer: QuantizedLayer) -> list[int]:
    """Return a layer's output for its input."""
    if isinstance(layer, QuantizedPooling):
        return _pool(x, layer)
    if isinstance(layer, QuantizedReLU):
        return _relu(x)
    if isinstance(layer, QuantizedConvolution):
        window = (*layer.kernel, *layer.pad, *layer.stride)
        weights, bias = layer.weights.ravel().tolist(), layer.bias.tolist()
        shifts = (layer.bias_shift, layer.output_shift)
        h, w, ch = layer.in_shape
        return conv(x, h, w, ch, weights, bias, layer.out_shape.c, *window, *shifts)[0]
    assert isinstance(layer, QuantizedInnerProduct)
    weights, bias = layer.weights.ravel().tolist(), layer.bias.tolist()
    return fully_connected(x, weights, bias, layer.bias_shift, layer.output_shift)


def openmv_tensors(network: QuantizedNetwork, pixels: npt.NDArray[np.uint8]) -> list[list[int]]:
    """Return every tensor for uint8 pixels (h, w, c), the quantised input first."""
    source = network.input
    means = source.mean.tolist()
    tensors = [preprocess(pixels.ravel().tolist(), means, source.multiplier, source.shift)]
    for layer in network.layers:
        tensors.append(openmv_layer(tensors[-1], layer))
    return tensors


def openmv_softmax(x: Sequence[int]) -> list[int]:
    """Return the softmax of its CMSIS."""
    return softmax(x, "5.4")


def _five(x: int) -> int:
    return round(x * 255 / 31)


def _six(x: int) -> int:
    return round(x * 255 / 63)


def transformed(
    image: bytes,
    kind: str,
    size: tuple[int, int],
    roi: tuple[int, int, int, int],
    shape: tuple[int, int, int],
    means: Sequence[int],
    scale: int,
) -> list[int]:
    """Return the first tensor of an image of `size` (width, height) in memory, `shape` (h, w, c).

    `kind` is "gray", "rgb565" or "rgb888"; `roi` (x, y, width, height) lies in the image.
    """
    out = []
    for y in range(shape[0]):
        for x in range(shape[1]):
            step_x, step_y = roi[2] * 65536 // shape[1] + 1, roi[3] * 65536 // shape[0] + 1
            from_x = roi[0] + min(x * step_x >> 16, roi[2] - 1)
            from_y = roi[1] + min(y * step_y >> 16, roi[3] - 1)
            at = from_y * size[0] + from_x
            out += _values(image, kind, at, shape[2], means, scale)
    return out


def _values(
    image: bytes, kind: str, at: int, channels: int, means: Sequence[int], scale: int
) -> list[int]:
    if kind == "gray":
        values = [image[at]] * channels
        if channels == 3:
            weighted = 30 * means[0] + 59 * means[1] + 11 * means[2]
            means = [abs(weighted) // 100 * (1 if weighted >= 0 else -1)] * 3
    else:
        if kind == "rgb888":
            values = list(image[3 * at : 3 * at + 3])
        else:
            word = image[2 * at] * 256 + image[2 * at + 1]
            values = [_five(word // 2048), _six(word // 32 % 64), _five(word % 32)]
        if channels == 1:
            values = [(9770 * values[0] + 19182 * values[1] + 3736 * values[2]) // 32768]
    return [
        sat8(((v - m) * 128 + (1 << (scale - 1))) >> scale)
        for v, m in zip(values, means, strict=False)
    ]
