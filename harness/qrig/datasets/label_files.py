"""Labels of a set from arrays and files of their own: IDX, `.npy` or one number a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qrig.datasets.idx_sets import read_idx_labels
from qrig.datasets.image_set import Labels
from qrig.datasets.spread import Places
from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes, read_text
from qrig.networks.npy import parse_npy
from qrig.networks.written import exact

MAX_LABEL_BYTES = 1 << 28
"""Largest file of labels qrig reads."""

_WHAT = "labels (an IDX file, a .npy array, or text with one number a line)"


def read_labels(path: Path) -> Labels:
    """Read the labels in the file at `path`; raises FileFormatError that names the bad one."""
    data = read_bytes(path, what=_WHAT, limit_bytes=MAX_LABEL_BYTES)
    if data.startswith((b"\x1f\x8b", b"\0\0")):
        return read_idx_labels(path)
    if data.startswith(b"\x93NUMPY"):
        return labels_of(str(path), parse_npy(path, data))
    numbers = []
    text = read_text(path, what=_WHAT, limit_bytes=MAX_LABEL_BYTES)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                numbers.append(int(line))
            except ValueError as error:
                raise FileFormatError(
                    f"{path}: line {number}: expected one whole number, found "
                    f"{line.strip()[:60]!r}; correct the line"
                ) from error
    return labels_of(str(path), np.array(numbers))


def labels_of(where: str, stored: Any, places: Places | None = None) -> Labels:
    """Return `stored`, an array with one number for each image, as labels.

    Axes of length 1 are dropped. `places` are those of the images in their source. Raises
    FileFormatError that names the first image whose label is no whole number of 0 or more.
    """
    array = np.asarray(stored)
    if array.dtype.kind not in "iuf" or array.size != len(np.atleast_1d(array)):
        raise FileFormatError(
            f"{where}: expected one number for each image, found {array.dtype} of shape "
            f"{array.shape}; store the class of each image"
        )
    values = array.reshape(-1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~((values >= 0) & (values < 1 << 31) & (values % 1 == 0)))
    if len(wrong):
        place = wrong[0] if places is None else places[wrong[0]]
        raise FileFormatError(
            f"{where}: image {place}: expected a label that is a whole number of 0 or more, "
            f"found {exact(values[wrong[0]])}; correct the label"
        )
    return values.astype(np.int64)
