"""Whether the records of a file make a network: what follows from what, and the limits.

What passes here, and nothing else, is loaded; what is written has passed. The firmware's loader
holds to the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from attrs import frozen

from qrig.errors import FileFormatError
from qrig.fixedpoint.network_file.records import (
    AVERAGE,
    MAX,
    ConvolutionRecord,
    DataRecord,
    InnerProductRecord,
    PoolingRecord,
    Record,
    ReluRecord,
)
from qrig.networks.graph import Pair, Shape
from qrig.networks.shapes import MAX_DIMENSION, checked, convolution_output, pooling_output

MAX_RECORDS = 1024
"""The most records of a file, the input's among them."""

MAX_SCALE = 31
"""The largest shift of the input; 0 is not usable: the input is rounded by half of its step."""

MAX_SHIFT = 31
"""The largest shift of a layer."""

MAX_MEAN = 1023
"""The largest magnitude of a channel mean, as everywhere else."""

CHANNELS = (1, 3)
"""Channels of an input that images can be made into."""


@frozen
class Place:
    """Where in which file something stands, for the sentences about it."""

    source: str
    number: int
    record: Record

    def fail(self, what: str, expected: str, found: object) -> FileFormatError:
        """Make the error for something of this record."""
        return FileFormatError(
            f"{self.source}: layer {self.number} ({self.record.type}): {what}: expected "
            f"{expected}, found {found}; convert the network again"
        )

    def check(self, what: str, value: int, low: int, high: int) -> None:
        """Raise FileFormatError unless `value` lies in low..high."""
        if not low <= value <= high:
            raise self.fail(what, f"{low} to {high}", value)


def check_records(records: Sequence[Record], source: str) -> None:
    """Raise FileFormatError unless the records make a network that can be computed.

    `source` names the file in messages; layers are counted from 0, the input.
    """
    check_count(len(records), source)
    before: Record | None = None
    for number, record in enumerate(records):
        place = Place(source, number, record)
        if (before is None) != isinstance(record, DataRecord):
            raise place.fail("type", "the input first, and nowhere else", record.type)
        place.check("n", record.batch, 1, MAX_DIMENSION)
        checked(record.shape, f"{source}: layer {number} ({record.type})")
        if before is not None and record.batch != before.batch:
            raise place.fail("n", f"{before.batch}, as before", record.batch)
        _check(record, place, record.shape if before is None else before.shape)
        before = record


def check_count(count: int, source: str) -> None:
    """Raise FileFormatError for a number of records that no network has."""
    if not 2 <= count <= MAX_RECORDS:
        raise FileFormatError(
            f"{source}: expected 2 to {MAX_RECORDS} layers, the input among them, found {count}; "
            "convert the network again"
        )


@singledispatch
def _check(record: Record, place: Place, image: Shape) -> None:
    """Check a record that reads a tensor of shape `image`."""
    raise TypeError(f"no rules for {record.type}")


@_check.register
def _data(record: DataRecord, place: Place, image: Shape) -> None:
    if record.channels not in CHANNELS:
        raise place.fail("c", "1 or 3 channels", record.channels)
    for mean in record.means:
        place.check("mean", mean, -MAX_MEAN, MAX_MEAN)
    place.check("scale", record.scale, 1, MAX_SCALE)


@_check.register
def _convolution(record: ConvolutionRecord, place: Place, image: Shape) -> None:
    _check_window(record, place)
    kernel, stride, pad = (Pair(side, side) for side in (record.kernel, record.stride, record.pad))
    if record.kernel > min(image[:2]) + 2 * record.pad:
        raise place.fail("k", f"a window that fits into {image} and its padding", record.kernel)
    _check_shape(
        record, place, convolution_output(image, kernel, stride, pad, record.channels), image
    )
    _check_weights(record, place, record.kernel**2 * image.c)


@_check.register
def _relu(record: ReluRecord, place: Place, image: Shape) -> None:
    _check_shape(record, place, image, image)


@_check.register
def _pooling(record: PoolingRecord, place: Place, image: Shape) -> None:
    """Check a pooling: windows that begin inside the image, and a result no larger than it.

    Each side of the result is as Caffe rounds it, up, or rounded down. The result is written over
    the image, so a padding has to be smaller than the stride, or values are gone before they are
    read.
    """
    if record.method not in (MAX, AVERAGE):
        raise place.fail("method", f"{MAX} (max) or {AVERAGE} (average)", record.method)
    _check_window(record, place)
    if record.pad and record.pad >= min(record.kernel, record.stride):
        raise place.fail("pad", "less than window and stride", record.pad)
    if record.kernel > min(image[:2]) + 2 * record.pad:
        raise place.fail("k", f"a window that fits into {image} and its padding", record.kernel)
    sides = [Pair(side, side) for side in (record.kernel, record.stride, record.pad)]
    up, down = (pooling_output(image, *sides, ceil=ceil) for ceil in (True, False))
    if not (
        record.height in (up.h, down.h)
        and record.width in (up.w, down.w)
        and record.channels == image.c
    ):
        _check_shape(record, place, up, image)
    for size, count in zip(image[:2], record.shape[:2], strict=True):
        if count > size or (count - 1) * record.stride - record.pad >= size:
            raise place.fail("shape", f"windows that begin inside {image}", record.shape)


@_check.register
def _inner_product(record: InnerProductRecord, place: Place, image: Shape) -> None:
    if image.size > MAX_DIMENSION:
        raise place.fail("inputs", f"at most {MAX_DIMENSION}", image.size)
    _check_shape(record, place, Shape(1, 1, record.channels), image)
    _check_weights(record, place, image.size)


def _check_window(record: ConvolutionRecord | PoolingRecord, place: Place) -> None:
    place.check("k", record.kernel, 1, MAX_DIMENSION)
    place.check("pad", record.pad, 0, MAX_DIMENSION)
    place.check("stride", record.stride, 1, MAX_DIMENSION)


def _check_shape(record: Record, place: Place, expected: Shape, image: Shape) -> None:
    if record.shape != expected:
        raise place.fail("shape", f"{expected}, which follows from {image}", record.shape)


def _check_weights(
    record: ConvolutionRecord | InnerProductRecord, place: Place, columns: int
) -> None:
    place.check("l_shift", record.bias_shift, 0, MAX_SHIFT)
    place.check("r_shift", record.output_shift, 0, MAX_SHIFT)
    if record.weights.size != record.channels * columns:
        raise place.fail("W", f"{record.channels * columns} weights", record.weights.size)
    if record.bias.size != record.channels:
        raise place.fail("B", f"{record.channels} biases", record.bias.size)
