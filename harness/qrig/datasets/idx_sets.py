"""Image sets in IDX files: one pair of files, or the folder of four that MNIST is published as."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np

from qrig.datasets.idx import read_idx
from qrig.datasets.image_set import ImageSet, Labels, channel_order_of
from qrig.datasets.pixel_values import rows_at
from qrig.datasets.request import Request
from qrig.errors import FileFormatError

_STEMS = {"train": "train", "test": "t10k"}


def read_idx_images(path: Path, request: Request) -> ImageSet:
    """Read the images of the IDX file at `path`: (n, h, w) or (n, h, w, c).

    Labels are those of the file beside it whose name has "labels" and "idx1" for "images" and
    "idx3", if there is one. Raises FileFormatError.
    """
    array = read_idx(path)
    if array.ndim not in (3, 4) or not array.size:
        raise FileFormatError(
            f"{path}: expected images (n, h, w) or (n, h, w, c), found an array of {array.shape}; "
            "name the file of the images, not that of the labels"
        )
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    labels = None
    if beside != path and beside.is_file():
        labels = read_idx_labels(beside)
        if len(labels) != len(array):
            raise FileFormatError(
                f"{beside}: expected {len(array)} labels, one for each image of {path.name}, found "
                f"{len(labels)}; these files do not belong together"
            )
    places = request.places(len(array))
    images = rows_at(array.reshape(*array.shape[:3], -1), places)
    return ImageSet(
        path.name,
        np.ascontiguousarray(images),
        None if labels is None else labels[places],
        channel_order_of(images.shape[3]),
        source_count=request.source_count(len(array)),
    )


def read_idx_labels(path: Path) -> Labels:
    """Read the IDX file of one label per image; raises FileFormatError."""
    array = read_idx(path)
    if array.ndim != 1:
        raise FileFormatError(
            f"{path}: expected one label for each image, found an array of {array.shape}; name the "
            "file of the labels"
        )
    return array.astype(np.int64)


def read_idx_folder(path: Path, request: Request) -> ImageSet:
    """Read part `request.part` of a folder with MNIST's four files; raises FileFormatError."""
    found = idx_file(path, request.part)
    if found is None:
        raise FileFormatError(
            f"{path}: expected {_STEMS[request.part]}-images-idx3-ubyte[.gz] for the part "
            f"{request.part!r}, found no such file; check the folder"
        )
    return attrs.evolve(read_idx_images(found, request), name=path.name, part=request.part)


def idx_file(path: Path, part: str) -> Path | None:
    """Return the images file of `part` in the folder `path`, None if there is none."""
    for suffix in ("-images-idx3-ubyte.gz", "-images-idx3-ubyte", "-images.idx3-ubyte"):
        file = path / f"{_STEMS[part]}{suffix}"
        if file.is_file():
            return file
    return None
