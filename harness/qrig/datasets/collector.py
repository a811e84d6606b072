"""Gathers images that are read one at a time into a set of one size."""

from __future__ import annotations

from typing import Any

import numpy as np

from qrig.datasets.image_set import ImageSet, channel_order_of
from qrig.datasets.images import Pixels
from qrig.datasets.request import check_set_size
from qrig.errors import FileFormatError
from qrig.networks.graph import Shape

_FIRST_ROOM = 256


class Collector:
    """Takes images of one height and width and makes an `ImageSet` of them.

    Where some images are grey and others have three channels, the grey ones become three equal
    channels. `expected` is how many will come, if that is known.
    """

    def __init__(self, source: str, shape: Shape | None, expected: int | None = None) -> None:
        """Expect images of `shape` (None: of the first one's) from `source`."""
        self._source = source
        self._shape = shape
        self._expected = expected
        self._images: Pixels = np.zeros((0, 0, 0, 0), dtype=np.uint8)
        self._labels: list[int | None] = []
        self.records: list[str] = []

    def __len__(self) -> int:
        """The number of images so far."""
        return len(self.records)

    def add(self, record: str, pixels: Pixels, label: int | None) -> None:
        """Add one image; raises FileFormatError, naming `record`, if its size is another."""
        where = f"{self._source}: {record}" if record else self._source
        found = Shape(*pixels.shape)
        if self._shape is not None and found != self._shape:
            raise FileFormatError(
                f"{where}: expected an image of {self._shape} (height x width x channels), found "
                f"{found}; resize it, or give the shape it has"
            )
        if label is not None and label < 0:
            raise FileFormatError(
                f"{where}: expected a label of 0 or more, found {label}; correct the label"
            )
        if not self.records:
            self._grow(found)
        have = Shape(*self._images.shape[1:])
        if found != have:
            pixels = self._unified(where, pixels, have)
        if len(self.records) == len(self._images):
            self._grow(Shape(*self._images.shape[1:]))
        self._images[len(self.records)] = pixels
        self.records.append(record)
        self._labels.append(label)

    def image_set(self, name: str, *, channel_order: str = "rgb", **fields: Any) -> ImageSet:
        """Return the set; raises FileFormatError if it is empty or only some images have labels."""
        if not self.records:
            raise FileFormatError(f"{self._source}: expected images, found none; check the path")
        labelled = [label for label in self._labels if label is not None]
        if labelled and len(labelled) != len(self._labels):
            first = self.records[self._labels.index(None)]
            raise FileFormatError(
                f"{self._source}: {first}: expected a label, as other images have one, found none; "
                "name the class of every image or of none"
            )
        return ImageSet(
            name,
            self._images[: len(self.records)],
            np.array(labelled, dtype=np.int64) if labelled else None,
            channel_order_of(self._images.shape[3], channel_order),
            records=tuple(self.records),
            **fields,
        )

    def _unified(self, where: str, pixels: Pixels, have: Shape) -> Pixels:
        """Return `pixels` with the channels of the others, or turn the others to colour."""
        if pixels.shape[:2] != have[:2] or {pixels.shape[2], have.c} != {1, 3}:
            found = "x".join(map(str, pixels.shape))
            raise FileFormatError(
                f"{where}: expected an image of {have} as the ones before it, found {found}; "
                "bring all images to one size"
            )
        if have.c == 1:
            check_set_size(self._source, len(self._images), 3 * have.size)
            self._images = np.repeat(self._images, 3, axis=3)
            return pixels
        return np.repeat(pixels, 3, axis=2)

    def _grow(self, shape: Shape) -> None:
        """Make room for more images of `shape`."""
        have = len(self.records)
        count = 2 * have or self._expected or _FIRST_ROOM
        check_set_size(self._source, max(have + 1, self._expected or 0), shape.size)
        grown = np.empty((count, *shape), dtype=np.uint8)
        if have:
            grown[:have] = self._images
        self._images = grown
