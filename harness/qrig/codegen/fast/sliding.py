"""A convolution computed by row kernels on transformed data: its shapes, its weights, its proof.

Along x outputs come in tiles of a Cook-Toom filter (toom.py); along y a block of rows slides over
columns of data words (windows.py). What a deployment keeps is in `SlidingConvolution`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.codegen.fast.assembly import words_ahead
from qrig.codegen.fast.toom import MAX_POINTS, Filter, make_filter
from qrig.codegen.fast.windows import (
    MAX_ROWS_AND_TAPS,
    MAX_TAPS_AT_ONCE,
    RowKernel,
    data_words,
    weight_words,
)
from qrig.fixedpoint.quantized import QuantizedConvolution
from qrig.networks.graph import Shape

MAX_WIDTH = 1024
"""Pixels of a row, at most: a padded row lies on the stack, in words."""

SLACK_WORDS = 16
"""Readable words behind weights, at least: kernels load and copy ahead."""

MAX_KERNEL_HEIGHT = 200
MAX_HEIGHT_AND_TAPS = 1000
"""Heights of kernel and map whose row kernels keep to the offsets of their instructions."""

Q15_MAX = 32767
_SUM_LIMIT = 1 << 31
_MAX_SHIFT = 31
_CALL_COST = 30
_ROW_COST = 40


@frozen
class Block:
    """`count` equal blocks of rows below each other, the first at output row `first_row`."""

    first_row: int
    count: int
    kernel: RowKernel

    @property
    def data_row(self) -> int:
        """The image row the data pointer of the first block is at."""
        return max(0, self.kernel.start)


@frozen(eq=False)
class SlidingConvolution:
    """A convolution as tiles and blocks.

    `passes` is into how many parts the tiles are divided: only one part's data is in RAM at a time.
    """

    layer: QuantizedConvolution = field(repr=False)
    filter: Filter
    rows: int
    passes: int
    truncate: bool = False

    @property
    def pairs(self) -> int:
        """Channel pairs of the input."""
        return self.layer.in_shape.c // 2

    @property
    def odd(self) -> bool:
        """Whether a channel is left over."""
        return self.layer.in_shape.c % 2 == 1

    @property
    def tiles(self) -> int:
        """Tiles in a row of outputs."""
        return -(-self.layer.out_shape.w // self.filter.output_count)

    @property
    def tiles_per_pass(self) -> int:
        """Tiles whose data is in RAM together."""
        return -(-self.tiles // self.passes)

    @property
    def point_words(self) -> int:
        """Data words of one point of a tile."""
        return data_words(self.layer.in_shape.h, self.pairs, self.odd)

    @property
    def tile_words(self) -> int:
        """Data words of a tile."""
        return self.filter.points * self.point_words

    @property
    def data_words(self) -> int:
        """Data words in RAM."""
        return self.tiles_per_pass * self.tile_words

    @property
    def data_words_ahead(self) -> int:
        """Words behind the data that kernels read and do not use."""
        return max(
            block.data_row + (block.count - 1) * block.kernel.rows + words_ahead(block.kernel)[0]
            for block in self.blocks()
        )

    @property
    def slack_words(self) -> int:
        """Readable words behind the weights."""
        return max(SLACK_WORDS, *(words_ahead(block.kernel)[1] for block in self.blocks()))

    @property
    def channel_words(self) -> int:
        """Weight words of one output channel."""
        return self.filter.points * weight_words(self.layer.kernel.y, self.pairs, self.odd)

    @property
    def row_words(self) -> int:
        """Words of one padded row of the image: whatever a tile reads, and the image itself."""
        reach = (self.tiles - 1) * self.filter.output_count + self.filter.points
        width = self.layer.pad.x + -(-self.layer.in_shape.w // 4) * 4
        return max(reach, width)

    @property
    def pitch(self) -> int:
        """Bytes from row to row of an output plane."""
        return -(-self.tiles * self.filter.output_count // 4) * 4

    @property
    def plane_bytes(self) -> int:
        """Bytes of an output plane."""
        return self.layer.out_shape.h * self.pitch

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """What the sum of each output channel starts from: bias and rounding."""
        rounding = 0 if self.truncate else (1 << self.layer.output_shift) >> 1
        return (self.layer.bias.astype(np.int64) << self.layer.bias_shift) + rounding

    def blocks(self) -> tuple[Block, ...]:
        """Return the blocks of rows from top to bottom."""
        found: list[Block] = []
        layer = self.layer
        for first in range(0, layer.out_shape.h, self.rows):
            kernel = RowKernel(
                rows=min(self.rows, layer.out_shape.h - first),
                taps=layer.kernel.y,
                start=first - layer.pad.y,
                height=layer.in_shape.h,
                pairs=self.pairs,
                odd=self.odd,
                points=self.filter.points,
            )
            if found and found[-1].kernel.key == kernel.key:
                last = found[-1]
                found[-1] = Block(last.first_row, last.count + 1, last.kernel)
            else:
                found.append(Block(first, 1, kernel))
        return tuple(found)

    def packed_weights(self) -> npt.NDArray[np.uint32]:
        """Return U, (out channels, channel_words): both lanes of every word are int16."""
        layer = self.layer
        transformed = transformed_weights(layer, self.filter)
        out, taps, channels, points = transformed.shape
        parts = []
        if self.pairs:
            both = transformed[:, :, : 2 * self.pairs].reshape(out, taps, self.pairs, 2, points)
            parts.append(both.transpose(0, 4, 2, 1, 3).reshape(out, points, -1, 2))
        if self.odd:
            padded = np.zeros((out, taps + taps % 2, points), dtype=np.int64)
            padded[:, :taps] = transformed[:, :, channels - 1]
            vertical = padded.reshape(out, -1, 2, points)
            parts.append(vertical.transpose(0, 3, 1, 2))
        lanes = np.concatenate(parts, axis=2).reshape(out, self.channel_words, 2)
        low, high = lanes[..., 0] & 0xFFFF, lanes[..., 1] & 0xFFFF
        return (low | high << 16).astype(np.uint32)


def transformed_weights(layer: QuantizedConvolution, filter_: Filter) -> npt.NDArray[np.int64]:
    """Return the weights of `layer` transformed along x: (out, ky, in, points)."""
    return filter_.transform_weights(layer.weights.transpose(0, 1, 3, 2).astype(np.int64))


def prove_exact(convolution: SlidingConvolution, low: int, high: int) -> str | None:
    """Return why `convolution` is not exact for inputs between `low` and `high`, None if it is.

    Exact means: transformed weights (the actual ones) and data fit 16 bits, no sum of the plain
    convolution leaves 32 bits, and no multiplied sum that is rounded and shifted does.
    """
    layer, filter_ = convolution.layer, convolution.filter
    if filter_.weight_bound > Q15_MAX:
        largest = int(np.abs(transformed_weights(layer, filter_)).max(initial=0))
        if largest > Q15_MAX:
            return f"transformed weights reach {largest}, over 16 bits"
    data = filter_.data_bound(low, high)
    if data > Q15_MAX:
        return f"transformed data can reach {data}, over 16 bits"
    shift = max(filter_.shifts)
    if shift + layer.output_shift > _MAX_SHIFT:
        return f"the output shift {layer.output_shift} leaves no room for {shift} more bits"
    weights = layer.weights.astype(np.int64).reshape(layer.out_shape.c, -1)
    positive, negative = np.clip(weights, 0, None).sum(1), np.clip(weights, None, 0).sum(1)
    most = convolution.starts + positive * high + negative * low
    least = convolution.starts + positive * low + negative * high
    reach = int(max(np.abs(most).max(), np.abs(least).max())) << shift
    if reach >= _SUM_LIMIT:
        return f"sums can reach 2^{reach.bit_length() - 1} with {shift} bits of scale, over 32 bits"
    return None


def make_sliding(
    layer: QuantizedConvolution,
    output_count: int,
    *,
    positive: bool,
    passes: int = 1,
    truncate: bool = False,
) -> SlidingConvolution | str:
    """Return `layer` by F(output_count, kernel width), or why that cannot be done exactly.

    `positive` says that no input is below zero.
    """
    if layer.stride.x != 1 or layer.stride.y != 1:
        return "the stride is not 1"
    if layer.pad.x >= layer.kernel.x or layer.pad.y >= layer.kernel.y:
        return "the padding is not smaller than the kernel"
    if (
        layer.kernel.y > MAX_KERNEL_HEIGHT
        or layer.in_shape.h + layer.kernel.y > MAX_HEIGHT_AND_TAPS
    ):
        return f"a kernel {layer.kernel.y} high on a map {layer.in_shape.h} high is too tall"
    if layer.in_shape.w > MAX_WIDTH:
        return f"a row of {layer.in_shape.w} pixels is too wide"
    points = output_count + layer.kernel.x - 1
    if output_count < 1:
        return f"a filter with {output_count} outputs is none"
    if points > MAX_POINTS or (points > 1 and points % 2):
        return f"a filter with {points} points is not offered"
    reason: str | None = None
    for scaled in (True, False):
        filter_ = make_filter(output_count, layer.kernel.x, scaled=scaled)
        rows = best_rows(layer, points)
        found = SlidingConvolution(layer, filter_, rows, passes, truncate)
        reason = prove_exact(found, 0 if positive else -128, 127)
        if reason is None:
            return found
    return str(reason)


def best_rows(layer: QuantizedConvolution, points: int) -> int:
    """Return the rows of a block that cost least, by a count of a block's instructions."""
    return _best_rows(
        _Column(layer.in_shape, layer.out_shape.h, layer.kernel.y, layer.pad.y), points
    )


@frozen
class _Column:
    """What the blocks of a column depend on."""

    source: Shape
    height: int
    taps: int
    pad: int


@cache
def _best_rows(column: _Column, points: int) -> int:
    at_once = min(column.taps, MAX_TAPS_AT_ONCE)
    options = range(1, min(8, MAX_ROWS_AND_TAPS - at_once, column.height) + 1)
    return min(options, key=lambda rows: (_cost(column, points, rows), -rows))


def _cost(column: _Column, points: int, rows: int) -> int:
    """Return about how many instructions a column of blocks takes."""
    total = 0
    known: dict[tuple[int, ...], int] = {}
    for first in range(0, column.height, rows):
        kernel = RowKernel(
            rows=min(rows, column.height - first),
            taps=column.taps,
            start=first - column.pad,
            height=column.source.h,
            pairs=column.source.c // 2,
            odd=column.source.c % 2 == 1,
            points=points,
        )
        if kernel.key not in known:
            known[kernel.key] = points * kernel.point_cost + _CALL_COST + _ROW_COST * kernel.rows
        total += known[kernel.key]
    return total
