"""Stored numbers that stand for pixels: uint8, or floats that are pixels, /255 or /256."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError

_CHUNK_BYTES = 1 << 24
_DIVISORS = (255, 256, 1)


def pixels_of(
    where: str, stored: Any, count: int, record: Callable[[int], str] = "image {}".format
) -> tuple[npt.NDArray[np.uint8], float]:
    """Return the first `count` images in `stored` as uint8, and the scale that gives the numbers.

    `stored` is an array or an HDF5 dataset of numbers, images along its first axis. Floats have to
    be pixels 0...255 (scale 1), pixels / 255 or pixels / 256. Raises FileFormatError that names
    the first image that holds something else, by `record` of its index.
    """
    if stored.dtype == np.uint8:
        return np.asarray(stored[:count]), 1.0
    if stored.dtype.kind not in "iuf":
        raise FileFormatError(
            f"{where}: expected numbers that are pixels, found {stored.dtype}; store uint8"
        )
    divisors: tuple[int, ...] = _DIVISORS if stored.dtype.kind == "f" else (1,)
    step = 255.0 * float(np.finfo(stored.dtype).eps) if stored.dtype.kind == "f" else 0.0
    tolerance = max(1e-3, step)
    for first, chunk in _chunks(stored, count):
        _check_finite(where, first, chunk, record)
        misfits = {divisor: _misfits(chunk, divisor, tolerance) for divisor in divisors}
        divisors = tuple(divisor for divisor in divisors if not misfits[divisor].any())
        if not divisors:
            likeliest = min(misfits.values(), key=np.count_nonzero)
            _refuse(where, first, chunk, likeliest, record)
    divisor = divisors[0]
    pixels = np.empty((count, *stored.shape[1:]), dtype=np.uint8)
    for first, chunk in _chunks(stored, count):
        pixels[first : first + len(chunk)] = np.rint(chunk * divisor)
    return pixels, 1.0 if divisor == 1 else 1.0 / divisor


def _chunks(stored: Any, count: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    image_bytes = int(np.prod(stored.shape[1:], dtype=np.int64)) * 8
    step = max(1, _CHUNK_BYTES // max(1, image_bytes))
    for first in range(0, count, step):
        yield first, np.asarray(stored[first : min(first + step, count)], dtype=np.float64)


def _check_finite(
    where: str, first: int, chunk: npt.NDArray[np.float64], record: Callable[[int], str]
) -> None:
    finite = np.isfinite(chunk).reshape(len(chunk), -1).all(axis=1)
    if not finite.all():
        raise FileFormatError(
            f"{where}: {record(first + int(np.argmin(finite)))}: expected finite numbers, found "
            "NaN or infinity; store it again"
        )


def _misfits(
    chunk: npt.NDArray[np.float64], divisor: int, tolerance: float
) -> npt.NDArray[np.bool_]:
    """Return which numbers are no pixel over `divisor`."""
    values = chunk * divisor
    pixels = np.rint(values)
    misfits: npt.NDArray[np.bool_] = (
        (np.abs(values - pixels) > tolerance) | (pixels < 0) | (pixels > 255)
    )
    return misfits


def _refuse(
    where: str,
    first: int,
    chunk: npt.NDArray[np.float64],
    misfits: npt.NDArray[np.bool_],
    record: Callable[[int], str],
) -> NoReturn:
    at = int(np.argmax(misfits.reshape(len(chunk), -1).any(axis=1)))
    value = chunk[at][misfits[at]].ravel()[0]
    raise FileFormatError(
        f"{where}: {record(first + at)}: expected pixels 0...255, or these divided by 255 or 256, "
        f"found {value:g}; store the pixels: means and scales belong to the network"
    )
