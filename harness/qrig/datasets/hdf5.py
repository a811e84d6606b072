"""Image sets in HDF5 files, and in the text files that list such files for Caffe's HDF5Data.

Layout (Caffe's HDF5Data layer): a dataset of images (n, channels, height, width) and one of labels
(n), named like the layer's tops.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from qrig.datasets.array_layout import images_first_channel
from qrig.datasets.image_set import ImageSet, channel_order_of
from qrig.datasets.label_files import labels_of
from qrig.datasets.lists import MAX_LIST_BYTES, resolve
from qrig.datasets.pixel_values import pixels_of
from qrig.datasets.request import Request, check_set_size
from qrig.errors import FileFormatError
from qrig.networks.files import read_text

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".h5", ".hdf5", ".hdf")
MAX_FILES = 100_000
"""Most files a list may name."""

_ADVICE = "write it again"


def read_hdf5(path: Path, request: Request) -> ImageSet:
    """Read the images and labels of the HDF5 file at `path`; raises FileFormatError.

    Images are uint8, or floats that are pixels, pixels / 255 or pixels / 256; the set's `scale`
    gives the stored numbers back. A file without the dataset of labels has none.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            (pixels, scale), labels = _stored(h5py, file, path, request)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise FileFormatError(
            f"{path}: expected an HDF5 file of images, found it damaged or cut short "
            f"({' '.join(str(error).split())[:200]}); copy it again"
        ) from error
    name, label_name = request.datasets
    images = images_first_channel(f"{path}: {name}", pixels, request.shape)
    return ImageSet(
        path.name,
        images,
        None if labels is None else labels_of(f"{path}: {label_name}", labels),
        channel_order_of(images.shape[3]),
        scale,
    )


def _stored(h5py: Any, file: Any, path: Path, request: Request) -> tuple[Any, Any]:
    """Return pixels with their scale, and the labels or None, as `request` wants them."""
    name, label_name = request.datasets
    data = _dataset(h5py, file, name, path)
    if data is None:
        found = ", ".join(map(repr, list(file)[:8])) or "none"
        raise FileFormatError(
            f"{path}: expected a dataset {name!r} of images, found {found}; name the one with the "
            "images"
        )
    if not data.ndim or not data.size:
        raise FileFormatError(
            f"{path}: {name}: expected images, found none ({data.shape}); {_ADVICE}"
        )
    labels = _dataset(h5py, file, label_name, path)
    if labels is not None and (labels.shape[:1] != data.shape[:1] or labels.size != len(data)):
        raise FileFormatError(
            f"{path}: {label_name}: expected {len(data)} labels, one for each image, found a "
            f"dataset of {labels.shape}; {_ADVICE}"
        )
    count = request.count(len(data))
    check_set_size(f"{path}: {name}", count, math.prod(data.shape[1:]))
    pixels = pixels_of(f"{path}: {name}", data, count)
    return pixels, None if labels is None else labels[:count]


def read_hdf5_list(path: Path, request: Request) -> ImageSet:
    """Read the HDF5 files the text file at `path` names, one a line, as one set.

    Paths begin at `request.root`, else at the list's own folder, else at the working folder. Raises
    FileFormatError that names the line.
    """
    lines = read_text(path, what="a list of HDF5 files", limit_bytes=MAX_LIST_BYTES).split("\n")
    named = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if len(named) > MAX_FILES:
        raise FileFormatError(
            f"{path}: expected at most {MAX_FILES} files, found {len(named)}; join some of them"
        )
    sets: list[ImageSet] = []
    for number, line in named:
        left = None if request.limit is None else request.limit - sum(map(len, sets))
        if left is not None and left <= 0:
            break
        where = f"{path}: line {number}"
        try:
            read = read_hdf5(resolve(line, path, request.root), attrs.evolve(request, limit=left))
        except FileFormatError as error:
            raise FileFormatError(f"{where}: {error}") from error
        _check_alike(where, [*sets, read])
        sets.append(read)
    return _joined(path.stem, sets)


def _check_alike(where: str, sets: list[ImageSet]) -> None:
    first, last = sets[0], sets[-1]
    check_set_size(where, sum(map(len, sets)), first.shape.size)
    if first.shape != last.shape or (first.labels is None) != (last.labels is None):
        raise FileFormatError(
            f"{where}: expected images of {first.shape} as in {first.name}, with labels if that "
            f"has them, found {last.shape}; make the files alike"
        )
    if first.scale != last.scale:
        raise FileFormatError(
            f"{where}: expected pixels stored with the scale {first.scale:.6g} as in {first.name}, "
            f"found {last.scale:.6g}; make the files alike"
        )


def _joined(name: str, sets: list[ImageSet]) -> ImageSet:
    labels = [one.labels for one in sets if one.labels is not None]
    return attrs.evolve(
        sets[0],
        name=name,
        images=np.concatenate([one.images for one in sets]),
        labels=np.concatenate(labels) if labels else None,
    )


def _dataset(h5py: Any, file: Any, name: str, path: Path) -> Any:
    """Return a dataset kept in the file itself, None if there is none of that name."""
    link = file.get(name, getlink=True) if name else None
    if link is None:
        return None
    member = file[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(member, h5py.Dataset):
        raise FileFormatError(
            f"{path}: {name}: expected a dataset, found a group or a link; {_ADVICE}"
        )
    if member.external or member.is_virtual or member.shape is None:
        raise FileFormatError(
            f"{path}: {name}: expected numbers kept in this file, found them elsewhere; {_ADVICE}"
        )
    return member
