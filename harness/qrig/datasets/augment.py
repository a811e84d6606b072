"""Random variants of images: mirrored, turned, shifted, brighter or darker, noisy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import Attribute, field, frozen

from qrig.datasets.images import Pixels
from qrig.errors import UsageError
from qrig.networks.written import exact

_CHUNK_VALUES = 1 << 16
_SHIFT_SHARE = 16

Floats = npt.NDArray[np.float32]


def _in_range(low: float, high: float) -> Callable[[Any, Attribute[Any], Any], None]:
    """Return a validator for finite numbers of that range."""

    def check(_: object, attribute: Attribute[Any], value: float | None) -> None:
        if value is not None and not low <= value <= high:
            raise UsageError(
                f"expected {attribute.name} from {exact(low)} to {exact(high)}, found "
                f"{exact(value)}; give another"
            )

    return check


@frozen
class Augmentation:
    """What may be done to an image; each image gets its own dice.

    `flip`: half of the images are turned left to right. `shift_px`: moved by up to that many whole
    pixels down, up, left and right; None is a sixteenth of the shorter side, rounded. `rotate_deg`:
    turned about the centre by up to that angle either way. `brightness`: multiplied by 1 - b to
    1 + b. `noise_sigma`: normal noise with that standard deviation, in grey levels, on every value.
    What comes in from outside the image repeats its edge.
    """

    flip: bool = True
    shift_px: int | None = field(default=None, validator=_in_range(0, 10_000))
    rotate_deg: float = field(default=10.0, validator=_in_range(0, 180))
    brightness: float = field(default=0.15, validator=_in_range(0, 1))
    noise_sigma: float = field(default=3.0, validator=_in_range(0, 255))

    def shift_for(self, height: int, width: int) -> int:
        """Return the largest shift in pixels of an image of that size."""
        if self.shift_px is not None:
            return self.shift_px
        return (2 * min(height, width) + _SHIFT_SHARE) // (2 * _SHIFT_SHARE)


def augmented(
    images: Pixels, rng: np.random.Generator, options: Augmentation | None = None
) -> Pixels:
    """Return one random variant of each of `images`, uint8 (n, h, w, c), as `options` allow.

    The same state of `rng` gives the same variants.
    """
    chosen = options or Augmentation()
    dice = _throw(len(images), chosen.shift_for(*images.shape[1:3]), rng, chosen)
    out = np.empty(images.shape, dtype=np.uint8)
    step = max(1, _CHUNK_VALUES // max(1, math.prod(images.shape[1:])))
    for first in range(0, len(images), step):
        part = slice(first, first + step)
        values = _changed(images[part], dice.of(part), chosen)
        if chosen.noise_sigma:
            noise = rng.standard_normal(values.shape, dtype=np.float32)
            noise *= np.float32(chosen.noise_sigma)
            values += noise
        np.rint(values, out=values)
        np.clip(values, 0, 255, out=values)
        out[part] = values
    return out


@frozen(eq=False)
class _Dice:
    """What is done to each of n images: mirrored or not, moves (2, n), radians, factors."""

    flipped: npt.NDArray[np.bool_]
    moves: npt.NDArray[np.int64]
    angles: Floats
    factors: Floats

    def of(self, part: slice) -> _Dice:
        return _Dice(self.flipped[part], self.moves[:, part], self.angles[part], self.factors[part])


def _throw(count: int, shift: int, rng: np.random.Generator, options: Augmentation) -> _Dice:
    flipped = rng.integers(2, size=count, dtype=np.uint8).astype(bool) & options.flip
    moves = rng.integers(-shift, shift, size=(2, count), endpoint=True)
    angles = np.radians(rng.uniform(-options.rotate_deg, options.rotate_deg, count))
    factors = rng.uniform(1 - options.brightness, 1 + options.brightness, count)
    return _Dice(flipped, moves, angles.astype(np.float32), factors.astype(np.float32))


def _changed(images: Pixels, dice: _Dice, options: Augmentation) -> Floats:
    """Return the images mirrored, turned, moved and brightened."""
    if options.flip:
        images = images.copy()
        images[dice.flipped] = images[dice.flipped, :, ::-1]
    if options.rotate_deg:
        values = _turned(images, dice.angles, dice.moves)
    else:
        values = _moved(images, dice.moves).astype(np.float32)
    if options.brightness:
        values *= dice.factors[:, np.newaxis, np.newaxis, np.newaxis]
    return values


def _moved(images: Pixels, moves: npt.NDArray[np.int64]) -> Pixels:
    """Return every image moved by whole pixels, `moves` (2, n) down and right."""
    count, height, width, _ = images.shape
    rows = np.clip(np.arange(height) - moves[0, :, np.newaxis], 0, height - 1)
    columns = np.clip(np.arange(width) - moves[1, :, np.newaxis], 0, width - 1)
    which = np.arange(count)[:, np.newaxis, np.newaxis]
    moved: Pixels = images[which, rows[:, :, np.newaxis], columns[:, np.newaxis, :]]
    return moved


def _turned(images: Pixels, angles: Floats, moves: npt.NDArray[np.int64]) -> Floats:
    """Return every image turned by its angle (radians) and then moved, bilinear."""
    count, height, width, channels = images.shape
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    y = np.arange(height, dtype=np.float32)[:, np.newaxis] - np.float32(middle_y)
    x = np.arange(width, dtype=np.float32)[np.newaxis, :] - np.float32(middle_x)
    y = y - moves[0, :, np.newaxis, np.newaxis].astype(np.float32)
    x = x - moves[1, :, np.newaxis, np.newaxis].astype(np.float32)
    cosine, sine = (f(angles)[:, np.newaxis, np.newaxis] for f in (np.cos, np.sin))
    from_y = np.clip(cosine * y - sine * x + np.float32(middle_y), 0, height - 1)
    from_x = np.clip(sine * y + cosine * x + np.float32(middle_x), 0, width - 1)
    top, left = from_y.astype(np.int32), from_x.astype(np.int32)
    below, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    part_y = (from_y - top)[..., np.newaxis]
    part_x = (from_x - left)[..., np.newaxis]
    flat = images.reshape(-1, channels)
    first = (np.arange(count, dtype=np.int64) * (height * width))[:, np.newaxis, np.newaxis]

    def at(rows: npt.NDArray[np.int32], columns: npt.NDArray[np.int32]) -> Floats:
        values: Floats = flat.take(first + rows * width + columns, axis=0).astype(np.float32)
        return values

    upper = at(top, left)
    upper += (at(top, right) - upper) * part_x
    lower = at(below, left)
    lower += (at(below, right) - lower) * part_x
    lower -= upper
    lower *= part_y
    upper += lower
    return upper
