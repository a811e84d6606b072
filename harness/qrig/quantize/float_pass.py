"""Float inference of many images at once, layer by layer: `networks.forward` for whole data sets.

It computes what `qrig.networks.forward` computes for networks in deployable form
(`qrig.networks.lower`), up to the order in which sums are added.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

import numpy as np
import numpy.typing as npt

from qrig.errors import UnsupportedNetworkError
from qrig.networks.graph import (
    Concat,
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    Network,
    Pooling,
    ReLU,
    Sigmoid,
    Softmax,
    TanH,
)
from qrig.quantize.windows import chunks, columns, padded, taps_inside, windows_along

Images = npt.NDArray[np.uint8]
"""Pixels (n, h, w, c) in the network's channel order."""


def float_input(source: Input, images: Images) -> FloatArray:
    """Return `(pixels - mean) * scale` as float32 (n, h, w, c)."""
    values = images.astype(np.float32)
    if source.mean is not None:
        values -= source.mean.astype(np.float32)
    return values * np.float32(source.scale)


def float_tensors(network: Network, images: Images) -> Iterator[tuple[str, FloatArray]]:
    """Yield name and float32 tensor (n, h, w, c) of the input and of every layer, in order.

    A tensor is dropped when its last reader has been computed. Raises UnsupportedNetworkError for
    a layer that is not of a deployable form.
    """
    tensors = {network.input.name: float_input(network.input, images)}
    last = last_readers(network)
    yield network.input.name, tensors[network.input.name]
    for layer in network.layers:
        tensors[layer.name] = float_layer(layer, [tensors[name] for name in layer.inputs])
        yield layer.name, tensors[layer.name]
        for name in layer.inputs:
            if last[name] == layer.name:
                tensors.pop(name, None)


def last_readers(network: Network) -> dict[str, str]:
    """Return the name of the layer that reads each tensor last."""
    return {name: layer.name for layer in network.layers for name in layer.inputs}


@singledispatch
def float_layer(layer: Layer, inputs: list[FloatArray]) -> FloatArray:
    """Return the float32 output (n, h, w, c) of a layer.

    Raises UnsupportedNetworkError for a layer that is not of a deployable form.
    """
    raise UnsupportedNetworkError(f"{layer.where}: {layer.type} has no fixed-point form in qrig")


@float_layer.register
def _convolution(layer: Convolution, inputs: list[FloatArray]) -> FloatArray:
    (tensors,) = inputs
    out = layer.out_shape
    matrix = np.ascontiguousarray(layer.weights.reshape(out.c, -1).T)
    result = np.empty((len(tensors), *out), dtype=np.float32)
    for part in chunks(len(tensors), 4 * out.h * out.w * len(matrix)):
        found = columns(
            padded(tensors[part], layer.pad, np.float32), layer.kernel, layer.stride, out
        )
        np.matmul(found, matrix, out=result[part].reshape(-1, out.c))
    result += layer.bias
    return result


@float_layer.register
def _depthwise(layer: DepthwiseConvolution, inputs: list[FloatArray]) -> FloatArray:
    (tensors,) = inputs
    out = layer.out_shape
    result = np.zeros((len(tensors), *out), dtype=np.float32)
    images = padded(tensors, layer.pad, np.float32)
    (sy, sx), rows, wide = layer.stride, out.h, out.w
    for y, x in np.ndindex(*layer.kernel):
        seen = images[:, y : y + (rows - 1) * sy + 1 : sy, x : x + (wide - 1) * sx + 1 : sx]
        result += seen * layer.weights[y, x]
    return result + layer.bias


@float_layer.register
def _inner_product(layer: InnerProduct, inputs: list[FloatArray]) -> FloatArray:
    (tensors,) = inputs
    products = tensors.reshape(len(tensors), -1) @ layer.weights.T + layer.bias
    return np.asarray(products, dtype=np.float32).reshape(-1, *layer.out_shape)


@float_layer.register
def _pooling(layer: Pooling, inputs: list[FloatArray]) -> FloatArray:
    """Pool along y, then x; an average divides once, as Caffe does: twice would round twice."""
    (result,) = inputs
    counts = np.ones(1, dtype=np.float32)
    for axis in (1, 2):
        size, out = layer.in_shape[axis - 1], layer.out_shape[axis - 1]
        shape = (layer.kernel[axis - 1], layer.stride[axis - 1], layer.pad[axis - 1], out)
        result = _joined(result, layer.method, axis, shape)
        taps = taps_inside(size, *shape).astype(np.float32)
        counts = counts * taps.reshape([-1 if index == axis else 1 for index in range(4)])
    return result / counts if layer.method == "average" else result


def _joined(
    tensors: FloatArray, method: str, axis: int, shape: tuple[int, int, int, int]
) -> FloatArray:
    """Return the maxima or the sums of windows along one axis."""
    total: FloatArray | None = None
    join = np.maximum if method == "max" else np.add
    fill = -np.inf if method == "max" else 0.0
    for seen in windows_along(tensors, axis, *shape, fill):
        total = seen.copy() if total is None else join(total, seen, out=total)
    if total is None:
        raise AssertionError("a window has at least one tap")
    return total


@float_layer.register
def _relu(layer: ReLU, inputs: list[FloatArray]) -> FloatArray:
    return np.maximum(inputs[0], np.float32(0))


@float_layer.register
def _sigmoid(layer: Sigmoid, inputs: list[FloatArray]) -> FloatArray:
    half = np.float32(0.5)
    return np.asarray(half * np.tanh(half * inputs[0]) + half, dtype=np.float32)


@float_layer.register
def _tanh(layer: TanH, inputs: list[FloatArray]) -> FloatArray:
    return np.asarray(np.tanh(inputs[0]), dtype=np.float32)


@float_layer.register
def _concat(layer: Concat, inputs: list[FloatArray]) -> FloatArray:
    return np.concatenate(inputs, axis=3)


@float_layer.register
def _eltwise(layer: Eltwise, inputs: list[FloatArray]) -> FloatArray:
    return np.asarray(np.sum(inputs, axis=0), dtype=np.float32)


@float_layer.register
def _softmax(layer: Softmax, inputs: list[FloatArray]) -> FloatArray:
    powers = np.exp(inputs[0] - inputs[0].max(axis=3, keepdims=True))
    return np.asarray(powers / powers.sum(axis=3, keepdims=True), dtype=np.float32)
