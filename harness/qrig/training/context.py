"""What a layer is built from, and what it becomes: an operation on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.training.parameters import Parameters, Wanted
from qrig.training.randomness import torch_stream

Extent = tuple[int, int]
"""Rows and columns."""


@frozen
class Moment:
    """When a batch passes: the seed and the number of the batch, from 0, in training.

    With `dry` nothing is remembered of it: statistics stay as they are.
    """

    seed: int
    batch: int
    dry: bool = False

    def random(self, layer: str) -> torch.Generator:
        """Return the stream `layer` draws from at this moment."""
        return torch_stream(self.seed, f"layer {layer}", self.batch)


Operation = Callable[[Sequence[Tensor], Moment], Sequence[Tensor]]
"""From a layer's bottoms to its tops; values are (n, c, h, w) or (n, c), as in Caffe."""


@frozen(eq=False)
class Context:
    """What a builder needs: where the layer stands, its message, the shapes it reads, its blobs.

    `shapes` are those of a batch; `testing` says that the phase is TEST.
    """

    where: str
    layer: Any
    shapes: tuple[tuple[int, ...], ...]
    parameters: Parameters
    testing: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first bottom."""
        return self.shapes[0]

    def fail(self, expected: str, found: str) -> FileFormatError:
        """Make the error for what the definition cannot say."""
        return FileFormatError(
            f"{self.where}: expected {expected}, found {found}; correct the definition"
        )

    def unsupported(self, what: str) -> UnsupportedNetworkError:
        """Make the error for what qrig cannot train."""
        return UnsupportedNetworkError(f"{self.where}: {what}, which qrig cannot train")

    def blobs(self, *wanted: Wanted) -> list[Tensor]:
        """Return the layer's blobs."""
        return self.parameters.blobs(self.layer, self.where, wanted)

    def images(self) -> tuple[int, int, int]:
        """Return (channels, rows, columns) of the first bottom; raises if it is no image."""
        if len(self.shape) != 4:
            raise self.fail("an input of channels, rows and columns", f"shape {self.shape[1:]}")
        return self.shape[1], self.shape[2], self.shape[3]

    def axis(self, axis: int, bottom: int = 0) -> int:
        """Return `axis` counted from the front; raises if the bottom has none such."""
        count = len(self.shapes[bottom])
        if not -count <= axis < count:
            raise self.fail(f"an axis of an input of {count} axes", str(axis))
        return axis % count


def one(compute: Callable[[Tensor], Tensor]) -> Operation:
    """Return the operation of a layer that makes one tensor from one."""
    return lambda bottoms, moment: (compute(bottoms[0]),)
