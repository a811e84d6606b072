"""The input of a Caffe network: its name, shape, mean and scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from qrig.errors import FileFormatError
from qrig.networks.caffe.layer_types import INPUT_TYPES
from qrig.networks.caffe.mean import read_mean_file
from qrig.networks.caffe.prototxt import Definition
from qrig.networks.graph import FloatArray, Input, Shape
from qrig.networks.shapes import checked


@frozen
class FoundInput:
    """The network's input, the blobs that hold labels, and what a user should be told."""

    input: Input
    label_blobs: tuple[str, ...]
    notices: tuple[str, ...]


def find_input(
    definition: Definition, layers: list[tuple[int, Any]], shape: Shape | None
) -> FoundInput:
    """Find the input among the test-phase layers or the net-level `input` fields.

    `shape` overrides what the definition says. Raises FileFormatError if there is no input, more
    than one, or nobody says its shape.
    """
    net = definition.net
    candidates = [(index, layer) for index, layer in layers if layer.type in INPUT_TYPES]
    if len(candidates) + len(net.input) != 1:
        raise FileFormatError(
            f"{definition.path}: expected one input (a Data or Input layer of the TEST phase, or "
            f"`input:`), found {len(candidates) + len(net.input)}; correct the definition"
        )
    labels: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    if net.input:
        name, declared = net.input[0], _net_shape(net)
        mean, scale = None, 1.0
    else:
        index, layer = candidates[0]
        if not layer.top:
            raise FileFormatError(
                f"{definition.where(index)}: layer {layer.name!r}: expected a top, found none; "
                "correct the definition"
            )
        name, labels, declared = layer.top[0], tuple(layer.top[1:]), _layer_shape(layer)
        mean, scale, notices = _transform(definition, layer)
    chosen = shape or declared
    if chosen is None:
        raise FileFormatError(
            f"{definition.path}: expected the shape of input {name!r}, found none in the "
            "definition; give --input-shape HxWxC or formats that hold it"
        )
    checked(chosen, f"{definition.path}: input {name!r}")
    order = "gray" if chosen.c == 1 else "rgb"
    return FoundInput(Input(name, chosen, order, mean, scale), labels, notices)


def _net_shape(net: Any) -> Shape | None:
    dims = list(net.input_shape[0].dim) if net.input_shape else list(net.input_dim)
    return _shape_of_dims(dims)


def _layer_shape(layer: Any) -> Shape | None:
    if layer.type == "Input" and layer.input_param.shape:
        return _shape_of_dims(list(layer.input_param.shape[0].dim))
    if layer.type == "MemoryData":
        param = layer.memory_data_param
        return Shape(param.height, param.width, param.channels)
    return None


def _shape_of_dims(dims: list[int]) -> Shape | None:
    if len(dims) == 4:
        return Shape(dims[2], dims[3], dims[1])
    return Shape(1, 1, dims[1]) if len(dims) == 2 else None


def _transform(
    definition: Definition, layer: Any
) -> tuple[FloatArray | None, float, tuple[str, ...]]:
    """Return (mean, scale, notices) of the layer's transform_param."""
    param = layer.transform_param
    if param.mean_file and param.mean_value:
        raise FileFormatError(
            f"{definition.path}: input layer {layer.name!r}: expected mean_file or mean_value, "
            "found both; keep one"
        )
    if not np.isfinite(param.scale) or param.scale <= 0:
        raise FileFormatError(
            f"{definition.path}: input layer {layer.name!r}: expected a positive scale, found "
            f"{param.scale}; correct the definition"
        )
    if param.mean_value:
        return np.array(list(param.mean_value), dtype=np.float32), param.scale, ()
    if not param.mean_file:
        return None, param.scale, ()
    beside = definition.path.parent / Path(param.mean_file).name
    if beside.is_file():
        return read_mean_file(beside), param.scale, ()
    return (
        None,
        param.scale,
        (
            f"{definition.path} subtracts the mean file {param.mean_file!r}, which is not beside "
            "it; no mean is subtracted unless --mean gives one",
        ),
    )
