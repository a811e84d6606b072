"""What a network is shown: an image from memory or from a file, and a part of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from qrig.datasets.decode import decode_image
from qrig.datasets.images import MAX_IMAGE_BYTES
from qrig.errors import UsageError
from qrig.networks.files import read_bytes
from qrig.networks.npy import parse_npy
from qrig.reference.image_transform import Image, Roi, clipped

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""An image in memory: uint8 (h, w, 3) RGB, uint8 (h, w) or (h, w, 1) grey, uint16 (h, w) RGB565."""

Shown = Image | Pixels | Path | str
"""An image, its pixels, or the file it is in (JPEG, PNG, PPM, BMP or .npy)."""

Box = Roi | tuple[int, int, int, int]
"""A part of an image: x, y, width, height."""

_WHAT = "an image (JPEG, PNG, PPM, BMP or .npy)"


def as_image(shown: Shown) -> Image:
    """Return the image; raises FileFormatError for a file that has none, and InputError."""
    if isinstance(shown, Image):
        return shown
    if isinstance(shown, str | Path):
        shown = _read(Path(shown))
    pixels = np.asarray(shown)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    kinds = {("uint8", 2): "gray", ("uint16", 2): "rgb565", ("uint8", 3): "rgb888"}
    kind = kinds.get((pixels.dtype.name, pixels.ndim))
    if kind is None:
        raise UsageError(
            "expected an image as uint8 (h, w, 3), uint8 (h, w) or uint16 (h, w) of RGB565, found "
            f"{pixels.dtype} of shape {pixels.shape}; convert it"
        )
    return Image(np.ascontiguousarray(pixels), kind)


def _read(path: Path) -> Pixels:
    data = read_bytes(path, what=_WHAT, limit_bytes=MAX_IMAGE_BYTES)
    if data.startswith(b"\x93NUMPY"):
        array: Pixels = parse_npy(path, data)
        return array
    return decode_image(str(path), data, what=_WHAT)


def as_roi(image: Image, box: Box | None) -> Roi:
    """Return the part of `image` that `box` names, all of it for None, clipped to the image.

    Raises InputError for one that has no pixel of it.
    """
    if box is None:
        return image.whole
    try:
        x, y, w, h = (int(number) for number in box)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"expected a region of interest of four numbers (x, y, width, height), found {box!r}; "
            "correct it"
        ) from error
    return clipped(Roi(x, y, w, h), image)
