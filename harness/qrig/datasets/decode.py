"""Pixels of an encoded image: JPEG, PNG, PPM/PGM or BMP, through Pillow."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

FORMATS = ("JPEG", "PNG", "PPM", "BMP")
"""What Pillow may take an image for."""

_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_GREY_MODES = frozenset({"1", "L", "LA"})


def decode_image(
    where: str,
    data: bytes,
    *,
    what: str = "a JPEG, PNG, PPM or BMP image",
    formats: tuple[str, ...] = FORMATS,
    channels: int | None = None,
    check_size: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.uint8]:
    """Return the pixels in `data` as uint8 (h, w, c), RGB or grey.

    `channels` 1 makes colour grey (ITU-R 601 luma) and 3 makes grey three equal channels; None
    keeps what is there. `check_size` is told height and width before anything is decoded. A JPEG is
    turned upright as its Exif orientation says. Raises FileFormatError that begins with `where`.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata, which is not used
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=formats) as image:
                if image.mode not in _MODES:
                    found = f"found mode {image.mode}; convert it"
                    raise FileFormatError(f"{where}: expected 8-bit grey or colour, {found}")
                if check_size is not None:
                    check_size(image.height, image.width)
                return _pixels(image, channels)
    except FileFormatError:
        raise
    except UnidentifiedImageError as error:
        raise FileFormatError(
            f"{where}: expected {what}, found one with a damaged header; copy it again"
        ) from error
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise FileFormatError(
            f"{where}: expected {what}, found a damaged one "
            f"({' '.join(str(error).split())[:120]}); copy it again"
        ) from error


def _pixels(image: ImageFile, channels: int | None) -> npt.NDArray[np.uint8]:
    from PIL import ImageOps

    grey = channels == 1 or (channels is None and image.mode in _GREY_MODES)
    upright = ImageOps.exif_transpose(image) if image.format == "JPEG" else image
    pixels = np.asarray(upright.convert("L" if grey else "RGB"), dtype=np.uint8)
    return pixels[:, :, np.newaxis] if grey else pixels
