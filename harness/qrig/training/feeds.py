"""What a network is fed with: batches of images and labels, or of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from attrs import field, frozen
from torch import Tensor

from qrig.datasets.augment import Augmentation, augmented
from qrig.datasets.image_set import ImageSet
from qrig.datasets.transform import Transform
from qrig.errors import FileFormatError, UsageError
from qrig.training.order import Order
from qrig.training.randomness import stream


class Feed(Protocol):
    """The tops of one data layer, batch by batch."""

    @property
    def order(self) -> Order:
        """Which records are in which batch."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about the data that a user should see."""

    def sample(self) -> dict[str, Tensor]:
        """Return zeros in the shapes of a batch of one record, by top."""

    def batch(self, number: int) -> dict[str, Tensor]:
        """Return batch `number`, from 0, by top: images float32 (n, c, h, w), labels (n,)."""

    def check_labels(self, top: str, classes: int, ignored: int | None) -> None:
        """Raise FileFormatError that names the first record whose label is not below `classes`."""


@frozen(eq=False)
class ImageFeed:
    """Images through a transform, and their labels.

    `tops` are one blob for the images and, maybe, one for the labels; `phase` is "train" or "test";
    what is random depends on `seed` and the batch alone. `augmentation` varies the pixels before
    the transform, in training.
    """

    images: ImageSet = field(repr=False)
    tops: tuple[str, ...]
    order: Order
    transform: Transform
    phase: str
    seed: int
    augmentation: Augmentation | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about the images that a user should see."""
        return self.images.notices

    def sample(self) -> dict[str, Tensor]:
        """Return zeros in the shapes of a batch of one image."""
        h, w, c = self.transform.output_shape(self.images.shape)
        values = (torch.zeros(1, c, h, w), torch.zeros(1, dtype=torch.int64))
        return dict(zip(self.tops, values, strict=False))

    def batch(self, number: int) -> dict[str, Tensor]:
        """Return a batch; images are stored by rows, columns and channels (channels last)."""
        chosen = self.order.indices(number)
        pixels = self.images.images[chosen]
        random = stream(self.seed, f"images {self.phase}", number)
        if self.augmentation is not None:
            pixels = augmented(pixels, random, self.augmentation)
        values = self.transform.apply(pixels, phase=self.phase, rng=random)
        tensors = [torch.from_numpy(np.ascontiguousarray(values)).permute(0, 3, 1, 2)]
        if len(self.tops) > 1 and self.images.labels is not None:
            tensors.append(torch.from_numpy(self.images.labels[chosen]))
        return dict(zip(self.tops, tensors, strict=True))

    def check_labels(self, top: str, classes: int, ignored: int | None) -> None:
        """Raise FileFormatError that names the first image whose label is not below `classes`."""
        labels = self.images.labels
        if ignored is None or labels is None:
            self.images.check_labels(classes)
            return
        kept = np.flatnonzero(labels != ignored)
        if len(kept):
            self.images.take(kept).check_labels(classes)


@frozen(eq=False)
class ArrayFeed:
    """Arrays of numbers as they are (Caffe's HDF5Data), float32 (n, ...), by top."""

    name: str
    arrays: Mapping[str, Tensor] = field(repr=False)
    order: Order

    @property
    def notices(self) -> tuple[str, ...]:
        """No sentences."""
        return ()

    def sample(self) -> dict[str, Tensor]:
        """Return zeros in the shapes of a batch of one record."""
        return {top: torch.zeros(1, *array.shape[1:]) for top, array in self.arrays.items()}

    def batch(self, number: int) -> dict[str, Tensor]:
        """Return a batch."""
        chosen = torch.from_numpy(self.order.indices(number))
        return {top: array[chosen] for top, array in self.arrays.items()}

    def check_labels(self, top: str, classes: int, ignored: int | None) -> None:
        """Raise FileFormatError that names the first record whose label is not below `classes`."""
        labels = self.arrays[top]
        wrong = (labels < 0) | (labels >= classes) | (labels != labels.round())
        if ignored is not None:
            wrong &= labels != ignored
        if wrong.any():
            record = (
                int(wrong.flatten(1).any(1).nonzero()[0])
                if wrong.dim() > 1
                else int(wrong.nonzero()[0])
            )
            found = labels[record][wrong[record]].flatten()[0].item()
            raise FileFormatError(
                f"{self.name}: record {record} of {top!r}: expected a label from 0 to "
                f"{classes - 1}, found {found:g}; correct the label or the number of outputs"
            )


def check_order(where: str, batch_size: int, count: int) -> None:
    """Raise UsageError if a batch has no size or is absurdly larger than the data."""
    if not 1 <= batch_size <= max(1 << 16, count):
        raise UsageError(
            f"{where}: expected a batch_size of 1 to {max(1 << 16, count)}, found {batch_size}; "
            "correct the definition"
        )
