"""From a quantised network to a `.network` file."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.fixedpoint.interleave import Order, interleaved
from qrig.fixedpoint.network_file.check import CHANNELS, check_records
from qrig.fixedpoint.network_file.dialects import CORRECT
from qrig.fixedpoint.network_file.input_scale import written_scale
from qrig.fixedpoint.network_file.records import (
    METHODS,
    ConvolutionRecord,
    DataRecord,
    InnerProductRecord,
    NetworkFile,
    PoolingRecord,
    Record,
    ReluRecord,
)
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
    QuantizedSoftmax,
)
from qrig.networks.graph import Pair, Shape

_NAMES = {
    "depthwise": "depthwise convolutions",
    "concat": "concatenated channels",
    "eltwise": "sums of tensors",
    "sigmoid": "sigmoids",
    "tanh": "hyperbolic tangents",
    "softmax": "softmax but at the end",
}


def file_from_network(
    network: QuantizedNetwork, *, batch: int = 1, compat: bool = False, dialect: str = CORRECT
) -> NetworkFile:
    """Return the file that holds `network`; a softmax at its end is left out: the format has none.

    `compat` writes the input scale as OpenMV's converter did; `dialect` is how the file is going to
    be read. Raises UnsupportedNetworkError that names what the format lacks.
    """
    layers = network.layers
    if layers and isinstance(layers[-1], QuantizedSoftmax):
        layers = layers[:-1]
    data = _input(network.input, batch, compat=compat, dialect=dialect)
    names = [network.input.name, *(layer.name for layer in layers)]
    for before, layer in zip(names, layers, strict=False):
        if layer.inputs != (before,):
            raise _lacking(
                f"layer {layer.name!r}", "branches", f"it reads {', '.join(layer.inputs)}"
            )
    records = (data, *(_record(layer, batch) for layer in layers))
    try:
        check_records(records, network.name)
    except FileFormatError as error:
        raise UnsupportedNetworkError(
            f"{error} (a .network file with this could not be read)"
        ) from error
    return NetworkFile(records)


def _lacking(where: str, feature: str, found: str) -> UnsupportedNetworkError:
    """Make the error for a feature that the format does not have."""
    return UnsupportedNetworkError(
        f"{where}: expected what a .network file can hold, which has no {feature}, found that "
        f"{found}; deploy it as generated C"
    )


def _input(source: QuantizedInput, batch: int, *, compat: bool, dialect: str) -> DataRecord:
    where = f"input {source.name!r}"
    if source.shape.c not in CHANNELS:
        raise _lacking(where, "inputs but of 1 or 3 channels", f"it has {source.shape.c}")
    if source.channel_order == "bgr":
        raise _lacking(where, "order of channels but RGB", "its channels are in the order BGR")
    if source.mean.ndim != 1:
        raise _lacking(
            where, "mean images", "its mean is one (--mean with channel values is another)"
        )
    means = np.resize(source.mean, 3).tolist()
    scale = written_scale(source, compat=compat, dialect=dialect)
    return DataRecord(*_dims(batch, source.shape), (means[0], means[1], means[2]), scale)


@singledispatch
def _record(layer: QuantizedLayer, batch: int) -> Record:
    raise _lacking(
        f"layer {layer.name!r}", _NAMES.get(layer.type, layer.type), f"it is a {layer.type}"
    )


@_record.register
def _convolution(layer: QuantizedConvolution, batch: int) -> Record:
    return ConvolutionRecord(
        *_dims(batch, layer.out_shape),
        bias_shift=layer.bias_shift,
        output_shift=layer.output_shift,
        kernel=_side(layer, "window", layer.kernel),
        pad=_side(layer, "padding", layer.pad),
        stride=_side(layer, "stride", layer.stride),
        weights=layer.weights.ravel(),
        bias=layer.bias,
    )


@_record.register
def _relu(layer: QuantizedReLU, batch: int) -> Record:
    return ReluRecord(*_dims(batch, layer.out_shape))


@_record.register
def _pooling(layer: QuantizedPooling, batch: int) -> Record:
    return PoolingRecord(
        *_dims(batch, layer.out_shape),
        method=METHODS[layer.method],
        kernel=_side(layer, "window", layer.kernel),
        pad=_side(layer, "padding", layer.pad),
        stride=_side(layer, "stride", layer.stride),
    )


@_record.register
def _inner_product(layer: QuantizedInnerProduct, batch: int) -> Record:
    return InnerProductRecord(
        *_dims(batch, layer.out_shape),
        bias_shift=layer.bias_shift,
        output_shift=layer.output_shift,
        weights=interleaved(layer.weights, Order.X4_Q7),
        bias=layer.bias,
    )


def _dims(batch: int, shape: Shape) -> tuple[int, int, int, int]:
    return batch, shape.c, shape.h, shape.w


def _side(layer: QuantizedLayer, what: str, sides: Pair) -> int:
    """Return the one side of a square; raises UnsupportedNetworkError for another rectangle."""
    if sides.y != sides.x:
        raise _lacking(
            f"layer {layer.name!r}",
            f"{what} that differs along x and y",
            f"its {what} is {sides.x} by {sides.y}",
        )
    return sides.y
