"""A network's data layers as feeds: their own sources, or images the user gives instead."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attrs import field, frozen

from qrig.datasets.augment import Augmentation
from qrig.datasets.image_set import ImageSet
from qrig.datasets.known import KNOWN
from qrig.datasets.lists import list_entries
from qrig.datasets.padding import padded
from qrig.datasets.sources import read_image_set
from qrig.datasets.transform import TEST, TRAIN, Transform
from qrig.errors import FileFormatError, UsageError
from qrig.networks.caffe.layer_types import INPUT_TYPES
from qrig.networks.caffe.mean import read_mean_file
from qrig.networks.caffe.places import find_named
from qrig.networks.caffe.prototxt import Definition
from qrig.networks.graph import FloatArray, Shape
from qrig.training.arrays import read_arrays
from qrig.training.feeds import ArrayFeed, Feed, ImageFeed, check_order
from qrig.training.order import Order
from qrig.training.randomness import stream


@frozen(eq=False)
class Given:
    """What the user says about data: images for the network, their size, mean and variation.

    `images` take the place of whatever the data layers name; `input_shape` is what smaller images
    are brought to with zeros around them; `mean` replaces the transform's; `augmentation` varies
    the images of training.
    """

    images: ImageSet | None = field(default=None, repr=False)
    input_shape: Shape | None = None
    mean: FloatArray | None = None
    augmentation: Augmentation | None = None


@frozen(eq=False)
class _Layer:
    """A data layer: its place, message and tops, and how many records a batch has."""

    where: str
    message: Any
    tops: tuple[str, ...]
    batch_size: int


def feeds_of(
    definition: Definition,
    layers: Sequence[tuple[int, Any]],
    testing: bool,
    given: Given,
    seed: int,
) -> tuple[Feed, ...]:
    """Return the feeds of the data layers among `layers`, those of one phase.

    Raises UsageError if the layers need data that nobody gives, InputError for data that cannot be
    used.
    """
    found = [
        _Layer(
            f"{definition.where(index)}: layer {layer.name!r}",
            layer,
            tuple(layer.top),
            _batch_size(layer),
        )
        for index, layer in layers
        if layer.type in INPUT_TYPES
    ]
    if definition.net.input:
        found.append(_net_input(definition))
    if not found or not found[0].tops:
        phase = "TEST" if testing else "TRAIN"
        raise FileFormatError(
            f"{definition.path}: expected a data layer with tops in phase {phase}, found none; "
            "correct the definition"
        )
    reading = _Reading(definition, testing, given, seed)
    if given.images is not None:
        return (reading.given_feed(found, given.images),)
    return tuple(reading.own_feed(layer) for layer in found)


def _net_input(definition: Definition) -> _Layer:
    net = definition.net
    dims = list(net.input_shape[0].dim) if net.input_shape else list(net.input_dim)
    return _Layer(
        f"{definition.path}: `input`", None, tuple(net.input), int(dims[0]) if dims else 0
    )


def _batch_size(layer: Any) -> int:
    if layer.type == "Input":
        shapes = layer.input_param.shape
        return int(shapes[0].dim[0]) if shapes and shapes[0].dim else 0
    if layer.type == "DummyData":
        param = layer.dummy_data_param
        if param.shape and param.shape[0].dim:
            return int(param.shape[0].dim[0])
        return int(param.num[0]) if param.num else 0
    params = {
        "Data": "data_param",
        "HDF5Data": "hdf5_data_param",
        "ImageData": "image_data_param",
        "MemoryData": "memory_data_param",
    }
    return int(getattr(layer, params[layer.type]).batch_size)


class _Reading:
    """Makes feeds for one phase of one definition."""

    def __init__(self, definition: Definition, testing: bool, given: Given, seed: int) -> None:
        self.definition, self.given, self.seed = definition, given, seed
        self.phase = TEST if testing else TRAIN

    def given_feed(self, layers: Sequence[_Layer], images: ImageSet) -> ImageFeed:
        """Feed the first top with images and the second with labels, whatever makes them."""
        tops = tuple(top for layer in layers for top in layer.tops)
        if len(tops) > 2:
            raise UsageError(
                f"{layers[0].where}: expected one blob of images and one of labels where images "
                f"are given, found {len(tops)} ({', '.join(tops)}); use the net's own data"
            )
        shuffle, skip = False, 0
        if layers[0].message is not None:
            shuffle, skip = self._shuffled(layers[0])
            if layers[0].message.type == "ImageData":
                images = images.in_order("bgr")
        return self._image_feed(layers[0], tops, images, shuffle=shuffle, skip=skip)

    def own_feed(self, layer: _Layer) -> Feed:
        """Feed a layer from the source it names."""
        kind = "" if layer.message is None else layer.message.type
        if kind not in _READERS:
            option = "--test-data" if self.phase == TEST else "--data"
            raise UsageError(
                f"{layer.where}: expected data for {', '.join(layer.tops)}, which the definition "
                f"does not name, found none; give {option}"
            )
        return _READERS[kind](self, layer)

    def data(self, layer: _Layer) -> Feed:
        """Feed a Data layer from its LMDB, or from whatever else is there."""
        source = layer.message.data_param.source
        param = layer.message.transform_param
        channels = 3 if param.force_color else 1 if param.force_gray else None
        images = read_image_set(self._source(layer, source), part=self.phase, channels=channels)
        shuffle, skip = self._shuffled(layer)
        return self._image_feed(layer, layer.tops, images, shuffle=shuffle, skip=skip)

    def image_data(self, layer: _Layer) -> Feed:
        """Feed an ImageData layer from its list; channels are blue, green, red, as in Caffe."""
        param = layer.message.image_data_param
        path = Path(self._source(layer, param.source))
        if bool(param.new_height) != bool(param.new_width):
            raise FileFormatError(
                f"{layer.where}: expected both new_height and new_width, found one; correct the "
                "definition"
            )
        images = read_image_set(
            path,
            part=self.phase,
            channels=3 if param.is_color else 1,
            resize=(param.new_height, param.new_width) if param.new_height else None,
            root=self._root(path, param.root_folder),
        )
        shuffle, skip = self._shuffled(layer)
        return self._image_feed(
            layer, layer.tops, images.in_order("bgr"), shuffle=shuffle, skip=skip
        )

    def hdf5_data(self, layer: _Layer) -> Feed:
        """Feed an HDF5Data layer from the files its list names, numbers as they are."""
        param = layer.message.hdf5_data_param
        given = self.given
        varied = given.augmentation if self.phase == TRAIN else None
        if any(option is not None for option in (given.mean, given.input_shape, varied)):
            raise UsageError(
                f"{layer.where}: expected no mean, input shape or augmentation with HDF5Data, "
                "whose numbers are taken as they are, found one; leave it out"
            )
        if layer.message.HasField("transform_param"):
            raise FileFormatError(
                f"{layer.where}: expected no transform_param, which HDF5Data does not have, found "
                "one; transform the numbers in the file"
            )
        path = Path(self._source(layer, param.source))
        arrays = read_arrays(path, layer.tops)
        count = len(arrays[layer.tops[0]])
        check_order(layer.where, layer.batch_size, count)
        order = Order(count, layer.batch_size, self.seed, bool(param.shuffle))
        tensors = {top: torch.from_numpy(array) for top, array in arrays.items()}
        return ArrayFeed(str(path), tensors, order)

    def _image_feed(
        self, layer: _Layer, tops: tuple[str, ...], images: ImageSet, *, shuffle: bool, skip: int
    ) -> ImageFeed:
        if self.given.input_shape is not None:
            images = padded(images, self.given.input_shape)
        if len(tops) > 2 or (len(tops) == 2 and images.labels is None):
            raise UsageError(
                f"{layer.where}: expected images with labels for {', '.join(tops)}, found "
                f"{images.name} {'without labels' if len(tops) == 2 else 'with no more'}; give "
                "images of known classes"
            )
        check_order(layer.where, layer.batch_size, len(images))
        transform = self._transform(layer, images)
        _check_shape(layer, images, transform)
        order = Order(len(images), layer.batch_size, self.seed, shuffle, skip)
        varied = self.given.augmentation if self.phase == TRAIN else None
        return ImageFeed(images, tops, order, transform, self.phase, self.seed, varied)

    def _transform(self, layer: _Layer, images: ImageSet) -> Transform:
        """Return the layer's transform, for the pixels in which `images` are kept."""
        if layer.message is None:
            return Transform(self.given.mean, images.scale)
        param = layer.message.transform_param
        if not math.isfinite(param.scale) or not all(map(math.isfinite, param.mean_value)):
            raise FileFormatError(
                f"{layer.where}: expected a finite scale and mean, found others; correct the "
                "definition"
            )
        mean = self._mean(layer)
        if mean is not None and images.scale != 1:
            mean = (mean / np.float32(images.scale)).astype(np.float32)
        made = Transform(mean, param.scale * images.scale, param.crop_size, param.mirror)
        made.output_shape(images.shape)
        return made

    def _mean(self, layer: _Layer) -> FloatArray | None:
        if self.given.mean is not None:
            return self.given.mean
        param = layer.message.transform_param
        if param.mean_file and param.mean_value:
            raise FileFormatError(
                f"{layer.where}: expected mean_file or mean_value, found both; keep one"
            )
        if param.mean_value:
            return np.array(list(param.mean_value), dtype=np.float32)
        if not param.mean_file:
            return None
        found = find_named(param.mean_file, self.definition.path)
        if found is None:
            raise FileFormatError(
                f"{layer.where}: expected the mean file {param.mean_file!r} from the working "
                "directory or beside the definition, found none; give --mean"
            )
        return read_mean_file(found)

    def _source(self, layer: _Layer, source: str) -> str:
        if source in KNOWN:
            return source
        found = find_named(source, self.definition.path)
        if found is None:
            option = "--test-data" if self.phase == TEST else "--data"
            raise FileFormatError(
                f"{layer.where}: expected the data {source!r} from the working directory or beside "
                f"the definition, found none; copy them there or give {option}"
            )
        return str(found)

    def _root(self, path: Path, folder: str) -> Path | None:
        """Return where the paths of a list begin: its root_folder, else the working directory."""
        if folder:
            return find_named(folder, self.definition.path) or Path(folder)
        _, first, _ = list_entries(path)[0]
        here = first.relative_to(path.parent) if first.is_relative_to(path.parent) else first
        return Path() if not first.exists() and here.exists() else None

    def _shuffled(self, layer: _Layer) -> tuple[bool, int]:
        """Return whether records are shuffled, and how many are passed over at the beginning."""
        if layer.message.type not in ("Data", "ImageData", "HDF5Data"):
            return False, 0
        if layer.message.type == "HDF5Data":
            return bool(layer.message.hdf5_data_param.shuffle), 0
        image = layer.message.type == "ImageData"
        param = layer.message.image_data_param if image else layer.message.data_param
        random = stream(self.seed, f"skip {layer.message.name}")
        skip = int(random.integers(param.rand_skip)) if param.rand_skip else 0
        return bool(image and param.shuffle), skip


_READERS: dict[str, Callable[[_Reading, _Layer], Feed]] = {
    "Data": _Reading.data,
    "ImageData": _Reading.image_data,
    "HDF5Data": _Reading.hdf5_data,
}


def _check_shape(layer: _Layer, images: ImageSet, transform: Transform) -> None:
    """Raise UsageError unless transformed images have the shape the layer declares, if it does."""
    message = layer.message
    declared: Shape | None = None
    if message is not None and message.type == "MemoryData":
        param = message.memory_data_param
        declared = Shape(param.height, param.width, param.channels)
    elif message is not None and message.type == "Input" and message.input_param.shape:
        dims = list(message.input_param.shape[0].dim)
        declared = Shape(dims[2], dims[3], dims[1]) if len(dims) == 4 else None
    found = transform.output_shape(images.shape)
    if declared is not None and found != declared:
        raise UsageError(
            f"{layer.where}: expected images of {declared}, found {found} in {images.name}; give "
            f"--input-shape {declared} to put zeros around them, or other images"
        )
