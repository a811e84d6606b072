"""From an image of any size, or a region of it, to the first tensor: OpenMV's `nn_transform_input`.

Nearest neighbour in steps of 1/65536, without an offset to the centres of pixels. Images are RGB
with 8 bits a channel, RGB565, or gray; networks have three channels or one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.errors import InputError
from qrig.fixedpoint.quantized import Int8Array, QuantizedInput
from qrig.reference.preprocess import preprocess

RGB888, RGB565, GRAY = "rgb888", "rgb565", "gray"

_TYPES: dict[str, tuple[type[np.integer[Any]], int]] = {
    RGB888: (np.uint8, 3),
    RGB565: (np.uint16, 2),
    GRAY: (np.uint8, 2),
}
_MAX_SIDE = 0xFFFF
_STEP_BITS = 16
_Pixels = npt.NDArray[np.integer[Any]]


class Roi(NamedTuple):
    """A region of an image: its left upper corner, width and height, in pixels."""

    x: int
    y: int
    w: int
    h: int


def _fits(image: Image, attribute: Any, pixels: _Pixels) -> None:
    if image.format not in _TYPES:
        raise InputError(
            f"expected an image in one of the formats {', '.join(_TYPES)}, found {image.format!r}"
            "; convert it"
        )
    kind, axes = _TYPES[image.format]
    right = pixels.dtype.newbyteorder("=") == kind and pixels.ndim == axes
    channels = 1 if axes == 2 else pixels.shape[-1]
    if not right or channels != (1, 3)[axes == 3]:
        raise InputError(
            f"expected {image.format} pixels, {np.dtype(kind)} of shape (h, w"
            f"{', 3' if axes == 3 else ''}), found {pixels.dtype} of shape {pixels.shape}; convert "
            "the image"
        )
    if not all(1 <= side <= _MAX_SIDE for side in pixels.shape[:2]):
        raise InputError(
            f"expected an image of 1x1 to {_MAX_SIDE}x{_MAX_SIDE} pixels, found {pixels.shape[:2]};"
            " give another"
        )


@frozen(eq=False)
class Image:
    """An image: uint8 (h, w, 3) as "rgb888", uint8 (h, w) as "gray", uint16 (h, w) as "rgb565".

    Words of rgb565 have their high byte first in memory, whatever the machine, as OpenMV keeps
    them. Raises InputError for anything else.
    """

    pixels: _Pixels = field(repr=False, validator=_fits)
    format: str

    @property
    def whole(self) -> Roi:
        """The region that is the whole image."""
        height, width = self.pixels.shape[:2]
        return Roi(0, 0, width, height)


def clipped(roi: Roi, image: Image) -> Roi:
    """Return the part of `roi` that lies in the image; raises InputError if there is none."""
    whole = image.whole
    left, top = max(roi.x, 0), max(roi.y, 0)
    right, bottom = min(roi.x + roi.w, whole.w), min(roi.y + roi.h, whole.h)
    if min(roi.w, roi.h) < 1 or right <= left or bottom <= top:
        raise InputError(
            f"expected a region of at least one pixel within the image of {whole.w}x{whole.h}, "
            f"found x {roi.x}, y {roi.y}, {roi.w}x{roi.h}; give another"
        )
    return Roi(left, top, right - left, bottom - top)


def transform(image: Image, roi: Roi, source: QuantizedInput) -> Int8Array:
    """Return the first tensor, int8 (h, w, c), of the network for a region of the image.

    The region is clipped to the image. A network of three channels gets of a gray image its value
    three times, less the gray of its means; one of a single channel gets the gray of colours.
    Raises InputError for a region outside the image and networks of other channels.
    """
    if source.shape.c not in (1, 3):
        raise InputError(
            f"expected a network with an input of 1 or 3 channels, found {source.shape}; images "
            "have no more"
        )
    found = sampled(image.pixels, clipped(roi, image), source.shape.w, source.shape.h)
    if image.format == GRAY:
        values = np.repeat(found[:, :, np.newaxis], source.shape.c, axis=2)
        if source.shape.c == 3:
            source = attrs.evolve(source, mean=_gray_mean(source))
        return preprocess(values.astype(np.uint8), source)
    values = found if image.format == RGB888 else expanded(found)
    if source.shape.c == 1:
        values = gray(values)[:, :, np.newaxis]
    elif source.channel_order == "bgr":
        values = values[:, :, ::-1]
    return preprocess(values.astype(np.uint8), source)


def sampled(pixels: _Pixels, roi: Roi, width: int, height: int) -> _Pixels:
    """Return (height, width) pixels of a region that lies in the image, nearest neighbour.

    Pixel x of the result is pixel `(x * step) >> 16` of the region, with `step = floor(w * 65536 /
    width) + 1`; what that would take from beyond the region is its last pixel.
    """
    columns = roi.x + _places(roi.w, width)
    rows = roi.y + _places(roi.h, height)
    return np.asarray(pixels[rows[:, np.newaxis], columns])


def _places(size: int, count: int) -> npt.NDArray[np.int64]:
    step = (size << _STEP_BITS) // count + 1
    places = (np.arange(count, dtype=np.int64) * step) >> _STEP_BITS
    return np.asarray(np.minimum(places, size - 1), dtype=np.int64)


def expanded(words: _Pixels) -> npt.NDArray[np.int64]:
    """Return RGB565 words (h, w), high byte first in memory, as values 0 to 255 (h, w, 3)."""
    swapped = np.ascontiguousarray(words).view(">u2").astype(np.int64)
    five = (np.arange(32) * 255 * 2 + 31) // (31 * 2)  # round(x * 255 / 31): never a tie
    six = (np.arange(64) * 255 * 2 + 63) // (63 * 2)
    parts = (five[swapped >> 11], six[(swapped >> 5) & 63], five[swapped & 31])
    return np.stack(parts, axis=2).astype(np.int64)


def to_rgb565(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Return RGB pixels (h, w, 3) as RGB565 words (h, w), high byte first in memory."""
    wide = pixels.astype(np.int64)
    five, six = ((wide * most * 2 + 255) // (255 * 2) for most in (31, 63))
    words = (five[:, :, 0] << 11) | (six[:, :, 1] << 5) | five[:, :, 2]
    return words.astype(">u2").view(np.uint16)


def gray(values: _Pixels) -> npt.NDArray[np.int64]:
    """Return the gray of RGB values (h, w, 3): `(9770 R + 19182 G + 3736 B) >> 15`."""
    weighted = values.astype(np.int64) @ np.array([9770, 19182, 3736])
    return np.asarray(weighted >> 15, dtype=np.int64)


def _gray_mean(source: QuantizedInput) -> npt.NDArray[np.int16]:
    """Return `trunc(0.30 m0 + 0.59 m1 + 0.11 m2)` of the means, in place of each."""
    red_first = source.mean[..., ::-1] if source.channel_order == "bgr" else source.mean
    total = red_first.astype(np.int64) @ np.array([30, 59, 11])
    mean = np.sign(total) * (np.abs(total) // 100)
    return np.repeat(mean[..., np.newaxis], 3, axis=-1).astype(np.int16)
