"""A network as Caffe would have it: a deploy definition and the blobs of its layers.

Every layer has a top of its own, named like the layer (ARM's scripts take one name for the other).
Mean and scale of the input stand in the `transform_param` of the Input layer: Caffe leaves that
alone, qrig reads it.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from qrig.errors import UnsupportedNetworkError
from qrig.networks.caffe.schema import message
from qrig.networks.caffe.weights import Weights
from qrig.networks.graph import (
    ONE,
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
from qrig.networks.shapes import pooling_output

_METHODS = ("max", "average")
_OPERATIONS = ("product", "sum", "max")
_FLOOR = 1
_WITHIN_CHANNEL = 1


def network_to_caffe(network: Network, *, mean_file: str | None = None) -> tuple[Any, Weights]:
    """Return the network as a NetParameter and its blobs by layer name, in Caffe's order.

    `mean_file` is the name the definition gives to a mean image, which the caller writes (see
    `write_network`); mean values of channels need none. Raises UnsupportedNetworkError for what
    Caffe has no form for, and for a mean image without a `mean_file`.
    """
    net = message("NetParameter")(name=network.name)
    _input(network.input, net.layer.add(), mean_file)
    weights: Weights = {}
    for layer in network.layers:
        entry = net.layer.add(name=layer.name, bottom=layer.inputs, top=[layer.name])
        entry.type, blobs = _describe(layer, entry)
        if blobs:
            weights[layer.name] = [np.ascontiguousarray(blob, dtype=np.float32) for blob in blobs]
    return net, weights


def _input(source: Input, entry: Any, mean_file: str | None) -> None:
    entry.name, entry.type = source.name, "Input"
    entry.top.append(source.name)
    height, width, channels = source.shape
    entry.input_param.shape.add().dim.extend((1, channels, height, width))
    if source.scale != 1:
        entry.transform_param.scale = source.scale
    if source.mean is None:
        return
    if source.mean.ndim == 1:
        entry.transform_param.mean_value.extend(source.mean.tolist())
    elif mean_file is not None:
        entry.transform_param.mean_file = mean_file
    else:
        raise UnsupportedNetworkError(
            f"input {source.name!r}: expected mean values of channels, found a mean image and no "
            "file to write it to; write the network with write_network"
        )


@singledispatch
def _describe(layer: Layer, entry: Any) -> tuple[str, list[FloatArray]]:
    """Fill the LayerParameter's parameters; return Caffe's type and the layer's blobs."""
    raise UnsupportedNetworkError(
        f"{layer.where}: a layer of type {layer.type!r} has no form in Caffe; lower the network "
        "first"
    )


@_describe.register
def _(layer: Convolution, entry: Any) -> tuple[str, list[FloatArray]]:
    param = entry.convolution_param
    _convolution(param, layer)
    if layer.groups != 1:
        param.group = layer.groups
    if layer.dilation != ONE:
        param.dilation.extend(layer.dilation)
    return "Convolution", [layer.weights.transpose(0, 3, 1, 2), layer.bias]


@_describe.register
def _(layer: DepthwiseConvolution, entry: Any) -> tuple[str, list[FloatArray]]:
    _convolution(entry.convolution_param, layer)
    entry.convolution_param.group = layer.out_shape.c
    return "Convolution", [layer.weights.transpose(2, 0, 1)[:, np.newaxis], layer.bias]


def _convolution(param: Any, layer: Convolution | DepthwiseConvolution) -> None:
    param.num_output = layer.out_shape.c
    _window(param, layer)


def _window(param: Any, layer: Convolution | DepthwiseConvolution | Pooling) -> None:
    """Write kernel, stride and padding; the latter two where they are not what Caffe assumes."""
    _extent(param, "kernel_size", "kernel", layer.kernel)
    if layer.stride != ONE:
        _extent(param, "stride", "stride", layer.stride)
    if any(layer.pad):
        _extent(param, "pad", "pad", layer.pad)


