"""The input of a Caffe network: its name, shape, channel order, mean and scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import frozen

from qrig.errors import FileFormatError
from qrig.networks.caffe.layer_types import COMPUTED_TYPES, INPUT_TYPES, TRAINING_TYPES
from qrig.networks.caffe.mean import read_mean_file
from qrig.networks.caffe.places import find_named
from qrig.networks.caffe.prototxt import Definition
from qrig.networks.graph import FloatArray, Input, Shape
from qrig.networks.shapes import MAX_DIMENSION, checked

_MAP_AXES = 4
_VECTOR_AXES = 2
_SIZED_TYPES = {
    "Data": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
    "MemoryData": "memory_data_param",
}
"""Types whose batch size stands in a parameter of their own."""

_LABELLED_TYPES = ("Data", "ImageData", "MemoryData")  # images first, then labels


@frozen
class FoundInput:
    """The network's input, how many axes its blob has, and what a user should be told.

    `other_blobs` are those the network is fed with besides: labels.
    """

    input: Input
    axes: int
    other_blobs: tuple[str, ...]
    notices: tuple[str, ...]


@frozen
class _Blob:
    """One blob a layer or the net-level `input` feeds in; `layer` is None for the latter."""

    name: str
    dims: tuple[int, ...] | None
    index: int = -1
    layer: Any = None
    is_label: bool = False

    @property
    def source(self) -> tuple[int, str]:
        """What feeds the blob: a layer of one or more tops, or one net-level `input`."""
        return (self.index, self.name if self.layer is None else "")


def find_input(
    definition: Definition,
    layers: list[tuple[int, Any]],
    shape: Shape | None,
    default: Shape | None = None,
) -> FoundInput:
    """Find the input among the test-phase layers or the net-level `input` fields.

    It is the one blob that layers of the network read; what only losses and accuracies read are
    labels. `shape` overrides what the definition says, `default` stands where it says nothing.
    Raises FileFormatError if there is no input,
    more than one, or nobody says its shape.
    """
    blobs = [*_net_blobs(definition), *_layer_blobs(definition, layers)]
    blob = _choose(definition, blobs, layers)
    mean, scale, notices = _transform(definition, blob.layer)
    crop = 0 if blob.layer is None else blob.layer.transform_param.crop_size
    where = f"{definition.path}: input {blob.name!r}"
    chosen = shape or _declared(blob, where) or _shape_of_mean(mean, crop) or default
    if chosen is None:
        raise FileFormatError(
            f"{definition.path}: expected the shape of input {blob.name!r}, found none in the "
            "definition; give --input-shape HxWxC or formats that hold it"
        )
    checked(chosen, where)
    coloured = "bgr" if blob.layer is not None and blob.layer.type == "ImageData" else "rgb"
    order = "gray" if chosen.c == 1 else coloured
    vector = blob.dims is not None and len(blob.dims) == _VECTOR_AXES
    return FoundInput(
        Input(blob.name, chosen, order, _fitted(mean, chosen, crop, where), scale, _batch(blob)),
        _VECTOR_AXES if vector else _MAP_AXES,
        tuple(other.name for other in blobs if other is not blob),
        notices,
    )


def _choose(definition: Definition, blobs: list[_Blob], layers: list[tuple[int, Any]]) -> _Blob:
    """Return the blob the network reads; every other source must feed a loss or an accuracy."""
    read, judged = _read_by_the_network(layers)
    wanted = [blob for blob in blobs if blob.name in read and not blob.is_label]
    sources = {blob.source for blob in blobs}
    busy = {blob.source for blob in blobs if blob.name in read | judged}
    if len(sources) == 1 and not wanted:
        return blobs[0]
    if len(wanted) != 1 or sources != busy:
        raise FileFormatError(
            f"{definition.path}: expected one input (a Data or Input layer of the TEST phase, or "
            f"`input:`), found {max(len(wanted), len(sources))}; correct the definition"
        )
    return wanted[0]


def _read_by_the_network(layers: list[tuple[int, Any]]) -> tuple[set[str], set[str]]:
    """Return the blobs that lead into a computed layer, and those that losses read."""
    read: set[str] = set()
    judged: set[str] = set()
    for _, layer in reversed(layers):
        if layer.type in COMPUTED_TYPES or read.intersection(layer.top):
            read.update(layer.bottom)
        if layer.type in TRAINING_TYPES or judged.intersection(layer.top):
            judged.update(layer.bottom)
    return read, judged


def _net_blobs(definition: Definition) -> list[_Blob]:
    net = definition.net
    blobs = []
    for position, name in enumerate(net.input):
        dims: tuple[int, ...] | None = None
        if position < len(net.input_shape):
            dims = tuple(net.input_shape[position].dim)
        elif net.input_dim:
            dims = tuple(net.input_dim[position * _MAP_AXES : (position + 1) * _MAP_AXES])
        blobs.append(_Blob(name, dims))
    return blobs


def _layer_blobs(definition: Definition, layers: list[tuple[int, Any]]) -> list[_Blob]:
    blobs = []
    for index, layer in layers:
        if layer.type not in INPUT_TYPES:
            continue
        if not layer.top:
            raise FileFormatError(
                f"{definition.where(index)}: layer {layer.name!r}: expected a top, found none; "
                "correct the definition"
            )
        for position, name in enumerate(layer.top):
            is_label = position > 0 and layer.type in _LABELLED_TYPES
            blobs.append(_Blob(name, _layer_dims(layer, position), index, layer, is_label))
    return blobs


def _layer_dims(layer: Any, position: int) -> tuple[int, ...] | None:
    """Return the dimensions of a layer's top as far as the layer says them."""
    if layer.type == "Input":
        return _shape_at(layer.input_param.shape, position)
    if layer.type == "DummyData":
        param = layer.dummy_data_param
        if param.shape:
            return _shape_at(param.shape, position)
        sides = [list(side) for side in (param.num, param.channels, param.height, param.width)]
        if not all(sides):
            return None
        return tuple(side[min(position, len(side) - 1)] for side in sides)
    if layer.type == "MemoryData" and position == 0:
        param = layer.memory_data_param
        return (param.batch_size, param.channels, param.height, param.width)
    if layer.type == "ImageData" and position == 0:
        return _image_dims(layer)
    return None


