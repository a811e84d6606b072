"""Image sets in several HDF5 files, which a text file lists for Caffe's HDF5Data, one a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import numpy as np

from qrig.datasets.hdf5 import count_hdf5, read_hdf5, read_hdf5_places
from qrig.datasets.image_set import ImageSet
from qrig.datasets.lists import MAX_LIST_BYTES, resolve
from qrig.datasets.request import Request, check_set_size
from qrig.errors import FileFormatError
from qrig.networks.files import read_text

MAX_FILES = 100_000
"""Most files a list may name."""

_T = TypeVar("_T")

_Line = tuple[str, Path]
"""A line's place in the list, and the file it names."""


def read_hdf5_list(path: Path, request: Request) -> ImageSet:
    """Read the HDF5 files the text file at `path` names, one a line, as one set.

    Paths begin at `request.root`, else at the list's own folder, else at the working folder. Raises
    FileFormatError that names the line.
    """
    lines = _lines(path, request)
    if request.limit is None:
        return _joined(path.stem, ((line[0], _in_line(line, read_hdf5, request)) for line in lines))
    counts = [_in_line(line, count_hdf5, request) for line in lines]
    joined = _joined(path.stem, _spread_sets(lines, counts, request))
    return attrs.evolve(joined, source_count=request.source_count(sum(counts)))


def _lines(path: Path, request: Request) -> list[_Line]:
    text = read_text(path, what="a list of HDF5 files", limit_bytes=MAX_LIST_BYTES)
    named = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    named = [(number, line) for number, line in named if line]
    if len(named) > MAX_FILES:
        raise FileFormatError(
            f"{path}: expected at most {MAX_FILES:,} files, found {len(named):,}; join some of them"
        )
    return [(f"{path}: line {number}", resolve(line, path, request.root)) for number, line in named]


def _in_line(line: _Line, read: Callable[[Path, Request], _T], request: Request) -> _T:
    """Return what `read` makes of the file of a line; raises FileFormatError that names both."""
    where, file = line
    try:
        return read(file, request)
    except FileFormatError as error:
        raise FileFormatError(f"{where}: {error}") from error


def _spread_sets(
    lines: list[_Line], counts: list[int], request: Request
) -> Iterator[tuple[str, ImageSet]]:
    """Yield what the files have of the wanted images, which lie evenly over all files."""
    places = request.places(sum(counts))
    first = 0
    for line, count in zip(lines, counts, strict=True):
        begin, end = np.searchsorted(places, (first, first + count))
        if begin < end:
            read = partial(read_hdf5_places, places=places[begin:end] - first)
            yield line[0], _in_line(line, read, request)
        first += count


def _joined(name: str, sets: Iterable[tuple[str, ImageSet]]) -> ImageSet:
    """Return the sets, each with its line, as one; raises FileFormatError if they are not alike."""
    taken: list[ImageSet] = []
    for where, one in sets:
        taken.append(one)
        _check_alike(where, taken)
    labels = [one.labels for one in taken if one.labels is not None]
    return attrs.evolve(
        taken[0],
        name=name,
        images=np.concatenate([one.images for one in taken]),
        labels=np.concatenate(labels) if labels else None,
    )


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
