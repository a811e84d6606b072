"""One float inference through a network, with every layer's tensor.

The semantics are Caffe's, of version 1.0: a convolution is a cross-correlation over a zero-padded
image; pooling windows are clipped to the image, where a shape rounded up lets them overhang.
"""

from __future__ import annotations

from functools import reduce, singledispatch

import numpy as np
import numpy.typing as npt

from qrig.errors import InputError, UnsupportedNetworkError
from qrig.networks.graph import (
    BatchNorm,
    Concat,
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    Flatten,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    LocalResponseNormalization,
    Network,
    Pair,
    Pooling,
    ReLU,
    Scale,
    Sigmoid,
    Softmax,
    TanH,
)


def forward(network: Network, pixels: npt.NDArray[np.uint8]) -> dict[str, FloatArray]:
    """Return every float32 tensor (h, w, c) by name, the scaled input first, for one image.

    `pixels` are uint8 (h, w, c) in the network's channel order. Raises InputError if their shape is
    another, and UnsupportedNetworkError for a layer that has no float form here.
    """
    tensors = {network.input.name: input_tensor(network.input, pixels)}
    for layer in network.layers:
        tensors[layer.name] = compute_float(layer, *(tensors[name] for name in layer.inputs))
    return tensors


def input_tensor(source: Input, pixels: npt.NDArray[np.uint8]) -> FloatArray:
    """Return `(pixels - mean) * scale` as float32 (h, w, c), Caffe's `DataTransformer`.

    Raises InputError if `pixels` are not uint8 of the input's shape.
    """
    if pixels.shape != tuple(source.shape) or pixels.dtype != np.uint8:
        raise InputError(
            f"expected uint8 pixels of shape {source.shape}, found {pixels.dtype} of shape "
            f"{'x'.join(map(str, pixels.shape))}; resize the image to the network's input"
        )
    values = pixels.astype(np.float32)
    if source.mean is not None:
        values = values - source.mean.astype(np.float32)
    return values * np.float32(source.scale)


@singledispatch
def compute_float(layer: Layer, *tensors: FloatArray) -> FloatArray:
    """Return the float32 output (h, w, c) of one layer for its float32 inputs (h, w, c).

    Raises UnsupportedNetworkError for a layer type that has no float form here.
    """
    raise UnsupportedNetworkError(f"layer {layer.name!r}: {layer.type} has no float form in qrig")


def _windows(
    layer: Convolution | DepthwiseConvolution, tensor: FloatArray, dilation: Pair
) -> FloatArray:
    """Return what every output sees of the zero-padded input: (h, w, channel, ky, kx)."""
    (sy, sx), (py, px), (dy, dx) = layer.stride, layer.pad, dilation
    padded = np.pad(tensor, ((py, py), (px, px), (0, 0)))
    reach = (dy * (layer.kernel.y - 1) + 1, dx * (layer.kernel.x - 1) + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(0, 1))
    return windows[::sy, ::sx, :, ::dy, ::dx]


@compute_float.register
def _(layer: Convolution, tensor: FloatArray) -> FloatArray:
    h, w, channels = layer.out_shape
    windows, groups = _windows(layer, tensor, layer.dilation), layer.groups
    inputs, outputs = tensor.shape[2] // groups, channels // groups
    products = [
        windows[:, :, group * inputs : (group + 1) * inputs]
        .transpose(0, 1, 3, 4, 2)
        .reshape(h * w, -1)
        @ layer.weights[group * outputs : (group + 1) * outputs].reshape(outputs, -1).T
        for group in range(groups)
    ]
    sums: FloatArray = np.concatenate(products, axis=1) + layer.bias
    return sums.reshape(layer.out_shape)


@compute_float.register
def _(layer: DepthwiseConvolution, tensor: FloatArray) -> FloatArray:
    windows = _windows(layer, tensor, Pair(1, 1))
    products: FloatArray = np.einsum("hwcyx,yxc->hwc", windows, layer.weights)
    return products + layer.bias


