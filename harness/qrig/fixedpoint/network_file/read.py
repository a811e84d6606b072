"""Reading a `.network` file: every byte is accounted for before anything is believed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from attrs import define

from qrig.errors import FileFormatError
from qrig.fixedpoint.network_file.check import check_count, check_records
from qrig.fixedpoint.network_file.records import (
    MAGIC,
    ConvolutionRecord,
    DataRecord,
    InnerProductRecord,
    NetworkFile,
    PoolingRecord,
    Record,
    ReluRecord,
)
from qrig.fixedpoint.quantized import Int8Array
from qrig.networks.files import read_bytes

LIMIT_BYTES = 1 << 26
"""The largest file that is read."""

_WORD = 4
_Dims = tuple[int, int, int, int]


def read_network_file(path: Path) -> NetworkFile:
    """Read the file at `path`; raises FileFormatError for anything but a network."""
    data = read_bytes(path, what="a network (.network)", limit_bytes=LIMIT_BYTES)
    return parse_network_file(data, str(path))


def parse_network_file(data: bytes, source: str) -> NetworkFile:
    """Read the bytes of a file, which messages call `source`; raises FileFormatError."""
    if not data.startswith(MAGIC):
        raise FileFormatError(
            f"{source}: expected a network, which begins with {MAGIC.decode()}, found "
            f"{data[:4]!r}; check that this is the right file"
        )
    reader = _Reader(data, source, len(MAGIC))
    count = reader.word("the number of layers")
    check_count(count, source)
    records = tuple(_record(reader, number) for number in range(count))
    if reader.offset != len(data):
        raise FileFormatError(
            f"{source}: expected the end of the file after {count} layers, at byte "
            f"{reader.offset}, found {len(data) - reader.offset} bytes more; copy the file again"
        )
    check_records(records, source)
    return NetworkFile(records)


@define
class _Reader:
    """The bytes of a file and how far they are read."""

    data: bytes
    source: str
    offset: int

    def take(self, size_bytes: int, what: str) -> bytes:
        """Return the next bytes; raises FileFormatError if the file ends before."""
        left = len(self.data) - self.offset
        if size_bytes > left:
            raise FileFormatError(
                f"{self.source}: expected {size_bytes} bytes of {what} at byte {self.offset}, "
                f"found the last {left} of the file; copy the file again"
            )
        self.offset += size_bytes
        return self.data[self.offset - size_bytes : self.offset]

    def word(self, what: str) -> int:
        """Return the next unsigned number."""
        return int.from_bytes(self.take(_WORD, what), "little")

    def words(self, count: int, what: str) -> tuple[int, ...]:
        """Return the next unsigned numbers."""
        return struct.unpack(f"<{count}I", self.take(count * _WORD, what))

    def array(self, what: str) -> Int8Array:
        """Return the next int8 array, whose size stands before it."""
        size_bytes = self.word(f"the number of {what}")
        return np.frombuffer(self.take(size_bytes, what), dtype=np.int8)


def _record(reader: _Reader, number: int) -> Record:
    code, batch, channels, height, width = reader.words(5, f"the type and shape of layer {number}")
    read = _READERS.get(code)
    if read is None:
        raise FileFormatError(
            f"{reader.source}: layer {number}: expected a type of 0 to {max(_READERS)}, found "
            f"{code}; convert the network again"
        )
    return read(reader, (batch, channels, height, width), f"layer {number}")


def _data(reader: _Reader, dims: _Dims, where: str) -> Record:
    payload = reader.take(4 * _WORD, f"means and scale of {where}")
    first, second, third, scale = struct.unpack("<4i", payload)
    return DataRecord(*dims, (first, second, third), scale)


def _convolution(reader: _Reader, dims: _Dims, where: str) -> Record:
    left, right, kernel, pad, stride = reader.words(5, f"shifts and window of {where}")
    weights = reader.array(f"weights of {where}")
    bias = reader.array(f"biases of {where}")
    return ConvolutionRecord(*dims, left, right, kernel, pad, stride, weights, bias)


def _relu(reader: _Reader, dims: _Dims, where: str) -> Record:
    return ReluRecord(*dims)


def _pooling(reader: _Reader, dims: _Dims, where: str) -> Record:
    method, kernel, pad, stride = reader.words(4, f"method and window of {where}")
    return PoolingRecord(*dims, method, kernel, pad, stride)


def _inner_product(reader: _Reader, dims: _Dims, where: str) -> Record:
    left, right = reader.words(2, f"shifts of {where}")
    weights = reader.array(f"weights of {where}")
    bias = reader.array(f"biases of {where}")
    return InnerProductRecord(*dims, left, right, weights, bias)


_READERS: dict[int, Callable[[_Reader, _Dims, str], Record]] = {
    DataRecord.code: _data,
    ConvolutionRecord.code: _convolution,
    ReluRecord.code: _relu,
    PoolingRecord.code: _pooling,
    InnerProductRecord.code: _inner_product,
}
