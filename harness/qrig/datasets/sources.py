"""Image sets from whatever a user names: a known data set, a folder, or a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
from attrs import frozen

from qrig.datasets.arrays import read_npy_set, read_npz_set
from qrig.datasets.datum import read_lmdb
from qrig.datasets.folders import label_in_name, read_files, read_folder
from qrig.datasets.hdf5 import SIGNATURE, SUFFIXES, read_hdf5
from qrig.datasets.hdf5_lists import read_hdf5_list
from qrig.datasets.idx_sets import idx_file, read_idx_folder, read_idx_images
from qrig.datasets.image_set import CHANNEL_ORDERS, ImageSet
from qrig.datasets.known import KNOWN
from qrig.datasets.label_files import read_labels
from qrig.datasets.lists import read_list
from qrig.datasets.lmdb_file import DATA_FILE
from qrig.datasets.request import Reader, Request, check_set_size
from qrig.datasets.resize import resized
from qrig.errors import FileFormatError, UsageError
from qrig.networks.graph import Shape

PARTS = ("train", "test")
"""The parts of a divided source."""

_HEAD_BYTES = 4096
_IMAGE = re.compile(rb"\x89PNG|\xff\xd8\xff|BM.{4}\0{4}|P[1-6]\s+(#|\d+\s+\d+\s)", re.DOTALL)
"""How PNG, JPEG, BMP and PPM files begin; a list may begin with their letters."""


@frozen
class Kind:
    """One kind of source: its name, how it is recognised, its reader."""

    name: str
    matches: Callable[[Path, bytes], bool]
    read: Reader


def read_image_set(
    source: str | Path,
    *,
    part: str = "train",
    labels: Path | None = None,
    shape: Shape | None = None,
    limit: int | None = None,
    channels: int | None = None,
    resize: tuple[int, int] | None = None,
    root: Path | None = None,
    datasets: tuple[str, str] = ("data", "label"),
    classes: int | None = None,
    channel_order: str | None = None,
) -> ImageSet:
    """Read the images `source` names.

    `source` is a known name ("fashion-mnist", "mnist"), a folder (images, class folders, an LMDB
    database, MNIST's four IDX files, or one folder for each part), or a file: IDX, `.npy`, `.npz`,
    HDF5, a list of HDF5 files, a list of images, an LMDB data file, one image, or several with *
    and ? in their name. The content of a file decides what it is.

    `part` ("train" or "test") counts where a source is divided. `labels` is a file of labels that
    replaces the source's own. Every image has to have `shape` if that is given; image files are
    made grey or colour for it, or for `channels` (1 or 3), and brought to `resize` (height, width).
    `limit` is the most images wanted, spread evenly over the source, for many are sorted by class.
    `root` is the folder that paths in a list begin at. `datasets` names images and labels in HDF5
    and `.npz` files. Labels have to be below `classes` if that is given. `channel_order` says what
    the channels are where the source does not know it. Raises InputError that names the file and
    the record.
    """
    _check_options(str(source), part, limit, channel_order)
    request = Request(part, shape, channels, resize, limit, root, datasets)
    known = KNOWN.get(str(source))
    images = _read(Path(source), request) if known is None else known(request)
    return _completed(images, request, labels, classes, channel_order)


def _completed(
    images: ImageSet,
    request: Request,
    labels: Path | None,
    classes: int | None,
    channel_order: str | None,
) -> ImageSet:
    """Return the set with the size, labels and channel order that are asked for, checked."""
    images = _with_size(images, request)
    if labels is not None:
        images = _with_labels(images, labels)
    if channel_order is not None and images.shape.c == 3:
        images = attrs.evolve(images, channel_order=channel_order, notices=())
    if classes is not None:
        images.check_labels(classes)
    return images


def _check_options(source: str, part: str, limit: int | None, channel_order: str | None) -> None:
    if not source:
        raise UsageError("expected the name of a source of images, found none; give one")
    if part not in PARTS:
        raise UsageError(f"expected the part 'train' or 'test', found {part!r}; give one of these")
    if channel_order not in (None, *CHANNEL_ORDERS):
        raise UsageError(
            f"expected the channel order 'rgb', 'bgr' or 'gray', found {channel_order!r}; give one "
            "of these"
        )
    if limit is not None and limit < 1:
        raise UsageError(f"expected a limit of 1 image or more, found {limit}; give another")


def _read(path: Path, request: Request) -> ImageSet:
    try:
        folder = path.is_dir()
        if not folder and not path.exists():
            return _read_pattern(path, request)
        head = b"" if folder else _head(path)
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{path}: expected a file or a folder of images, found none that can be read "
            f"({getattr(error, 'strerror', None) or error}); check the path"
        ) from error
    if folder and is_divided(path):
        found = _read(path / request.part, request)
        return attrs.evolve(found, name=path.name, part=request.part)
    kind = next(kind for kind in KINDS if kind.matches(path, head))
    return kind.read(path, request)


def _read_pattern(path: Path, request: Request) -> ImageSet:
    """Read the image files whose names match the last part of `path`, which has a * or a ?."""
    files = sorted(path.parent.glob(path.name)) if re.search(r"[*?]", path.name) else []
    if not files:
        raise UsageError(
            f"expected a known data set ({', '.join(KNOWN)}), a file or a folder of images, "
            f"found {str(path)!r}; check the name"
        )
    return read_files(path, [(file, label_in_name(file)) for file in files], request)


def _with_size(images: ImageSet, request: Request) -> ImageSet:
    """Return the set at the size that is asked for; raises FileFormatError."""
    size = request.resize
    if size is not None and images.shape[:2] != size:
        check_set_size(images.name, len(images), size[0] * size[1] * images.shape.c)
        pixels = np.stack([resized(image, *size) for image in images.images])
        images = attrs.evolve(images, images=pixels)
    if request.shape is not None and images.shape != request.shape:
        raise FileFormatError(
            f"{images.name}: expected images of {request.shape}, found {images.shape}; these are "
            "images for another network"
        )
    return images


def _with_labels(images: ImageSet, path: Path) -> ImageSet:
    labels, count = read_labels(path), images.source_count or len(images)
    if len(labels) != count:
        raise FileFormatError(
            f"{path}: expected {count} labels, one for each image of {images.name}, found "
            f"{len(labels)}; these files do not belong together"
        )
    return attrs.evolve(images, labels=labels[images.places])


def _head(path: Path) -> bytes:
    if not path.is_file():
        raise FileFormatError(
            f"{path}: expected a file or a folder of images, found a device or a pipe; copy it "
            "into a file"
        )
    with path.open("rb") as stream:
        return stream.read(_HEAD_BYTES)


def is_divided(path: Path) -> bool:
    """Tell whether a folder holds one folder for each part and nothing else."""
    folders = {entry.name for entry in path.iterdir() if entry.is_dir()}
    return folders >= set(PARTS) and folders <= {*PARTS, "val", "validation"}


def _is_idx_folder(path: Path, _: bytes) -> bool:
    return path.is_dir() and any(idx_file(path, part) for part in PARTS)


def _is_leveldb(path: Path, _: bytes) -> bool:
    return path.is_dir() and (path / "CURRENT").is_file() and any(path.glob("MANIFEST-*"))


def _refuse_leveldb(path: Path, _: Request) -> ImageSet:
    raise FileFormatError(
        f"{path}: expected LMDB, found a LevelDB database, which is not read; make it again with "
        "--backend lmdb"
    )


def _is_hdf5_list(_: Path, head: bytes) -> bool:
    lines = head.split(b"\n")
    first = next((line.strip() for line in lines if line.strip()), b"")
    return first.lower().endswith(tuple(suffix.encode() for suffix in SUFFIXES))


def _is_image(_: Path, head: bytes) -> bool:
    return _IMAGE.match(head) is not None


KINDS = (
    Kind("LMDB folder", lambda path, _: (path / DATA_FILE).is_file(), read_lmdb),
    Kind("LevelDB folder", _is_leveldb, _refuse_leveldb),
    Kind("IDX folder", _is_idx_folder, read_idx_folder),
    Kind("image folder", lambda path, _: path.is_dir(), read_folder),
    Kind("LMDB file", lambda _, head: head[16:20] == b"\xde\xc0\xef\xbe", read_lmdb),
    Kind("HDF5 file", lambda _, head: head.startswith(SIGNATURE), read_hdf5),
    Kind(".npy", lambda _, head: head.startswith(b"\x93NUMPY"), read_npy_set),
    Kind(".npz", lambda _, head: head.startswith(b"PK\x03\x04"), read_npz_set),
    Kind("IDX", lambda _, head: head.startswith((b"\x1f\x8b", b"\0\0")), read_idx_images),
    Kind("image", _is_image, read_folder),
    Kind("HDF5 list", _is_hdf5_list, read_hdf5_list),
    Kind("list", lambda _, head: True, read_list),
)
"""Kinds of sources; the first that matches reads."""
