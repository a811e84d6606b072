"""Objects in an image by windows over it: OpenMV's `net.search`.

Windows of the region's size times a scale, which shrinks, slide over the region; what the network
sees in each is kept if it is sure enough, and what overlaps is merged. Coordinates are whole
pixels, as on the camera.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from qrig.errors import InputError
from qrig.reference.detections import Detection, merged, surest
from qrig.reference.image_transform import GRAY, RGB888, Image, Roi, clipped, expanded, gray

__all__ = ["CENTERED", "MAX_WINDOWS", "Detection", "Forward", "contrast", "search"]

Forward = Callable[[Roi], Sequence[float] | npt.NDArray[np.float64]]
"""What a network makes of a region of the image: a value from 0 to 1 per class."""

CENTERED = -1.0
"""As an overlap: one window alone, in the centre."""

MAX_WINDOWS = 1 << 16
"""The most windows that are looked at, over all scales."""

_DIGITS = 9


def search(
    image: Image,
    roi: Roi,
    forward: Forward,
    *,
    threshold: float = 0.6,
    min_scale: float = 1.0,
    scale_mul: float = 0.5,
    x_overlap: float = 0.0,
    y_overlap: float = 0.0,
    contrast_threshold: float = 1.0,
) -> tuple[Detection, ...]:
    """Return what `forward` finds with at least `threshold` in windows over a region of `image`.

    Scales are 1, scale_mul, scale_mul^2 ... down to `min_scale`. Neighbouring windows share a part
    `x_overlap` and `y_overlap` of their width and height, from 0 up to but not 1; CENTERED is one
    window in the middle. Windows whose contrast is below `contrast_threshold` are left out. Raises
    InputError for what is out of range, and for windows so small or many that it would never end.
    """
    _check_range("threshold", threshold, 0 <= threshold <= 1, "0 to 1")
    _check_range("min_scale", min_scale, 0 < min_scale <= 1, "above 0, up to 1")
    _check_range("scale_mul", scale_mul, 0 <= scale_mul < 1, "0 up to, but not 1")
    for name, overlap in (("x_overlap", x_overlap), ("y_overlap", y_overlap)):
        fits = 0 <= overlap < 1 or overlap == CENTERED
        _check_range(name, overlap, fits, "0 up to, but not 1, or -1")
    windows = list(_windows(clipped(roi, image), min_scale, scale_mul, x_overlap, y_overlap))
    found = []
    for window in windows:
        if contrast(image, window) < contrast_threshold:
            continue
        values = forward(window)
        best = max(range(len(values)), key=lambda index: values[index])
        if values[best] >= threshold:
            found.append(Detection(*window, best, float(values[best])))
    return tuple(surest(merged(found)))


def contrast(image: Image, window: Roi) -> float:
    """Return the standard deviation of the grey of some pixels of a window, as OpenMV takes it.

    Pixels are those of every floor(sqrt(w))th column and floor(sqrt(h))th row, but their sums are
    divided by the whole area: it is far less than the true one.
    """
    rows = slice(window.y, window.y + window.h, math.isqrt(window.h))
    columns = slice(window.x, window.x + window.w, math.isqrt(window.w))
    pixels = image.pixels[rows, columns]
    if image.format != GRAY:
        pixels = gray(pixels if image.format == RGB888 else expanded(pixels))
    values = pixels.astype(np.int64)
    area = window.w * window.h
    mean = int(values.sum()) / area
    variance = int((values * values).sum()) / area - mean * mean
    return math.sqrt(max(variance, 0.0))


def _check_range(name: str, value: float, fits: bool, expected: str) -> None:
    if not fits:
        raise InputError(f"expected a {name} of {expected}, found {value:g}; correct it")


def _windows(
    area: Roi, min_scale: float, scale_mul: float, x_overlap: float, y_overlap: float
) -> Iterator[Roi]:
    """Yield the windows of all scales, row by row; raises InputError as `search` does."""
    scale, count = 1.0, 0
    while scale >= min_scale:
        width, height = area.w * scale, area.h * scale
        if min(width, height) < 1:
            raise InputError(
                f"expected windows of at least a pixel, found one of {width:g}x{height:g} at scale "
                f"{scale:g}; give a larger region or min_scale"
            )
        lefts = _starts(area.x, area.w, width, x_overlap)
        tops = _starts(area.y, area.h, height, y_overlap)
        count += len(lefts) * len(tops)
        if count > MAX_WINDOWS:
            raise InputError(
                f"expected at most {MAX_WINDOWS:,} windows, found more; give a larger min_scale, a "
                "smaller scale_mul or less overlap"
            )
        for top in tops:
            for left in lefts:
                yield Roi(left, top, int(width), int(height))
        scale *= scale_mul


def _starts(begin: int, size: int, window: float, overlap: float) -> list[int]:
    """Return where windows begin along one side; raises InputError for a step below one pixel."""
    if overlap == CENTERED:
        return [int(begin + (size - window) / 2)]
    step = round(window * (1 - overlap), _DIGITS)  # nine tenths of 10 pixels leave one, not 0.9...
    if step < 1:
        raise InputError(
            f"expected windows a pixel or more apart, found a step of {step:g} (windows of "
            f"{window:g} with an overlap of {overlap:g}); give less overlap or a larger min_scale"
        )
    starts = []
    start = int(begin + math.fmod(size, window) / 2)
    while start + window <= begin + size:
        starts.append(start)
        start = int(start + step)
    return starts
