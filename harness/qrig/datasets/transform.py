"""Caffe's transform_param: crop, mean, scale, mirror (DataTransformer in BVLC/caffe)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from attrs import field, frozen
from numpy.lib.stride_tricks import sliding_window_view

from qrig.datasets.images import Pixels
from qrig.errors import UsageError
from qrig.networks.graph import FloatArray, Shape

T = TypeVar("T", bound=np.generic)

TRAIN, TEST = "train", "test"
"""The phases."""


@frozen(eq=False)
class Transform:
    """`(pixel - mean) * scale` of a crop of the image, now and then mirrored.

    `mean` is one value or one for each channel (c,), or an image (h, w, c) of the size before the
    crop, or None. `crop_size` is the side of a square cut out of every image, 0 for none: anywhere
    in the training phase, in the middle (rounded up and left) in the test phase. With `mirror`
    every other image, by chance, is turned left to right, in both phases.
    """

    mean: FloatArray | None = field(default=None, repr=False)
    scale: float = 1.0
    crop_size: int = 0
    mirror: bool = False

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of a transformed image; raises UsageError if the crop is too large."""
        if self.crop_size > min(shape.h, shape.w):
            raise UsageError(
                f"expected images of at least {self.crop_size}x{self.crop_size} for the crop, "
                f"found {shape}; use a smaller crop_size or larger images"
            )
        return Shape(self.crop_size, self.crop_size, shape.c) if self.crop_size else shape

    def apply(self, images: Pixels, *, phase: str, rng: np.random.Generator) -> FloatArray:
        """Return uint8 images (n, h, w, c) as float32 inputs (n, h', w', c) of the network.

        `phase` is "train" or "test"; `rng` draws crops and mirrorings. The mean is that of a
        pixel's place before it is mirrored. Raises UsageError where crop or mean do not fit.
        """
        if phase not in (TRAIN, TEST):
            raise UsageError(f"expected the phase 'train' or 'test', found {phase!r}; give one")
        shape = Shape(*images.shape[1:])
        out = self.output_shape(shape)
        mean = self._fitting_mean(shape)
        spare = (shape.h - out.h, shape.w - out.w)
        top, left = _offsets(len(images), spare, phase, rng)
        if out != shape:
            images = _crops(images, out, top, left)
        values = images.astype(np.float32)
        if mean is not None:
            if mean.ndim == 3 and out != shape:
                mean = _crops(mean, out, top, left)
            values -= mean
        if self.scale != 1.0:
            values *= np.float32(self.scale)
        if self.mirror:
            mirrored = rng.integers(2, size=len(images), dtype=np.uint8).astype(bool)
            values[mirrored] = values[mirrored, :, ::-1]
        return values

    def _fitting_mean(self, shape: Shape) -> FloatArray | None:
        if self.mean is None:
            return None
        mean = np.asarray(self.mean, dtype=np.float32)
        if mean.shape not in ((1,), (shape.c,), tuple(shape)):
            found = "x".join(map(str, mean.shape)) or "one number"
            raise UsageError(
                f"expected a mean of one value, of {shape.c} for the channels, or of {shape} like "
                f"the images before they are cropped, found {found}; use the mean of these images"
            )
        return mean


def _offsets(
    count: int, spare: tuple[int, int], phase: str, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the first row and the first column of the crop of every image."""
    if phase == TEST:
        return np.full(count, spare[0] // 2), np.full(count, spare[1] // 2)
    return rng.integers(spare[0] + 1, size=count), rng.integers(spare[1] + 1, size=count)


def _crops(
    images: npt.NDArray[T], out: Shape, top: npt.NDArray[np.intp], left: npt.NDArray[np.intp]
) -> npt.NDArray[T]:
    """Return a crop of every image (n, h, w, c), or of the one image (h, w, c) at every place."""
    windows = sliding_window_view(images, (out.h, out.w), axis=(-3, -2))
    picked = windows[top, left] if images.ndim == 3 else windows[np.arange(len(images)), top, left]
    crops: npt.NDArray[T] = picked.transpose(0, 2, 3, 1)
    return crops
