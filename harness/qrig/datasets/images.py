"""One input image as uint8 pixels: PNG, PPM/PGM, BMP, raw bytes or .npy."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes
from qrig.networks.graph import Shape
from qrig.networks.npy import parse_npy

Pixels = npt.NDArray[np.uint8]
"""uint8 pixels (h, w, c), RGB or one channel."""

MAX_IMAGE_BYTES = 1 << 26

IMAGE_SUFFIXES = frozenset({".png", ".ppm", ".pgm", ".pnm", ".bmp", ".npy", ".raw", ".bin"})
"""What a folder of samples is searched for."""

_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
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
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "PPM", "BMP")) as image:
                if image.mode not in _MODES:
                    raise FileFormatError(
                        f"{path}: expected 8-bit grey or colour, found mode {image.mode}; "
                        "convert it"
                    )
                if (image.height, image.width) != (shape.h, shape.w):  # before it is decoded
                    raise _wrong_size(path, shape, f"{image.height}x{image.width}")
                converted = image.convert("L" if shape.c == 1 else "RGB")
                pixels = np.asarray(converted, dtype=np.uint8)
    except FileFormatError:
        raise
    except UnidentifiedImageError as error:
        raise FileFormatError(
            f"{path}: expected {_WHAT}, found one with a damaged header; copy it again"
        ) from error
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise FileFormatError(
            f"{path}: expected {_WHAT}, found a damaged one "
            f"({' '.join(str(error).split())[:120]}); copy it again"
        ) from error
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
