"""Padding: what ONNX's attributes say, and as the graph has it, alike on both sides.

A convolution that pads more at the end than at the front equals one with the larger padding on both
sides and zeros in front of its kernel, which move its taps away from the added rows. That is exact;
it costs the multiplications by these zeros.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen

from qrig.networks.onnx.layout import Activation
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.tensors import Array
from qrig.networks.onnx.text import short

_AUTOMATIC = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
_MAX_PADDING = 65_535


@frozen
class Side:
    """A window along one axis: `reach` is that from its first to its last tap, dilated."""

    size: int
    reach: int
    stride: int
    before: int
    after: int
    ceil: bool = False

    def outputs(self) -> int:
        """Return how many windows there are; `ceil` lets the last one overhang the padding.

        It must not start behind the image and the padding in front of it, as in PyTorch.
        """
        span = self.size + self.before + self.after - self.reach
        count = (-(-span // self.stride) if self.ceil else span // self.stride) + 1
        if self.ceil and (count - 1) * self.stride >= self.size + self.before:
            count -= 1
        return count


def sides_of(
    node: Node, value: Activation, reach: tuple[int, int], stride: tuple[int, int], rank: int
) -> tuple[Side, Side]:
    """Return the windows along y and x of a spatial node with a kernel of that reach.

    Padding in front of the node (`value.padding`) is part of the image for automatic padding.
    Raises FileFormatError for attributes that cannot be and windows larger than the image.
    """
    automatic = node.text("auto_pad", "NOTSET")
    ceil = node.op != "Conv" and node.integer("ceil_mode", 0) != 0
    given = node.integers("pads") or (0,) * (2 * rank)
    if automatic not in _AUTOMATIC:
        raise node.fail(f"auto_pad of {', '.join(_AUTOMATIC)}", short(automatic))
    if len(given) != 2 * rank or not all(0 <= pad <= _MAX_PADDING for pad in given):
        raise node.fail(f"{2 * rank} pads of 0 to {_MAX_PADDING}", short(given))
    if rank == 1:
        given = (0, given[0], 0, given[1])
    top, left, bottom, right = value.padding
    around = ((top, bottom), (left, right))
    found = []
    for axis, letter in enumerate("hw"):
        size = value.sizes[letter]
        before, after = (
            (given[axis], given[axis + 2])
            if automatic == "NOTSET"
            else _automatic(automatic, size + sum(around[axis]), reach[axis], stride[axis])
        )
        side = Side(
            size, reach[axis], stride[axis], before + around[axis][0], after + around[axis][1], ceil
        )
        if side.outputs() < 1:
            raise node.fail(
                f"a kernel within the padded input {value.shape}",
                f"one that reaches over {tuple(reach)}",
            )
        found.append(side)
    return found[0], found[1]


def _automatic(kind: str, size: int, reach: int, stride: int) -> tuple[int, int]:
    if kind == "VALID":
        return 0, 0
    total = max(0, (-(-size // stride) - 1) * stride + reach - size)
    small, large = total // 2, total - total // 2
    return (small, large) if kind == "SAME_UPPER" else (large, small)


def symmetric(side: Side, dilation: int) -> tuple[int, int, int]:
    """Return (padding, zeros in front of the kernel, zeros behind it) with the same outputs.

    The fewest zeros, multiples of `dilation` where that is possible.
    """
    outputs = side.outputs()
    found: list[tuple[int, int, int, int]] = []
    for padding in range(side.before, max(side.before, side.after) + 1):
        front = padding - side.before
        # Zeros behind may only take away windows that there would be too many.
        room = side.size + 2 * padding - side.reach - front - (outputs - 1) * side.stride
        behind = max(0, room - side.stride + 1)
        if room >= 0:
            whole = -(-behind // dilation) * dilation
            behind = whole if whole <= room else behind
            fits = front % dilation == 0 and behind % dilation == 0
            found.append((0 if fits else 1, front + behind, padding, front))
    _, zeros, padding, front = min(found)
    return padding, front, zeros - front


def widened(weights: Array, axis: int, dilation: int, front: int, behind: int) -> tuple[Array, int]:
    """Return weights with zeros around their taps along `axis`, and the dilation they then have."""
    if front % dilation or behind % dilation:
        shape = list(weights.shape)
        shape[axis] = (shape[axis] - 1) * dilation + 1
        spread = np.zeros(shape, weights.dtype)
        np.moveaxis(spread, axis, 0)[::dilation] = np.moveaxis(weights, axis, 0)
        weights, dilation = spread, 1
    pads = [(0, 0)] * weights.ndim
    pads[axis] = (front // dilation, behind // dilation)
    return np.pad(weights, pads), dilation
