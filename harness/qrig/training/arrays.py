"""The arrays of an HDF5Data layer: every file of its list, joined, as float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qrig.datasets.lists import MAX_LIST_BYTES
from qrig.errors import FileFormatError
from qrig.networks.caffe.blobs import finite
from qrig.networks.caffe.places import find_named
from qrig.networks.files import read_text
from qrig.networks.graph import FloatArray

MAX_VALUES = 1 << 30
"""Most numbers one top may have in all files."""

_MAX_FILES = 10_000


def read_arrays(path: Path, tops: tuple[str, ...]) -> dict[str, FloatArray]:
    """Return the datasets called `tops` of the HDF5 files that the text file at `path` lists.

    Values are float32, the first axis counts records. A name is looked for from the working
    directory, as Caffe does, then beside the list. Raises FileFormatError that names the file.
    """
    text = read_text(path, what="a list of HDF5 files", limit_bytes=MAX_LIST_BYTES)
    names = [line.strip() for line in text.splitlines() if line.strip()]
    if not 1 <= len(names) <= _MAX_FILES:
        raise FileFormatError(
            f"{path}: expected a list of 1 to {_MAX_FILES:,} HDF5 files, found {len(names):,}; "
            "correct the list"
        )
    parts: dict[str, list[FloatArray]] = {top: [] for top in tops}
    for name in names:
        found = find_named(name, path)
        if found is None or not found.is_file():
            raise FileFormatError(
                f"{path}: expected the HDF5 file {name!r} from the working directory or beside the "
                "list, found none; correct the list"
            )
        for top, array in _read_file(found, tops).items():
            if parts[top] and parts[top][0].shape[1:] != array.shape[1:]:
                raise FileFormatError(
                    f"{found}: expected {top!r} of shape {parts[top][0].shape[1:]} as in the files "
                    f"before, found {array.shape[1:]}; write it again"
                )
            parts[top].append(array)
            if sum(part.size for part in parts[top]) > MAX_VALUES:
                raise FileFormatError(
                    f"{path}: expected at most {MAX_VALUES:,} numbers in {top!r}, found more; list "
                    "fewer files"
                )
    return {top: np.concatenate(arrays) for top, arrays in parts.items()}


def _read_file(path: Path, tops: tuple[str, ...]) -> dict[str, FloatArray]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            arrays = {top: _dataset(h5py, file, top, path) for top in tops}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileFormatError(
            f"{path}: expected an HDF5 file with the datasets {', '.join(tops)}, found it damaged "
            f"({reason}); write it again"
        ) from error
    counts = {top: len(array) for top, array in arrays.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise FileFormatError(
            f"{path}: expected as many records in every dataset and at least one, found {counts}; "
            "write it again"
        )
    return arrays


def _dataset(h5py: Any, file: Any, name: str, path: Path) -> FloatArray:
    link = file.get(name, getlink=True)
    dataset: Any = file[name] if isinstance(link, h5py.HardLink) else None
    kept = isinstance(dataset, h5py.Dataset) and not (dataset.external or dataset.is_virtual)
    if not kept or dataset.dtype.kind not in "fiu" or not dataset.ndim:
        raise FileFormatError(
            f"{path}: expected a dataset {name!r} of numbers, a record each along its first axis, "
            "kept in this file, found none; write it again"
        )
    if dataset.size > MAX_VALUES:
        raise FileFormatError(
            f"{path}: expected at most {MAX_VALUES:,} numbers in {name!r}, found {dataset.size:,}; "
            "divide the file"
        )
    return finite(np.asarray(dataset[()]), f"{path}: dataset {name!r}")
