"""Trained weights: `.caffemodel` (binary NetParameter) and `.caffemodel.h5`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from qrig.errors import FileFormatError
from qrig.networks.caffe.blobs import blob_array, finite
from qrig.networks.caffe.schema import message
from qrig.networks.files import read_bytes
from qrig.networks.graph import FloatArray
from qrig.networks.shapes import MAX_ELEMENTS

MAX_WEIGHT_FILE_BYTES = 1 << 30
"""Largest weight file qrig reads."""

MAX_TOTAL_NUMBERS = MAX_WEIGHT_FILE_BYTES // 4
"""Largest number of weights of all layers together."""

_MAX_GROUP_DEPTH = 16
_MAX_GROUPS = 1 << 14
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ADVICE = "copy it again or use another snapshot"

Weights = dict[str, list[FloatArray]]
"""Blobs (float32, Caffe's own order) by layer name."""


def read_weights(path: Path) -> Weights:
    """Read the blobs of every layer that has some from a `.caffemodel` or `.caffemodel.h5`.

    The content decides which of the two it is. Raises FileFormatError if it is neither, damaged,
    holds no weights, or holds values that are not finite.
    """
    what = "trained weights (.caffemodel or .caffemodel.h5)"
    data = read_bytes(path, what=what, limit_bytes=MAX_WEIGHT_FILE_BYTES)
    is_hdf5 = data.startswith(_HDF5_SIGNATURE)
    weights = _read_hdf5(path) if is_hdf5 else _read_binary(path, data)
    if not weights:
        raise FileFormatError(f"{path}: expected {what}, found a file without any; {_ADVICE}")
    return weights


def _read_binary(path: Path, data: bytes) -> Weights:
    net = message("NetParameter")()
    try:
        net.ParseFromString(data)
    except (DecodeError, ValueError) as error:
        raise FileFormatError(
            f"{path}: expected a binary NetParameter (.caffemodel) or an HDF5 file, found bytes "
            f"that are neither; {_ADVICE}"
        ) from error
    weights: Weights = {}
    for layer in [*net.layers, *net.layer]:
        if layer.blobs:
            weights[layer.name] = [
                blob_array(blob, f"{path}: layer {layer.name!r}, blob {index}")
                for index, blob in enumerate(layer.blobs)
            ]
    return weights


def _read_hdf5(path: Path) -> Weights:
    import h5py

    weights: Weights = {}
    total = 0
    try:
        with h5py.File(path, "r") as file:
            data = _member(h5py, file, "data", h5py.Group, path)
            for number, (name, group) in enumerate(_groups(h5py, data, path, "")):
                count = sum(str(key).isdecimal() for key in group)  # bytes where it is no text
                members = [
                    _member(h5py, group, str(index), h5py.Dataset, path) for index in range(count)
                ]
                total += sum(min(member.size or 0, MAX_ELEMENTS) for member in members)
                if total > MAX_TOTAL_NUMBERS or number >= _MAX_GROUPS:
                    raise FileFormatError(
                        f"{path}: expected at most {MAX_TOTAL_NUMBERS:,} weights in "
                        f"{_MAX_GROUPS:,} layers, found more; {_ADVICE}"
                    )
                if members:
                    weights[name] = [_dataset(member, path) for member in members]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileFormatError(
            f"{path}: expected the HDF5 file of a Caffe snapshot, found it damaged ({reason}); "
            f"{_ADVICE}"
        ) from error
    return weights


def _groups(
    h5py: Any, parent: Any, path: Path, prefix: str, depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield name and group of every layer; a "/" in a layer's name makes a group in a group."""
    if depth == _MAX_GROUP_DEPTH:
        raise FileFormatError(
            f"{path}: expected layer names with at most {_MAX_GROUP_DEPTH} parts, found more at "
            f"{parent.name}; {_ADVICE}"
        )
    for key in map(_decoded, parent):
        if not (depth and key.isdecimal()):
            group = _member(h5py, parent, key, h5py.Group, path)
            yield prefix + key, group
            yield from _groups(h5py, group, path, f"{prefix}{key}/", depth + 1)


def _decoded(name: str | bytes) -> str:
    if isinstance(name, bytes):
        raise TypeError(f"the name {name!r} is not text")
    return name


def _member(h5py: Any, group: Any, name: str, kind: type, path: Path) -> Any:
    """Return the member of `group`; a link that leads out of the file is refused."""
    where = f"{path}: {group.name.rstrip('/')}/{name}"
    link = group.get(name, getlink=True)
    if link is None or not isinstance(link, h5py.HardLink):
        found = "nothing" if link is None else "a link"
        raise FileFormatError(
            f"{where}: expected an HDF5 {kind.__name__.lower()}, found {found}; {_ADVICE}"
        )
    member = group[name]
    if not isinstance(member, kind):
        raise FileFormatError(
            f"{where}: expected an HDF5 {kind.__name__.lower()}, found "
            f"{type(member).__name__.lower()}; {_ADVICE}"
        )
    return member


def _dataset(dataset: Any, path: Path) -> FloatArray:
    what = f"{path}: {dataset.name}"
    if dataset.dtype.kind != "f" or dataset.external or dataset.is_virtual:
        raise FileFormatError(
            f"{what}: expected floating-point numbers kept in this file, found {dataset.dtype}; "
            f"{_ADVICE}"
        )
    if dataset.size is None or dataset.size > MAX_ELEMENTS:
        found = "none" if dataset.size is None else f"{dataset.size:,}"
        raise FileFormatError(
            f"{what}: expected at most {MAX_ELEMENTS:,} numbers, found {found}; {_ADVICE}"
        )
    return finite(np.asarray(dataset[()]), what)