def _extent(param: Any, square: str, stem: str, extent: Pair) -> None:
    """Write an extent as one value, or as `<stem>_h` and `<stem>_w`."""
    if extent.y != extent.x:
        setattr(param, f"{stem}_h", extent.y)
        setattr(param, f"{stem}_w", extent.x)
    elif isinstance(getattr(param, square), int):
        setattr(param, square, extent.y)
    else:
        getattr(param, square).append(extent.y)


@_describe.register
def _(layer: Pooling, entry: Any) -> tuple[str, list[FloatArray]]:
    param = entry.pooling_param
    windows = (layer.in_shape, layer.kernel, layer.stride, layer.pad)
    padded_mean = layer.method == "average" and any(layer.pad)
    rounded_up = pooling_output(*windows) == layer.out_shape
    if padded_mean != layer.counts_padding or not (
        rounded_up or pooling_output(*windows, ceil=False) == layer.out_shape
    ):
        raise UnsupportedNetworkError(
            f"{layer.where}: a pooling of {layer.in_shape} to {layer.out_shape} with padding "
            f"{tuple(layer.pad)}, which Caffe computes otherwise"
        )
    param.pool = _METHODS.index(layer.method)
    _window(param, layer)
    if not rounded_up:
        param.round_mode = _FLOOR
    return "Pooling", []


@_describe.register
def _(layer: ReLU, entry: Any) -> tuple[str, list[FloatArray]]:
    if layer.negative_slope != 0:
        entry.relu_param.negative_slope = layer.negative_slope
    return "ReLU", []


@_describe.register
def _(layer: Sigmoid, entry: Any) -> tuple[str, list[FloatArray]]:
    return "Sigmoid", []


@_describe.register
def _(layer: TanH, entry: Any) -> tuple[str, list[FloatArray]]:
    return "TanH", []


@_describe.register
def _(layer: LocalResponseNormalization, entry: Any) -> tuple[str, list[FloatArray]]:
    if layer.within_channel and layer.k != 1:
        raise UnsupportedNetworkError(
            f"{layer.where}: a normalisation within channels with k {layer.k:g}; Caffe adds 1"
        )
    param = entry.lrn_param
    param.local_size, param.alpha, param.beta = layer.size, layer.alpha, layer.beta
    if layer.within_channel:
        param.norm_region = _WITHIN_CHANNEL
    elif layer.k != 1:
        param.k = layer.k
    return "LRN", []


@_describe.register
def _(layer: BatchNorm, entry: Any) -> tuple[str, list[FloatArray]]:
    entry.batch_norm_param.eps = layer.eps
    return "BatchNorm", [layer.mean, layer.variance, np.ones(1, dtype=np.float32)]


@_describe.register
def _(layer: Scale, entry: Any) -> tuple[str, list[FloatArray]]:
    entry.scale_param.bias_term = True
    return "Scale", [layer.weights, layer.bias]


@_describe.register
def _(layer: Concat, entry: Any) -> tuple[str, list[FloatArray]]:
    return "Concat", []


@_describe.register
def _(layer: Eltwise, entry: Any) -> tuple[str, list[FloatArray]]:
    entry.eltwise_param.operation = _OPERATIONS.index(layer.operation)
    if any(factor != 1 for factor in layer.coefficients):
        entry.eltwise_param.coeff.extend(layer.coefficients)
    return "Eltwise", []


@_describe.register
def _(layer: Flatten, entry: Any) -> tuple[str, list[FloatArray]]:
    return "Flatten", []


@_describe.register
def _(layer: InnerProduct, entry: Any) -> tuple[str, list[FloatArray]]:
    shape = layer.in_shape
    rows = layer.out_shape.c
    entry.inner_product_param.num_output = rows
    columns = layer.weights.reshape(rows, *shape).transpose(0, 3, 1, 2)
    return "InnerProduct", [columns.reshape(rows, shape.size), layer.bias]


@_describe.register
def _(layer: Softmax, entry: Any) -> tuple[str, list[FloatArray]]:
    return "Softmax", []
