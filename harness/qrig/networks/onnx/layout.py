"""Where the values of an ONNX tensor lie in the graph's tensor.

ONNX tensors have axes in any order, transposed and reshaped at will; the graph's tensors are rows,
columns, channels. An `Activation` says what each axis of the ONNX tensor runs over: letters of
n (batch), h, w, c, the slowest first. (n)(c)(h)(w) is what PyTorch makes, (n)(h)(w)(c) what Keras
makes, (n)(chw) the first flattened. Transposing and reshaping move letters and compute nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from attrs import field, frozen

from qrig.networks.graph import Shape
from qrig.networks.onnx.tensors import Array

Axis = tuple[str, ...]
"""The letters one axis runs over, the slowest first; empty for an axis of size 1."""

MAP: tuple[str, ...] = ("n", "c", "h", "w")
"""The order of axes ONNX's spatial operators take."""

NO_PADDING = (0, 0, 0, 0)


@frozen(eq=False)
class Activation:
    """A computed ONNX tensor: the values of the graph's tensor `name`, along `axes`.

    `sizes` are those of the letters. `channels` are the letters that the graph's channels run over:
    c alone, or all of them in the order of a Flatten layer. `padding` are rows of zeros (top, left,
    bottom, right) that a Pad node puts around the tensor and a later node takes in.
    """

    name: str
    shape: Shape
    axes: tuple[Axis, ...]
    sizes: Mapping[str, int] = field(repr=False)
    channels: Axis = ("c",)
    padding: tuple[int, int, int, int] = NO_PADDING

    @property
    def dims(self) -> tuple[int, ...]:
        """The ONNX tensor's shape."""
        return tuple(math.prod(self.extent(letter) for letter in axis) for axis in self.axes)

    @property
    def storage(self) -> Axis:
        """The letters in the order of the graph tensor's values in memory."""
        return ("h", "w", "c") if self.channels == ("c",) else self.channels

    def extent(self, letter: str) -> int:
        """Return the size of a letter, with the padding around it."""
        top, left, bottom, right = self.padding
        return self.sizes[letter] + {"h": top + bottom, "w": left + right}.get(letter, 0)

    def letters(self, *wanted: str) -> Axis:
        """Return those of `wanted` that are not of size 1: the axis they make."""
        return tuple(letter for letter in wanted if self.extent(letter) > 1)

    def is_along(self, *wanted: str) -> bool:
        """Return whether the axes are these single letters of a map, in this order."""
        axes = tuple(self.letters(letter) for letter in wanted)
        return self.axes == axes and self.channels == ("c",)

    def renamed(self, name: str) -> Activation:
        """Return the same axes over another tensor of the graph."""
        return attrs.evolve(self, name=name)

    def described(self) -> str:
        """Return the axes as a message shows them."""
        names = {"n": "batch", "c": "channels", "h": "rows", "w": "columns"}
        parts = [
            " x ".join(names[letter] for letter in axis) if axis else "1" for axis in self.axes
        ]
        return f"({', '.join(parts)}) of shape {'x'.join(map(str, self.dims)) or 'a number'}"


def activation(name: str, shape: Shape, batch: int, axes: Sequence[Axis]) -> Activation:
    """Return an activation of a map with the given letters on its axes."""
    sizes = {"n": batch, "h": shape.h, "w": shape.w, "c": shape.c}
    kept = tuple(tuple(letter for letter in axis if sizes[letter] > 1) for axis in axes)
    return Activation(name, shape, kept, sizes)


def transposed(value: Activation, order: Sequence[int]) -> Activation:
    """Return the activation with its axes in another order."""
    return attrs.evolve(value, axes=tuple(value.axes[axis] for axis in order))


def reshaped(value: Activation, dims: Sequence[int]) -> Activation | None:
    """Return the activation with axes of other sizes, None if they would cut a letter apart."""
    letters = [letter for axis in value.axes for letter in axis]
    axes: list[Axis] = []
    position = 0
    for dim in dims:
        size, start = 1, position
        while size < dim and position < len(letters):
            size *= value.extent(letters[position])
            position += 1
        if size != dim:
            return None
        axes.append(tuple(letters[start:position]))
    return attrs.evolve(value, axes=tuple(axes)) if position == len(letters) else None


def in_storage_order(value: Activation, array: Array, axis: Axis) -> Array:
    """Return `array` with its first axis, which runs over the letters of `axis`, in storage order.

    All letters of the activation but n must be in `axis`.
    """
    if not axis:
        return array
    sizes = [value.sizes[letter] for letter in axis]
    order = [axis.index(letter) for letter in value.storage if letter in axis]
    split = array.reshape(*sizes, *array.shape[1:])
    rest = range(len(sizes), split.ndim)
    return np.ascontiguousarray(split.transpose(*order, *rest)).reshape(array.shape)


def over_channels(value: Activation, array: Array, axes: Sequence[Axis]) -> Array | None:
    """Return `array`, one axis for each of `axes`, as one value for each channel of the graph.

    None if it differs along something else than channels.
    """
    letters = [letter for axis in axes for letter in axis]
    if not set(letters) <= set(value.channels):
        return None
    split = array.reshape([value.sizes[letter] for letter in letters])
    order = [letters.index(letter) for letter in value.channels if letter in letters]
    shape = [value.sizes[letter] if letter in letters else 1 for letter in value.channels]
    full = [value.sizes[letter] for letter in value.channels]
    return np.broadcast_to(split.transpose(order).reshape(shape), full).reshape(-1)
