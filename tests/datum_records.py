"""LMDB databases of Datum records, as Caffe's converters write them; protobuf written by hand."""

from collections.abc import Iterable
from pathlib import Path

import lmdb
import numpy as np

from image_files import Pixels, planes


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are sign-extended to ten bytes
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def chunk(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def raw_datum(pixels: Pixels, label: int) -> bytes:
    """Return a record of the pixels (h, w, c) as bytes."""
    return header(pixels.shape) + chunk(4, planes(pixels[np.newaxis]).tobytes()) + number(5, label)


def float_datum(values: np.ndarray, label: int, *, packed: bool = False) -> bytes:
    """Return a record of numbers (h, w, c) as floats."""
    flat = values.transpose(2, 0, 1).astype("<f4").ravel()
    one_by_one = b"".join(varint(6 << 3 | 5) + value.tobytes() for value in flat)
    stored = chunk(6, flat.tobytes()) if packed else one_by_one
    return header(values.shape) + stored + number(5, label)


def encoded_datum(data: bytes, label: int) -> bytes:
    """Return a record of an image file, as convert_imageset --encoded writes it."""
    return chunk(4, data) + number(5, label) + number(7, 1)


def header(shape: tuple[int, ...]) -> bytes:
    height, width, channels = shape
    return number(1, channels) + number(2, height) + number(3, width)


def write_lmdb(folder: Path, records: Iterable[tuple[str, bytes]]) -> Path:
    """Write a database with the records, as liblmdb does; return its folder."""
    with (
        lmdb.open(str(folder), map_size=1 << 28) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, value in records:
            transaction.put(key.encode(), value)
    return folder


def write_raw(folder: Path, images: Pixels, labels: Iterable[int], key: str = "{:05d}") -> Path:
    """Write a database of raw records, keys counted up."""
    pairs = enumerate(zip(images, labels, strict=True))
    return write_lmdb(folder, ((key.format(place), raw_datum(*record)) for place, record in pairs))
