"""The mean that is subtracted from the pixels: mean.binaryproto, .npy, or channel values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from qrig.errors import FileFormatError
from qrig.networks.caffe.blobs import blob_array, finite
from qrig.networks.caffe.schema import message
from qrig.networks.files import read_bytes
from qrig.networks.graph import FloatArray
from qrig.networks.npy import parse_npy

_WHAT = "a mean (mean.binaryproto, .npy, or channel values like 125,123,114)"
_LIMIT_BYTES = 1 << 26


def read_mean(text: str) -> FloatArray:
    """Read the mean that `text` names: a file, or comma-separated channel values.

    Returns float32 of shape (c,) or (h, w, c). Raises FileFormatError for what is neither numbers
    nor a file that can be used.
    """
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError:
        return read_mean_file(Path(text))
    return finite(values, f"mean {text!r}")


def read_mean_file(path: Path) -> FloatArray:
    """Read a mean image or channel means from a BlobProto or `.npy` file, as (h, w, c) or (c,)."""
    data = read_bytes(path, what=_WHAT, limit_bytes=_LIMIT_BYTES)
    if data.startswith(b"\x93NUMPY"):
        return _from_npy(path, data)
    blob = message("BlobProto")()
    try:
        blob.ParseFromString(data)
    except (DecodeError, ValueError) as error:
        raise FileFormatError(
            f"{path}: expected {_WHAT}, found bytes that are none of these; check the path"
        ) from error
    array = blob_array(blob, str(path))
    planes = array[0] if array.ndim == 4 and array.size else array
    if planes.ndim != 3 or not planes.size:
        raise FileFormatError(
            f"{path}: expected a mean of shape channels x height x width, found {array.shape}; "
            "check that this is the mean and not the weights"
        )
    return planes.transpose(1, 2, 0)


def _from_npy(path: Path, data: bytes) -> FloatArray:
    array = parse_npy(path, data)
    if array.dtype.kind not in "uif" or array.ndim not in (1, 3) or not array.size:
        raise FileFormatError(
            f"{path}: expected numbers of shape (h, w, c) or (c,), found {array.dtype} of shape "
            f"{array.shape}; save it again with numpy.save"
        )
    return finite(array, str(path))
