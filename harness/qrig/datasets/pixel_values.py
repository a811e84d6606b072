"""Stored numbers that stand for pixels: uint8, or floats that are pixels, /255 or /256."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from qrig.datasets.spread import Places
from qrig.errors import FileFormatError
from qrig.networks.written import exact

_CHUNK_BYTES = 1 << 24
_DIVISORS = (255, 256, 1)


def pixels_of(
    where: str, stored: Any, places: Places, record: Callable[[int], str] = "image {}".format
) -> tuple[npt.NDArray[np.uint8], float]:
    """Return the images at `places` in `stored` as uint8, and the scale that gives the numbers.

    `stored` is an array or an HDF5 dataset of numbers, images along its first axis. Floats have to
    be pixels 0...255 (scale 1), pixels / 255 or pixels / 256. Raises FileFormatError that names
    the first image that holds something else, by `record` of its place.
    """
    if stored.dtype == np.uint8:
        return rows_at(stored, places), 1.0
    if stored.dtype.kind not in "iuf":
        raise FileFormatError(
            f"{where}: expected numbers that are pixels, found {stored.dtype}; store uint8"
        )
    divisors: tuple[int, ...] = _DIVISORS if stored.dtype.kind == "f" else (1,)
    step = 255.0 * float(np.finfo(stored.dtype).eps) if stored.dtype.kind == "f" else 0.0
    tolerance = max(1e-3, step)
    for _, at, rows in _chunks(stored, places):
        chunk = rows.astype(np.float64)
        _check_finite(where, at, chunk, record)
        misfits = {divisor: _misfits(chunk, divisor, tolerance) for divisor in divisors}
        divisors = tuple(divisor for divisor in divisors if not misfits[divisor].any())
        if not divisors:
            likeliest = min(misfits.values(), key=np.count_nonzero)
            _refuse(where, at, chunk, likeliest, record)
    divisor = divisors[0]
    pixels = np.empty((len(places), *stored.shape[1:]), dtype=np.uint8)
    for first, at, rows in _chunks(stored, places):
        pixels[first : first + len(at)] = np.rint(rows.astype(np.float64) * divisor)
    return pixels, 1.0 if divisor == 1 else 1.0 / divisor


def rows_at(stored: Any, places: Places) -> npt.NDArray[Any]:
    """Return the rows at `places` of an array or an HDF5 dataset; an array's own if that is all."""
    if len(places) == len(stored):
        return np.asarray(stored[:])
    found = np.empty((len(places), *stored.shape[1:]), dtype=stored.dtype)
    for first, at, rows in _chunks(stored, places):
        found[first : first + len(at)] = rows
    return found


def _chunks(stored: Any, places: Places) -> Iterator[tuple[int, Places, npt.NDArray[Any]]]:
    """Yield rows of `stored` by the megabyte: how many came before, their places, the rows.

    A file is read in whole stretches, from the first place to the last within a chunk, which is
    never more than reading all of it.
    """
    row_bytes = int(np.prod(stored.shape[1:], dtype=np.int64)) * 8
    chunks = places // max(1, _CHUNK_BYTES // max(1, row_bytes))
    ends = np.flatnonzero(np.diff(chunks, append=-1)) + 1
    first = 0
    for end in map(int, ends):
        at = places[first:end]
        stretch = np.asarray(stored[int(at[0]) : int(at[-1]) + 1])
        yield first, at, stretch[at - at[0]]
        first = end


def _check_finite(
    where: str, at: Places, chunk: npt.NDArray[np.float64], record: Callable[[int], str]
) -> None:
    finite = np.isfinite(chunk).reshape(len(chunk), -1).all(axis=1)
    if not finite.all():
        raise FileFormatError(
            f"{where}: {record(int(at[np.argmin(finite)]))}: expected finite numbers, found "
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
    places: Places,
    chunk: npt.NDArray[np.float64],
    misfits: npt.NDArray[np.bool_],
    record: Callable[[int], str],
) -> NoReturn:
    at = int(np.argmax(misfits.reshape(len(chunk), -1).any(axis=1)))
    value = chunk[at][misfits[at]].ravel()[0]
    raise FileFormatError(
        f"{where}: {record(int(places[at]))}: expected pixels 0...255, or these divided by 255 or "
        f"256, found {exact(value)}; store the pixels: means and scales belong to the network"
    )
