"""Image sets in numpy's `.npy` and `.npz` files, never unpickled."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import attrs
import numpy as np

from qrig.datasets.array_layout import images_last_channel
from qrig.datasets.image_set import ImageSet, channel_order_of
from qrig.datasets.label_files import labels_of
from qrig.datasets.pixel_values import pixels_of
from qrig.datasets.request import MAX_SET_BYTES, Request, check_set_size
from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes
from qrig.networks.npy import parse_npy

_IMAGES = ("data", "images", "x", "X")
_LABELS = ("label", "labels", "y", "Y")


def read_npy_set(path: Path, request: Request) -> ImageSet:
    """Read the images (n, h, w, c) or (n, h, w) in the `.npy` file at `path`.

    An array of `request.shape` is one image. Raises FileFormatError.
    """
    data = read_bytes(path, what="a .npy array of images", limit_bytes=MAX_SET_BYTES)
    array = parse_npy(path, data)
    if request.shape is not None and array.shape == tuple(request.shape):
        array = array[np.newaxis]
    return _image_set(str(path), path.name, array, request)


def read_npz_set(path: Path, request: Request) -> ImageSet:
    """Read images and labels of the `.npz` file at `path`.

    Arrays are named as `request.datasets` says, or images/labels, x/y; with `x_train`, `y_train`,
    `x_test`, `y_test` the file is divided into parts. Raises FileFormatError.
    """
    members = _members(path)
    part = request.part if f"x_{request.part}" in members else ""
    divided = ((f"x_{request.part}",), (f"y_{request.part}",))
    names = divided if part else ((request.datasets[0], *_IMAGES), (request.datasets[1], *_LABELS))
    data, labels = (next((name for name in choices if name in members), None) for choices in names)
    if data is None:
        raise FileFormatError(
            f"{path}: expected an array {names[0][0]!r} of images, found "
            f"{', '.join(map(repr, members[:8])) or 'none'}; name the one with the images"
        )
    array = _member(path, data)
    images = _image_set(f"{path}: {data}", path.name, array, request)
    if labels is not None:
        classes = labels_of(f"{path}: {labels}", _member(path, labels))
        if len(classes) != len(array):
            raise FileFormatError(
                f"{path}: {labels}: expected {len(array)} labels, one for each image, found "
                f"{len(classes)}; save them together"
            )
        images = attrs.evolve(images, labels=classes[images.places])
    return attrs.evolve(images, part=part)


def _image_set(where: str, name: str, array: np.ndarray, request: Request) -> ImageSet:
    if array.ndim < 2 or not array.size:
        raise FileFormatError(
            f"{where}: expected images (n, h, w, c) or (n, h, w), found an array of {array.shape}; "
            "save the images"
        )
    check_set_size(where, request.count(len(array)), math.prod(array.shape[1:]))
    pixels, scale = pixels_of(where, array, request.places(len(array)))
    images = images_last_channel(where, pixels)
    order, count = channel_order_of(images.shape[3]), request.source_count(len(array))
    return ImageSet(name, images, None, order, scale, source_count=count)


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()[:1000]]
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise FileFormatError(
            f"{path}: expected a .npz file, found it damaged ({error}); save it again"
        ) from error


def _member(path: Path, name: str) -> np.ndarray:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            data = stream.read(MAX_SET_BYTES + 1)
    except Exception as error:  # a damaged archive makes zipfile and zlib raise nearly anything
        raise FileFormatError(
            f"{path}: {name}: expected a .npz file, found it damaged "
            f"({' '.join(str(error).split())[:120]}); save it again"
        ) from error
    if len(data) > MAX_SET_BYTES:
        raise FileFormatError(
            f"{path}: {name}: expected at most {MAX_SET_BYTES:,} bytes, found more; divide the file"
        )
    return parse_npy(path, data)
