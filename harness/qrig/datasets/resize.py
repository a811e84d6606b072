"""Bilinear resizing as Caffe's image layers do it (OpenCV's INTER_LINEAR)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qrig.datasets.images import Pixels


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    """Return `pixels` (h, w, c) as (height, width, c), uint8.

    Centres of pixels are mapped to centres, edges are repeated, halves are rounded up; nothing is
    averaged where an image shrinks, so that networks trained by Caffe see what they were trained
    on, to within one grey level.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    above, below, dy = _taps(pixels.shape[0], height)
    left, right, dx = _taps(pixels.shape[1], width)
    fractions = dx[:, np.newaxis]
    rows = pixels[:, left] * (1 - fractions) + pixels[:, right] * fractions
    fractions = dy[:, np.newaxis, np.newaxis]
    values = rows[above] * (1 - fractions) + rows[below] * fractions
    return np.floor(values + 0.5).astype(np.uint8)


def _taps(
    before: int, after: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return the two source indices of every target index and the weight of the second."""
    position = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    first = np.floor(position).astype(np.intp)
    return first, np.minimum(first + 1, before - 1), position - first
