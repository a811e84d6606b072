"""ONNX's TensorProto as numpy arrays: typed fields, raw bytes, and files of raw bytes beside it.

Formats: `onnx/onnx.proto`. PyTorch's exporter writes weights into `<model>.onnx.data` as it stands;
such a file is read if it lies in the model's own folder, and nothing else is.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError
from qrig.networks.onnx.text import short, text_of
from qrig.networks.shapes import MAX_ELEMENTS

Array = npt.NDArray[Any]

MAX_RANK = 16
"""Most axes a tensor may have."""

_BFLOAT16 = 16
_EXTERNAL = 1

# TensorProto.DataType: the type of one element in raw bytes, and the field it has otherwise.
_TYPES: dict[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    2: ("<u1", "int32_data"),
    3: ("<i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("|b1", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
    _BFLOAT16: ("<u2", "int32_data"),
}

NUMPY_TYPES = {number: np.dtype(text) for number, (text, _) in _TYPES.items()}
"""The numpy type of TensorProto's types; bfloat16 is float32 once it is read."""
NUMPY_TYPES[_BFLOAT16] = np.dtype("<f4")


def element_count(tensor: Any, what: str) -> int:
    """Return the number of elements of a TensorProto; raises FileFormatError for absurd shapes."""
    dims = list(tensor.dims)
    if len(dims) > MAX_RANK or any(not 0 <= dim <= MAX_ELEMENTS for dim in dims):
        raise FileFormatError(
            f"{what}: expected at most {MAX_RANK} axes of 0 to {MAX_ELEMENTS:,} elements, found "
            f"{len(dims)} axes, {short(dims[:MAX_RANK])}; export the network again"
        )
    count: int = math.prod(dims)
    if count > MAX_ELEMENTS:
        raise FileFormatError(
            f"{what}: expected at most {MAX_ELEMENTS:,} elements, found {count:,}; deploy a "
            "smaller network"
        )
    return count


def tensor_array(tensor: Any, path: Path, what: str) -> Array:
    """Return a TensorProto of the model at `path` as an array of its shape.

    Raises FileFormatError that names `what` for types without a numpy counterpart, data that does
    not fit the shape, and data in other places than the file itself or a file beside it.
    """
    count = element_count(tensor, what)
    if tensor.data_type not in _TYPES or tensor.HasField("segment"):
        raise FileFormatError(
            f"{what}: expected plain numbers, found elements of type {tensor.data_type} of "
            "TensorProto; export the network with float32 weights"
        )
    text, field = _TYPES[tensor.data_type]
    dtype = np.dtype(text)
    if tensor.data_location == _EXTERNAL:
        array = np.frombuffer(_beside(tensor, path, what, count * dtype.itemsize), dtype)
    elif tensor.HasField("raw_data"):
        array = _from_raw(tensor.raw_data, dtype, count, what)
    else:
        array = _from_field(getattr(tensor, field), dtype, count, what)
    if tensor.data_type == _BFLOAT16:
        bits = array.astype(np.uint32) << 16
        array = bits.view(np.float32)
    shaped: Array = array.reshape(tuple(tensor.dims))
    return shaped


def _from_raw(data: bytes, dtype: np.dtype[Any], count: int, what: str) -> Array:
    if len(data) != count * dtype.itemsize:
        raise FileFormatError(
            f"{what}: expected {count * dtype.itemsize} bytes for its shape, found {len(data)}; "
            "the file is damaged, export the network again"
        )
    if dtype.kind == "b":
        return np.frombuffer(data, np.uint8).astype(np.bool_)
    return np.frombuffer(data, dtype)


def _from_field(values: Any, dtype: np.dtype[Any], count: int, what: str) -> Array:
    if len(values) != count:
        raise FileFormatError(
            f"{what}: expected {count} values for its shape, found {len(values)}; the file is "
            "damaged, export the network again"
        )
    if dtype == np.float16:  # an int32 holds the bits
        bits = np.array(values, np.int64).astype(np.uint16)
        return bits.view(np.float16)
    kind = np.float64 if dtype.kind == "f" else np.uint64 if dtype.itemsize == 8 else np.int64
    if dtype == np.int64:
        kind = np.int64
    return np.array(values, kind).astype(dtype)


def _beside(tensor: Any, path: Path, what: str, size_bytes: int) -> bytes:
    """Return the bytes of a tensor kept in another file of the model's folder."""
    facts = {text_of(entry.key): text_of(entry.value) for entry in tensor.external_data}
    name = facts.get("location", "")
    if not name or "\0" in name or Path(name).name != name or "\\" in name:
        raise FileFormatError(
            f"{what}: expected its numbers in the file or in one beside it, found them in "
            f"{short(name)}; export the network with external_data=False"
        )
    try:
        offset, length = int(facts.get("offset", "0")), int(facts.get("length", size_bytes))
    except ValueError:
        offset = length = -1
    if offset < 0 or length != size_bytes:
        raise FileFormatError(
            f"{what}: expected {size_bytes} bytes at an offset of {short(name)}, found length "
            f"{short(facts.get('length'))} at {short(facts.get('offset'))}; export the network "
            "again"
        )
    data = _part_of(path.parent / name, offset, size_bytes, what)
    if len(data) != size_bytes:
        raise FileFormatError(
            f"{what}: expected {size_bytes} bytes at offset {offset} of {short(name)}, found "
            f"{len(data)}; the file is cut off or of another network, copy both files again"
        )
    return data


def _part_of(other: Path, offset: int, size_bytes: int, what: str) -> bytes:
    """Return bytes of a regular file that lies in its folder itself, not behind a link."""
    expected = f"{what}: expected its numbers in {short(other.name)} beside the model"
    try:
        if not other.is_file() or other.resolve().parent != other.parent.resolve():
            raise FileFormatError(
                f"{expected}, found no such file; copy both files, or export the network with "
                "external_data=False"
            )
        with other.open("rb") as file:
            file.seek(offset)
            data: bytes = file.read(size_bytes)
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileFormatError(
            f"{expected}, found that it cannot be read ({reason}); copy both files again"
        ) from error
    return data
