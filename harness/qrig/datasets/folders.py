"""Folders of image files, with a folder for each class or the class in each file's name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np

from qrig.datasets.collector import Collector
from qrig.datasets.decode import decode_image
from qrig.datasets.image_set import ImageSet
from qrig.datasets.images import MAX_IMAGE_BYTES, Pixels
from qrig.datasets.request import MAX_RECORDS, Request
from qrig.datasets.resize import resized
from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes
from qrig.networks.npy import parse_npy

FILE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".pnm", ".bmp", ".npy"})
"""What a folder is searched for."""

_WHAT = "an image (JPEG, PNG, PPM, BMP or .npy)"
_LAST_NUMBER = re.compile(r"(\d{1,9})\D*$")


def read_folder(path: Path, request: Request) -> ImageSet:
    """Read the images in the folder at `path`, or the one image file it is.

    Folders in it are the classes, numbered in the order of their names, or, where all names are
    numbers, by these. Without such folders the last number in a file's name is its class. Files
    with other suffixes and hidden ones are left alone. `request.limit` takes images at equal
    distances, so that every class has its share. Raises FileFormatError.
    """
    if not path.is_dir():
        files: list[tuple[Path, int | None]] = [(path, label_in_name(path))]
        names: tuple[str, ...] = ()
    else:
        names, files = list_folder(path)
    return attrs.evolve(read_files(path, files, request), class_names=names)


def read_files(path: Path, files: Sequence[tuple[Path, int | None]], request: Request) -> ImageSet:
    """Read image files with their classes, as many as `request` wants, evenly spread.

    `path` is what was asked for. Raises FileFormatError that names the file.
    """
    collector = Collector(str(path), request.shape, request.count(len(files)))
    for place in request.places(len(files)):
        file, label = files[place]
        pixels = read_file(file, request)
        beneath = file.is_relative_to(path) and file != path
        collector.add(str(file.relative_to(path)) if beneath else file.name, pixels, label)
    count = request.source_count(len(files))
    return collector.image_set(path.name or str(path), source_count=count)


def list_folder(path: Path) -> tuple[tuple[str, ...], list[tuple[Path, int | None]]]:
    """Return the class names of a folder and its image files, sorted, with their classes.

    Raises FileFormatError where classes and loose images are mixed or there are none at all.
    """
    folders = [entry for entry in _visible(path) if entry.is_dir()]
    loose = [entry for entry in _visible(path) if _is_image(entry)]
    if not folders:
        if not loose:
            raise FileFormatError(f"{path}: expected {_WHAT} in it, found none; check the path")
        return (), [(file, label_in_name(file)) for file in loose]
    if loose:
        raise FileFormatError(
            f"{path}: expected images in class folders or beside each other, found {loose[0].name} "
            f"beside the folder {folders[0].name}; move one of them"
        )
    numbers = class_numbers([folder.name for folder in folders])
    files: list[tuple[Path, int | None]] = []
    for folder, number in zip(folders, numbers, strict=True):
        files += [(file, number) for file in _class_files(folder)]
    if not files:
        raise FileFormatError(
            f"{path}: expected {_WHAT} in its folders, found none; check the path"
        )
    named = tuple(folder.name for folder in folders) if numbers == [*range(len(numbers))] else ()
    return named, files


def class_numbers(names: Sequence[str]) -> list[int]:
    """Return the classes of folders: their names where all are numbers, else their places."""
    if all(name.isascii() and name.isdecimal() and len(name) < 10 for name in names):
        return [int(name) for name in names]
    return [*range(len(names))]


def label_in_name(path: Path) -> int | None:
    """Return the last number in the name of a file, None if there is none."""
    match = _LAST_NUMBER.search(path.stem)
    return int(match.group(1)) if match else None


def read_file(path: Path, request: Request) -> Pixels:
    """Read one image file as uint8 (h, w, c) as `request` wants it; raises FileFormatError."""
    data = read_bytes(path, what=_WHAT, limit_bytes=MAX_IMAGE_BYTES)
    channels = request.shape.c if request.shape is not None else request.channels
    if data.startswith(b"\x93NUMPY"):
        pixels = _from_npy(path, data)
    else:
        pixels = decode_image(
            str(path), data, what=_WHAT, channels=channels if channels in (1, 3) else None
        )
    return pixels if request.resize is None else resized(pixels, *request.resize)


def _from_npy(path: Path, data: bytes) -> Pixels:
    array = parse_npy(path, data)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or not array.size:
        raise FileFormatError(
            f"{path}: expected uint8 pixels (h, w) or (h, w, c), found {array.dtype} of shape "
            f"{array.shape}; save the pixels themselves"
        )
    return array[:, :, np.newaxis] if array.ndim == 2 else array


def _visible(path: Path) -> Iterator[Path]:
    try:
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise FileFormatError(
            f"{path}: expected a folder of images, found none that can be read "
            f"({error.strerror}); check the path"
        ) from error
    if len(entries) > MAX_RECORDS:
        raise FileFormatError(
            f"{path}: expected at most {MAX_RECORDS:,} images, found {len(entries):,} files; "
            "divide it"
        )
    yield from entries


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in FILE_SUFFIXES and not path.is_dir()


def _class_files(folder: Path) -> list[Path]:
    entries = [*_visible(folder)]
    nested = [entry for entry in entries if entry.is_dir()]
    if nested:
        raise FileFormatError(
            f"{nested[0]}: expected images in a class folder, found another folder; move its "
            "images up, or give the folder that holds the classes"
        )
    return [entry for entry in entries if _is_image(entry)]
