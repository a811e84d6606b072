"""One float inference through a network, with every layer's tensor.

The semantics are Caffe's, of version 1.0: a convolution is a cross-correlation over a zero-padded
image; pooling windows are clipped to the image, where a shape rounded up lets them overhang.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import numpy.typing as npt

from qrig.errors import InputError, UnsupportedNetworkError
from qrig.networks.graph import (
    Convolution,
    DepthwiseConvolution,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    Network,
    Pooling,
    ReLU,
    Softmax,
)


def forward(network: Network, pixels: npt.NDArray[np.uint8]) -> dict[str, FloatArray]:
    """Return every float32 tensor (h, w, c) by name, the scaled input first, for one image.

    `pixels` are uint8 (h, w, c) in the network's channel order. Raises InputError if their shape is
    another, and UnsupportedNetworkError for a layer that has no float form here.
    """
    tensors = {network.input.name: input_tensor(network.input, pixels)}
    for layer in network.layers:
        tensors[layer.name] = compute_float(layer, tensors[layer.inputs[0]])
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
def compute_float(layer: Layer, tensor: FloatArray) -> FloatArray:
    """Return the float32 output (h, w, c) of one layer for a float32 input (h, w, c).

    Raises UnsupportedNetworkError for a layer type that has no float form here.
    """
    raise UnsupportedNetworkError(f"layer {layer.name!r}: {layer.type} has no float form in qrig")


def _windows(layer: Convolution | DepthwiseConvolution, tensor: FloatArray) -> FloatArray:
    """Return what every output sees of the zero-padded input: (h, w, channel, ky, kx)."""
    (sy, sx), (py, px) = layer.stride, layer.pad
    padded = np.pad(tensor, ((py, py), (px, px), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel, axis=(0, 1))
    return windows[::sy, ::sx]


@compute_float.register
def _(layer: Convolution, tensor: FloatArray) -> FloatArray:
    out = layer.out_shape
    columns = _windows(layer, tensor).transpose(0, 1, 3, 4, 2).reshape(out.h * out.w, -1)
    products: FloatArray = columns @ layer.weights.reshape(out.c, -1).T + layer.bias
    return products.reshape(out)


@compute_float.register
def _(layer: DepthwiseConvolution, tensor: FloatArray) -> FloatArray:
    products: FloatArray = np.einsum("hwcyx,yxc->hwc", _windows(layer, tensor), layer.weights)
    return products + layer.bias


@compute_float.register
def _(layer: Pooling, tensor: FloatArray) -> FloatArray:
    out = layer.out_shape
    result = np.empty(out, dtype=np.float32)
    for y in range(out.h):
        top = y * layer.stride.y - layer.pad.y
        for x in range(out.w):
            left = x * layer.stride.x - layer.pad.x
            window = tensor[
                max(top, 0) : top + layer.kernel.y, max(left, 0) : left + layer.kernel.x
            ]
            reduced = window.max if layer.method == "max" else window.mean
            result[y, x] = reduced(axis=(0, 1))
    return result


@compute_float.register
def _(layer: ReLU, tensor: FloatArray) -> FloatArray:
    return np.maximum(tensor, np.float32(0))


@compute_float.register
def _(layer: InnerProduct, tensor: FloatArray) -> FloatArray:
    products: FloatArray = layer.weights @ tensor.reshape(-1) + layer.bias
    return products.reshape(layer.out_shape)


@compute_float.register
def _(layer: Softmax, tensor: FloatArray) -> FloatArray:
    powers = np.exp(tensor - tensor.max(axis=2, keepdims=True))
    normalised: FloatArray = powers / powers.sum(axis=2, keepdims=True)
    return normalised
