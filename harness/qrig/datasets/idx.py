"""IDX files, the format MNIST is published in, plain or gzip-compressed.

Layout (yann.lecun.com/exdb/mnist): two zero bytes, a type code (8 for uint8), the number of
dimensions, each dimension as a big-endian u32, then the values, last dimension fastest.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes

MAX_IDX_BYTES = 1 << 30
"""Largest IDX file qrig reads, after decompression."""

_UINT8 = 8


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read the uint8 array in the IDX file at `path`; raises FileFormatError."""
    what = "an IDX file of uint8 values"
    data = read_bytes(path, what=what, limit_bytes=MAX_IDX_BYTES)
    if data.startswith(b"\x1f\x8b"):
        data = _decompress(path, data)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UINT8 or not 1 <= data[3] <= 4:
        raise FileFormatError(
            f"{path}: expected {what}, found bytes that begin with {data[:4].hex()}; check the path"
        )
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise FileFormatError(f"{path}: expected {what}, found it cut short; copy it again")
    shape = struct.unpack(f">{data[3]}I", data[4:header])
    if math.prod(shape) != len(data) - header:
        raise FileFormatError(
            f"{path}: expected {math.prod(shape)} values for shape {shape}, found "
            f"{len(data) - header}; copy it again"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


def write_idx(path: Path, array: npt.NDArray[np.uint8]) -> None:
    """Write `array` as a gzip-compressed IDX file, the same bytes for the same array."""
    header = struct.pack(f">HBB{array.ndim}I", 0, _UINT8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + np.ascontiguousarray(array).tobytes(), mtime=0))


def _decompress(path: Path, data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            plain = stream.read(MAX_IDX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{path}: expected a gzip-compressed IDX file, found it damaged ({error}); "
            "copy it again"
        ) from error
    if len(plain) > MAX_IDX_BYTES:
        raise FileFormatError(
            f"{path}: expected at most {MAX_IDX_BYTES:,} bytes of values, found more; check the "
            "path"
        )
    return plain
