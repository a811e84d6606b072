"""Image sets in LMDB databases of Caffe's Datum records.

A Datum (caffe.proto of BVLC/caffe) has `channels`, `height`, `width`, a `label`, and the pixels: as
bytes or as floats, channel by channel, or, with `encoded`, as a JPEG or PNG file.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from qrig.datasets.collector import Collector
from qrig.datasets.decode import decode_image
from qrig.datasets.image_set import ImageSet
from qrig.datasets.images import MAX_IMAGE_BYTES, Pixels
from qrig.datasets.lmdb_file import LmdbFile
from qrig.datasets.pixel_values import pixels_of
from qrig.datasets.request import Request
from qrig.datasets.resize import resized
from qrig.errors import FileFormatError

_CONVERTED_KEY = re.compile(r"\d{8}_.*\.(jpe?g|png|bmp|ppm|pgm|tiff?)", re.IGNORECASE)
_NOTICE = (
    "the keys are those of Caffe's convert_imageset, which stores blue first: the pixels are taken "
    "as BGR; say so if they are RGB"
)
_ADVICE = "make the database again"


def read_lmdb(path: Path, request: Request) -> ImageSet:
    """Read the LMDB database of Datum records at `path` (its folder or its data file).

    Images come in the order of their keys, which are the set's records. Raw pixels keep the
    channels as they are stored; encoded ones are decoded to RGB; floats have to be pixels,
    pixels / 255 or pixels / 256. Raises FileFormatError that names the record.
    """
    from qrig.networks.caffe.schema import message

    datum = message("Datum")
    floats: list[npt.NDArray[np.float32]] = []
    encoded = 0
    with LmdbFile(path) as file:
        collector = Collector(str(path), request.shape)
        source_count = request.source_count(file.entries)
        places = None if source_count is None else request.places(source_count)
        for key, value in file.records(places):
            name = _name(key)
            where = f"{path}: record {name!r}"
            record = _parsed(where, datum(), value)
            if record.float_data:
                floats.append(_floats(where, record))
            encoded += record.encoded
            collector.add(name, _pixels(where, record, request), record.label)
    if encoded not in (0, len(collector)) or len(floats) not in (0, len(collector)):
        raise FileFormatError(
            f"{path}: expected records of one kind, found {encoded} encoded ones and {len(floats)} "
            f"of floats among {len(collector)}; {_ADVICE}"
        )
    converted = not encoded and all(map(_CONVERTED_KEY.fullmatch, collector.records))
    images = collector.image_set(
        path.name, channel_order="bgr" if converted else "rgb", source_count=source_count
    )
    if floats:
        all_of_them = np.arange(len(floats), dtype=np.intp)
        pixels, scale = pixels_of(str(path), np.stack(floats), all_of_them, images.record)
        images = attrs.evolve(images, images=pixels, scale=scale)
    return images if images.channel_order != "bgr" else attrs.evolve(images, notices=(_NOTICE,))


def _parsed(where: str, record: Any, value: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        record.ParseFromString(value)
    except (DecodeError, ValueError) as error:
        raise FileFormatError(
            f"{where}: expected one of Caffe's Datum records, found bytes that are none; {_ADVICE}"
        ) from error
    return record


def _pixels(where: str, record: Any, request: Request) -> Pixels:
    """Return the uint8 pixels (h, w, c) of a record; zeros where it has floats."""
    if record.encoded:
        channels = request.shape.c if request.shape is not None else request.channels
        pixels = decode_image(where, record.data, channels=channels if channels in (1, 3) else None)
        return pixels if request.resize is None else resized(pixels, *request.resize)
    shape = _shape(where, record)
    if record.float_data:
        return np.zeros((shape[1], shape[2], shape[0]), dtype=np.uint8)
    if len(record.data) != math.prod(shape):
        raise FileFormatError(
            f"{where}: expected {math.prod(shape)} bytes for {shape[0]} channels of "
            f"{shape[1]}x{shape[2]}, found {len(record.data)}; {_ADVICE}"
        )
    return np.frombuffer(record.data, dtype=np.uint8).reshape(shape).transpose(1, 2, 0)


def _floats(where: str, record: Any) -> npt.NDArray[np.float32]:
    shape = _shape(where, record)
    if len(record.float_data) != math.prod(shape) or record.data or record.encoded:
        raise FileFormatError(
            f"{where}: expected {math.prod(shape)} floats for {shape[0]} channels of "
            f"{shape[1]}x{shape[2]} and nothing else, found {len(record.float_data)} and "
            f"{len(record.data)} bytes; {_ADVICE}"
        )
    values = np.fromiter(record.float_data, np.float32, len(record.float_data))
    return values.reshape(shape).transpose(1, 2, 0)


def _shape(where: str, record: Any) -> tuple[int, int, int]:
    """Return channels, height and width of a record that is not encoded."""
    shape = (record.channels, record.height, record.width)
    if min(shape) < 1 or math.prod(shape) > MAX_IMAGE_BYTES:
        raise FileFormatError(
            f"{where}: expected one of Caffe's Datum records with channels, height and width of 1 "
            f"or more and at most {MAX_IMAGE_BYTES:,} pixels, found {shape}; {_ADVICE}"
        )
    return shape


def _name(key: bytes) -> str:
    return key[:120].decode("utf-8", "backslashreplace")