@compute_float.register
def _(layer: Pooling, tensor: FloatArray) -> FloatArray:
    out, shape = layer.out_shape, layer.in_shape
    result = np.empty(out, dtype=np.float32)
    for y in range(out.h):
        top = y * layer.stride.y - layer.pad.y
        bottom = min(top + layer.kernel.y, shape.h + layer.pad.y)
        for x in range(out.w):
            left = x * layer.stride.x - layer.pad.x
            right = min(left + layer.kernel.x, shape.w + layer.pad.x)
            window = tensor[max(top, 0) : bottom, max(left, 0) : right]
            if layer.method == "max":
                result[y, x] = window.max(axis=(0, 1))
            elif layer.counts_padding:
                result[y, x] = window.sum(axis=(0, 1)) / ((bottom - top) * (right - left))
            else:
                result[y, x] = window.mean(axis=(0, 1))
    return result


@compute_float.register
def _(layer: ReLU, tensor: FloatArray) -> FloatArray:
    zero = np.float32(0)
    positive: FloatArray = np.maximum(tensor, zero)
    if layer.negative_slope == 0:
        return positive
    negative: FloatArray = np.minimum(tensor, zero) * np.float32(layer.negative_slope)
    return positive + negative


@compute_float.register
def _(layer: Sigmoid, tensor: FloatArray) -> FloatArray:
    # The same function as 1 / (1 + exp(-x)), without the overflow.
    half = np.float32(0.5)
    values: FloatArray = half * np.tanh(half * tensor) + half
    return values


@compute_float.register
def _(layer: TanH, tensor: FloatArray) -> FloatArray:
    values: FloatArray = np.tanh(tensor)
    return values


@compute_float.register
def _(layer: LocalResponseNormalization, tensor: FloatArray) -> FloatArray:
    around = layer.size // 2
    squares = tensor * tensor
    if layer.within_channel:
        padded = np.pad(squares, ((around, around), (around, around), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (layer.size,) * 2, axis=(0, 1))
        sums, count = windows.sum(axis=(3, 4)), layer.size**2
    else:
        padded = np.pad(squares, ((0, 0), (0, 0), (around, around)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, layer.size, axis=2)
        sums, count = windows.sum(axis=3), layer.size
    scales = np.float32(layer.k) + np.float32(layer.alpha / count) * sums
    normalised: FloatArray = tensor * scales ** np.float32(-layer.beta)
    return normalised


@compute_float.register
def _(layer: BatchNorm, tensor: FloatArray) -> FloatArray:
    deviations: FloatArray = np.sqrt(layer.variance + np.float32(layer.eps))
    return (tensor - layer.mean) / deviations


@compute_float.register
def _(layer: Scale, tensor: FloatArray) -> FloatArray:
    return tensor * layer.weights + layer.bias


@compute_float.register
def _(layer: Concat, *tensors: FloatArray) -> FloatArray:
    return np.concatenate(tensors, axis=2)


@compute_float.register
def _(layer: Eltwise, *tensors: FloatArray) -> FloatArray:
    if layer.operation == "max":
        return reduce(np.maximum, tensors)
    if layer.operation == "product":
        return reduce(np.multiply, tensors)
    factors = layer.coefficients or (1.0,) * len(tensors)
    terms = [np.float32(factor) * tensor for factor, tensor in zip(factors, tensors, strict=True)]
    return reduce(np.add, terms)


@compute_float.register
def _(layer: Flatten, tensor: FloatArray) -> FloatArray:
    return tensor.transpose(2, 0, 1).reshape(layer.out_shape)


@compute_float.register
def _(layer: InnerProduct, tensor: FloatArray) -> FloatArray:
    products: FloatArray = layer.weights @ tensor.reshape(-1) + layer.bias
    return products.reshape(layer.out_shape)


@compute_float.register
def _(layer: Softmax, tensor: FloatArray) -> FloatArray:
    powers = np.exp(tensor - tensor.max(axis=2, keepdims=True))
    normalised: FloatArray = powers / powers.sum(axis=2, keepdims=True)
    return normalised
