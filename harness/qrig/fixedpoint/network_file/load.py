"""From a `.network` file to a quantised network."""

from __future__ import annotations

from collections import Counter
from functools import singledispatch
from typing import Any

import numpy as np

from qrig.fixedpoint.interleave import Order, deinterleaved
from qrig.fixedpoint.network_file.dialects import CORRECT
from qrig.fixedpoint.network_file.input_scale import read_scale
from qrig.fixedpoint.network_file.records import (
    METHODS,
    ConvolutionRecord,
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
)
from qrig.networks.graph import Pair

_NAMES = {"convolution": "conv", "pooling": "pool", "innerproduct": "ip"}


def layer_names(file: NetworkFile) -> tuple[str, ...]:
    """Return a name for every record, which has none: data, conv1, relu1, pool1, ip1 ..."""
    counts: Counter[str] = Counter()
    names = []
    for record in file.records:
        kind = _NAMES.get(record.type, record.type)
        counts[kind] += 1
        names.append("data" if kind == "data" else f"{kind}{counts[kind]}")
    return tuple(names)


def network_from_file(
    file: NetworkFile, name: str, *, dialect: str = CORRECT, scale: float | None = None
) -> QuantizedNetwork:
    """Return the network of a file that `read_network_file` has read.

    `scale` is what multiplies the pixels: it says that OpenMV's converter wrote the file. The
    formats of layers are not in a file: all fraction_bits but the input's are 0. Raises InputError
    as `read_scale` does.
    """
    names = layer_names(file)
    layers: list[QuantizedLayer] = []
    for index, record in enumerate(file.records[1:], 1):
        before = file.records[index - 1]
        base = {
            "name": names[index],
            "inputs": (names[index - 1],),
            "in_shape": before.shape,
            "out_shape": record.shape,
            "fraction_bits": 0,
        }
        layers.append(_layer(record, base))
    source = _input(file, name, dialect, scale)
    return QuantizedNetwork(name, source, tuple(layers))


def _input(file: NetworkFile, name: str, dialect: str, factor: float | None) -> QuantizedInput:
    data = file.data
    found = read_scale(data.scale, name, dialect=dialect, factor=factor)
    order = "gray" if data.channels == 1 else "rgb"
    mean = np.array(data.means[: data.channels], dtype=np.int16)
    return QuantizedInput("data", data.shape, order, mean, *found.factor, found.fraction_bits)


@singledispatch
def _layer(record: Record, base: dict[str, Any]) -> QuantizedLayer:
    raise TypeError(f"no layer for {record.type}")


@_layer.register
def _convolution(record: ConvolutionRecord, base: dict[str, Any]) -> QuantizedLayer:
    return QuantizedConvolution(
        **base,
        **_window(record),
        weights=record.weights.reshape(record.channels, record.kernel, record.kernel, -1),
        bias=record.bias,
        bias_shift=record.bias_shift,
        output_shift=record.output_shift,
    )


@_layer.register
def _relu(record: ReluRecord, base: dict[str, Any]) -> QuantizedLayer:
    return QuantizedReLU(**base)


@_layer.register
def _pooling(record: PoolingRecord, base: dict[str, Any]) -> QuantizedLayer:
    (method,) = (text for text, number in METHODS.items() if number == record.method)
    return QuantizedPooling(**base, **_window(record), method=method)


@_layer.register
def _inner_product(record: InnerProductRecord, base: dict[str, Any]) -> QuantizedLayer:
    columns = record.weights.size // record.channels
    return QuantizedInnerProduct(
        **base,
        weights=deinterleaved(record.weights, (record.channels, columns), Order.X4_Q7),
        bias=record.bias,
        bias_shift=record.bias_shift,
        output_shift=record.output_shift,
    )


def _window(record: ConvolutionRecord | PoolingRecord) -> dict[str, Any]:
    sides = {"kernel": record.kernel, "stride": record.stride, "pad": record.pad}
    return {key: Pair(side, side) for key, side in sides.items()}
