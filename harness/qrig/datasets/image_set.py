"""A set of images of one size, with their classes if they are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.datasets.images import Pixels
from qrig.datasets.spread import Places, spread
from qrig.errors import FileFormatError, UsageError
from qrig.networks.graph import Shape

Labels = npt.NDArray[np.int64]
"""int64 classes (n,), counted from 0."""

Indices = Sequence[int] | npt.NDArray[np.integer]
"""Places of images in a set."""

CHANNEL_ORDERS = ("rgb", "bgr", "gray")


def channel_order_of(channels: int, colour: str = "rgb") -> str:
    """Return the order of `channels` channels: "gray" for one, else `colour`."""
    return "gray" if channels == 1 else colour


@frozen(eq=False)
class ImageSet:
    """Images of one size: `images` uint8 (n, h, w, c), `labels` int64 (n,) or None.

    `channel_order` says what the channels are. `scale` times the pixels gives the numbers that were
    stored: 1 for pixels, 1/255 for a file of floats from 0 to 1. `records` are the names the source
    has for the images, empty where they have none but their place; `class_names` the names of the
    classes, if they have any; `part` is "train" or "test" where the source is divided and ""
    where it is not. `source_count` is the number of images in the source where only some of them
    were read, evenly spread, None where all are here. `notices` are sentences for the user.
    """

    name: str
    images: Pixels = field(repr=False)
    labels: Labels | None = field(repr=False)
    channel_order: str
    scale: float = 1.0
    records: Sequence[str] = field(default=(), kw_only=True, repr=False)
    class_names: tuple[str, ...] = field(default=(), kw_only=True, repr=False)
    part: str = field(default="", kw_only=True)
    source_count: int | None = field(default=None, kw_only=True)
    notices: tuple[str, ...] = field(default=(), kw_only=True, repr=False)

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    @property
    def shape(self) -> Shape:
        """The shape of one image."""
        return Shape(*self.images.shape[1:])

    def record(self, index: int) -> str:
        """Return how to speak of image `index`: by its name in the source and its place there."""
        place = int(self.places[index])
        return f"image {place} ({self.records[index]})" if self.records else f"image {place}"

    @property
    def places(self) -> Places:
        """The places of the images in their source."""
        count = len(self)
        return spread(count if self.source_count is None else self.source_count, count)

    def take(self, which: int | Indices, seed: int | None = None) -> Self:
        """Return the images of the indices `which`, or that many if it is a number.

        A number takes the first images, or, with a `seed`, as many drawn without repetition, the
        same ones for the same seed, in the order of the set. Asking for more than there are gives
        all. Raises UsageError if that leaves none or an index is not there.
        """
        if isinstance(which, int | np.integer):
            count = min(int(which), len(self))
            if seed is None:
                indices = np.arange(max(count, 0))
            else:
                # RandomState keeps its stream in every release of numpy (NEP 19).
                order = np.random.RandomState(seed).permutation(len(self))
                indices = np.sort(order[: max(count, 0)])
        else:
            indices = np.asarray(which, dtype=np.intp)
        if not len(indices) or indices.min() < 0 or indices.max() >= len(self):
            raise UsageError(
                f"{self.name}: expected at least one index from 0 to {len(self) - 1}, found "
                f"{'none' if not len(indices) else 'others'}; ask for images that are there"
            )
        return attrs.evolve(
            self,
            images=self.images[indices],
            labels=None if self.labels is None else self.labels[indices],
            records=tuple(self.records[int(index)] for index in indices if self.records),
            source_count=None,
        )

    def in_order(self, channel_order: str) -> Self:
        """Return the set with its channels in `channel_order`, "rgb" or "bgr".

        Sets of another number of channels than three are returned as they are.
        """
        if channel_order == self.channel_order or self.shape.c != 3 or channel_order == "gray":
            return self
        flipped = np.ascontiguousarray(self.images[..., ::-1])
        return attrs.evolve(self, images=flipped, channel_order=channel_order)

    def check_labels(self, classes: int) -> Labels:
        """Return the labels, each of 0 to `classes` - 1.

        Raises UsageError if there are none, FileFormatError that names the first image whose label
        is outside.
        """
        if self.labels is None:
            raise UsageError(
                f"{self.name}: expected images with labels, found none; give them with a labels "
                "file, class folders, or a number at the end of each file's name"
            )
        wrong = np.flatnonzero((self.labels < 0) | (self.labels >= classes))
        if len(wrong):
            first = int(wrong[0])
            raise FileFormatError(
                f"{self.name}: {self.record(first)}: expected a label from 0 to {classes - 1}, "
                f"found {self.labels[first]}; correct the label or the number of outputs"
            )
        return self.labels