def _shape_at(shapes: Any, position: int) -> tuple[int, ...] | None:
    return tuple(shapes[min(position, len(shapes) - 1)].dim) if shapes else None


def _image_dims(layer: Any) -> tuple[int, ...] | None:
    param, crop = layer.image_data_param, layer.transform_param.crop_size
    height, width = (crop, crop) if crop else (param.new_height, param.new_width)
    if not (height and width):
        return None
    return (param.batch_size, 3 if param.is_color else 1, height, width)


def _batch(blob: _Blob) -> int:
    """Return how many images a definition takes at once; 1 where it does not say."""
    size = blob.dims[0] if blob.dims else 1
    if blob.layer is not None and blob.layer.type in _SIZED_TYPES:
        size = getattr(blob.layer, _SIZED_TYPES[blob.layer.type]).batch_size
    return size if 1 <= size <= MAX_DIMENSION else 1


def _declared(blob: _Blob, where: str) -> Shape | None:
    """Return the shape of the blob's dimensions: (n, c, h, w) or (n, c)."""
    dims = blob.dims
    if not dims:
        return None
    if len(dims) == _MAP_AXES:
        return Shape(dims[2], dims[3], dims[1])
    if len(dims) == _VECTOR_AXES:
        return Shape(1, 1, dims[1])
    raise FileFormatError(
        f"{where}: expected the dimensions n, c, h, w or n, c, found {len(dims)} "
        f"({', '.join(map(str, dims[:8]))}); correct the definition"
    )


def _transform(
    definition: Definition, layer: Any
) -> tuple[FloatArray | None, float, tuple[str, ...]]:
    """Return (mean, scale, notices) of the layer's transform_param; a net-level input has none."""
    if layer is None:
        return None, 1.0, ()
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
        values = np.array(list(param.mean_value), dtype=np.float32)
        if not np.isfinite(values).all():
            raise FileFormatError(
                f"{definition.path}: input layer {layer.name!r}: expected finite mean values, "
                f"found {values.tolist()}; correct the definition"
            )
        return values, param.scale, ()
    if not param.mean_file:
        return None, param.scale, ()
    found = find_named(param.mean_file, definition.path)
    if found is not None:
        return read_mean_file(found), param.scale, ()
    notice = (
        f"{definition.path} subtracts the mean file {param.mean_file!r}, which is not beside it; "
        "no mean is subtracted unless --mean gives one"
    )
    return None, param.scale, (notice,)


def _shape_of_mean(mean: FloatArray | None, crop: int) -> Shape | None:
    """Return the input's shape as a mean image and the crop tell it."""
    if mean is None or mean.ndim != 3:
        return None
    height, width, channels = mean.shape
    return Shape(crop or height, crop or width, channels)


def _fitted(mean: FloatArray | None, shape: Shape, crop: int, where: str) -> FloatArray | None:
    """Return the mean for the input: one value for every channel, or the centre of a mean image.

    A mean image is as large as the images before they are cropped; at test time Caffe crops their
    centre, rounded down.
    """
    if mean is None:
        return None
    if mean.ndim == 1:
        if len(mean) not in (1, shape.c):
            raise FileFormatError(
                f"{where}: expected one mean_value or {shape.c}, found {len(mean)}; correct the "
                "definition"
            )
        return np.resize(mean, shape.c)
    height, width, channels = mean.shape
    if crop and crop == shape.h == shape.w and min(height, width) >= crop:
        top, left = (height - crop) // 2, (width - crop) // 2
        mean = mean[top : top + crop, left : left + crop]
    if mean.shape != tuple(shape):
        raise FileFormatError(
            f"{where}: expected a mean image of shape {shape}, found {height}x{width}x{channels}; "
            "give the mean of this network, or --input-shape"
        )
    return mean
