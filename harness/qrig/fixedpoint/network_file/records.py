"""The records of OpenMV's `.network` format: what the file holds, field by field.

All integers have 32 bits, little-endian; nothing is aligned. The file is `CAFE`, the number of
records, then the records. Each begins with its type and its shape as Caffe names it (n, c, h, w;
n is the batch size of the network's TEST phase), and goes on by type. `docs/network-files.md` has
the table.
"""

from __future__ import annotations

import struct
from typing import ClassVar

from attrs import field, frozen

from qrig.fixedpoint.quantized import Int8Array
from qrig.networks.graph import Shape

MAGIC = b"CAFE"
"""The first four bytes of a file."""

MAX, AVERAGE = 0, 1
"""The methods of a pooling."""

METHODS = {"max": MAX, "average": AVERAGE}
"""Their numbers by the names that layers give them."""


@frozen(eq=False)
class Record:
    """What every record begins with: the shape of its layer's output."""

    type: ClassVar[str] = "record"
    code: ClassVar[int] = -1

    batch: int
    channels: int
    height: int
    width: int

    @property
    def shape(self) -> Shape:
        """The shape of the output: rows, columns, channels."""
        return Shape(self.height, self.width, self.channels)

    def to_bytes(self) -> bytes:
        """Return the record as it stands in a file."""
        head = _words(self.code, self.batch, self.channels, self.height, self.width)
        return head + self._payload()

    def _payload(self) -> bytes:
        return b""


@frozen(eq=False)
class DataRecord(Record):
    """The input: three channel means and the shift of the input (see `input_scale`)."""

    type: ClassVar[str] = "data"
    code: ClassVar[int] = 0

    means: tuple[int, int, int]
    scale: int

    def _payload(self) -> bytes:
        return struct.pack("<4i", *self.means, self.scale)


@frozen(eq=False)
class ConvolutionRecord(Record):
    """A convolution over square windows; int8 weights in the order (out, ky, kx, in), flat."""

    type: ClassVar[str] = "convolution"
    code: ClassVar[int] = 1

    bias_shift: int
    output_shift: int
    kernel: int
    pad: int
    stride: int
    weights: Int8Array = field(repr=False)
    bias: Int8Array = field(repr=False)

    def _payload(self) -> bytes:
        head = _words(self.bias_shift, self.output_shift, self.kernel, self.pad, self.stride)
        return head + _array(self.weights) + _array(self.bias)


@frozen(eq=False)
class ReluRecord(Record):
    """A ReLU."""

    type: ClassVar[str] = "relu"
    code: ClassVar[int] = 2


@frozen(eq=False)
class PoolingRecord(Record):
    """A pooling over square windows; `method` is MAX or AVERAGE."""

    type: ClassVar[str] = "pooling"
    code: ClassVar[int] = 3

    method: int
    kernel: int
    pad: int
    stride: int

    def _payload(self) -> bytes:
        return _words(self.method, self.kernel, self.pad, self.stride)


@frozen(eq=False)
class InnerProductRecord(Record):
    """A fully connected layer; int8 weights with columns in HWC order, interleaved (Order.X4_Q7).

    `weights` are flat, in the order of the file.
    """

    type: ClassVar[str] = "innerproduct"
    code: ClassVar[int] = 4

    bias_shift: int
    output_shift: int
    weights: Int8Array = field(repr=False)
    bias: Int8Array = field(repr=False)

    def _payload(self) -> bytes:
        head = _words(self.bias_shift, self.output_shift)
        return head + _array(self.weights) + _array(self.bias)


@frozen(eq=False)
class NetworkFile:
    """A whole file: its records, the input's first."""

    records: tuple[Record, ...]

    def to_bytes(self) -> bytes:
        """Return the bytes of the file."""
        parts = [record.to_bytes() for record in self.records]
        return b"".join((MAGIC, _words(len(self.records)), *parts))

    @property
    def batch(self) -> int:
        """The batch size that the file names, which changes no result."""
        return self.records[0].batch

    @property
    def data(self) -> DataRecord:
        """The record of the input."""
        first = self.records[0]
        if not isinstance(first, DataRecord):
            raise TypeError("the first record of a file is that of its input")
        return first


def _words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _array(values: Int8Array) -> bytes:
    """Return the number of the values and the values."""
    return _words(values.size) + values.tobytes()
