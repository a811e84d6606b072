"""Image sets in HDF5 files.

Layout (Caffe's HDF5Data layer): a dataset of images (n, channels, height, width) and one of labels
(n), named like the layer's tops.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs

from qrig.datasets.array_layout import images_first_channel
from qrig.datasets.image_set import ImageSet, channel_order_of
from qrig.datasets.label_files import labels_of
from qrig.datasets.pixel_values import pixels_of, rows_at
from qrig.datasets.request import Request, check_set_size
from qrig.datasets.spread import Places
from qrig.errors import FileFormatError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".h5", ".hdf5", ".hdf")
MAX_STORED = 1 << 40
"""Most images a file may claim to hold."""

_ADVICE = "write it again"

_T = TypeVar("_T")


def read_hdf5(path: Path, request: Request) -> ImageSet:
    """Read the images and labels of the HDF5 file at `path`; raises FileFormatError.

    Images are uint8, or floats that are pixels, pixels / 255 or pixels / 256; the set's `scale`
    gives the stored numbers back. A file without the dataset of labels has none.
    """
    return _with_file(path, lambda h5py, file: _image_set(h5py, file, path, request))


def read_hdf5_places(path: Path, request: Request, places: Places) -> ImageSet:
    """Read the images at `places` of the HDF5 file at `path`; raises FileFormatError."""
    part = attrs.evolve(request, limit=len(places))
    return _with_file(path, lambda h5py, file: _image_set(h5py, file, path, part, places))


def count_hdf5(path: Path, request: Request) -> int:
    """Return the number of images in the HDF5 file at `path`; raises FileFormatError."""
    count = _with_file(path, lambda h5py, file: len(_datasets(h5py, file, path, request)[0]))
    if count > MAX_STORED:
        raise FileFormatError(
            f"{path}: expected at most {MAX_STORED:,} images, found {count:,}; {_ADVICE}"
        )
    return count


def _with_file(path: Path, read: Callable[[Any, Any], _T]) -> _T:
    """Return what `read` makes of the open file at `path`; raises FileFormatError."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return read(h5py, file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise FileFormatError(
            f"{path}: expected an HDF5 file of images, found it damaged or cut short "
            f"({' '.join(str(error).split())[:200]}); copy it again"
        ) from error


def _image_set(
    h5py: Any, file: Any, path: Path, request: Request, places: Places | None = None
) -> ImageSet:
    """Return the images at `places`, as many as `request` says, None for those it wants."""
    name, label_name = request.datasets
    data, classes = _datasets(h5py, file, path, request)
    where = f"{path}: {name}"
    check_set_size(where, request.count(len(data)), math.prod(data.shape[1:]))
    places = request.places(len(data)) if places is None else places
    pixels, scale = pixels_of(where, data, places)
    labels = None
    if classes is not None:
        labels = labels_of(f"{path}: {label_name}", rows_at(classes, places), places)
    images = images_first_channel(where, pixels, request.shape)
    order, count = channel_order_of(images.shape[3]), request.source_count(len(data))
    return ImageSet(path.name, images, labels, order, scale, source_count=count)


def _datasets(h5py: Any, file: Any, path: Path, request: Request) -> tuple[Any, Any]:
    """Return the datasets of images and of labels, None for labels that are not there."""
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
    return data, labels


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
