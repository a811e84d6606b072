"""Caffe's BlobProto as numpy arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError
from qrig.networks.graph import FloatArray
from qrig.networks.shapes import MAX_ELEMENTS

_MAX_AXES = 32  # Caffe's own limit, kMaxBlobAxes
_LEGACY = ("num", "channels", "height", "width")


def blob_array(blob: Any, what: str) -> FloatArray:
    """Return a BlobProto as a float32 array of its shape.

    If any of the four legacy dimensions is present they are the shape (always 4-D), else `shape`
    is; `double_data` wins over `data`, as in Caffe's `Blob::FromProto`. Raises FileFormatError that
    names `what` if the shape and the number of values disagree or a value is not finite.
    """
    if any(blob.HasField(name) for name in _LEGACY):
        shape = tuple(int(getattr(blob, name)) for name in _LEGACY)
    else:
        shape = tuple(int(dim) for dim in blob.shape.dim)
    source = blob.double_data if len(blob.double_data) else blob.data
    if (
        len(shape) > _MAX_AXES
        or any(not 0 <= dim <= MAX_ELEMENTS for dim in shape)
        or math.prod(shape) > MAX_ELEMENTS
    ):
        raise FileFormatError(
            f"{what}: expected a shape of at most {_MAX_AXES} axes and {MAX_ELEMENTS:,} elements, "
            f"found {len(shape)} axes, {shape[:_MAX_AXES]}; the file is damaged"
        )
    if math.prod(shape) != len(source):
        raise FileFormatError(
            f"{what}: expected {math.prod(shape)} values for shape {shape}, found {len(source)}; "
            "the file is damaged"
        )
    return finite(np.asarray(source).reshape(shape), what)


def finite(numbers: npt.NDArray[Any], what: str) -> FloatArray:
    """Return `numbers` as float32 if every one is finite as such.

    Raises FileFormatError that names `what`.
    """
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is counted
        array = numbers.astype(np.float32)
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise FileFormatError(
            f"{what}: expected finite numbers, found {bad} that are infinite or not a number; "
            "train the network again or use another snapshot"
        )
    return array
