"""One input image as uint8 pixels: PNG, PPM/PGM, BMP, raw bytes or .npy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from qrig.datasets.decode import decode_image
from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes
from qrig.networks.graph import Shape
from qrig.networks.npy import parse_npy

Pixels = npt.NDArray[np.uint8]
"""uint8 pixels (h, w, c), RGB or one channel."""

MAX_IMAGE_BYTES = 1 << 26

IMAGE_SUFFIXES = frozenset({".png", ".ppm", ".pgm", ".pnm", ".bmp", ".npy", ".raw", ".bin"})
"""What a folder of samples is searched for."""

_WHAT = "an image (PNG, PPM, BMP, .npy, or raw uint8 HWC bytes)"


def read_image(path: Path, shape: Shape) -> Pixels:
    """Read the image at `path` as uint8 (h, w, c) of exactly `shape`.

    Colour becomes grey and grey becomes three equal channels where the network wants that; sizes
    are never changed. A file that has no known image signature and exactly h * w * c bytes is raw.
    Raises FileFormatError for anything else.
    """
    data = read_bytes(path, what=_WHAT, limit_bytes=MAX_IMAGE_BYTES)
    if data.startswith(b"\x93NUMPY"):
        pixels = _from_npy(path, data)
    elif data.startswith((b"\x89PNG", b"P5", b"P6", b"BM")) and path.suffix != ".raw":
        pixels = _from_image(path, data, shape)
    elif len(data) == shape.size:
        pixels = np.frombuffer(data, dtype=np.uint8).reshape(shape)
    else:
        raise FileFormatError(
            f"{path}: expected {_WHAT} for the {shape} input, found {len(data)} bytes that are "
            f"none of these (raw would be {shape.size} bytes); give another image"
        )
    if pixels.shape != tuple(shape):
        raise _wrong_size(path, shape, "x".join(map(str, pixels.shape)) or "one number")
    return np.ascontiguousarray(pixels)


def _wrong_size(path: Path, shape: Shape, found: str) -> FileFormatError:
    return FileFormatError(
        f"{path}: expected an image of {shape} (height x width x channels), found {found}; "
        "resize it to the network's input"
    )


def _from_npy(path: Path, data: bytes) -> Pixels:
    array = parse_npy(path, data)
    if array.dtype != np.uint8:
        raise FileFormatError(
            f"{path}: expected uint8 pixels, found {array.dtype}; save it with dtype uint8"
        )
    return array[:, :, np.newaxis] if array.ndim == 2 else array


def _from_image(path: Path, data: bytes, shape: Shape) -> Pixels:
    def check_size(height: int, width: int) -> None:
        if (height, width) != (shape.h, shape.w):
            raise _wrong_size(path, shape, f"{height}x{width}")

    return decode_image(
        str(path),
        data,
        what=_WHAT,
        formats=("PNG", "PPM", "BMP"),
        channels=1 if shape.c == 1 else 3,
        check_size=check_size,
    )
