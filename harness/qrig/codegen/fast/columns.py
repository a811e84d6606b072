"""A convolution by columns: two channels and three pixels at a time, weights widened off line.

Any kernel, stride and padding; the sums are those of the plain convolution, so nothing has to be
proven. See firmware/kernels/qrig_columns.h for the orders.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.codegen.fast.sliding import SLACK_WORDS
from qrig.fixedpoint.quantized import QuantizedConvolution

PIXELS = 3
"""Pixels of a block."""

_TRIP_WORDS = 8
_MAX_UNROLLED_WORDS = 40
_MAX_WORDS = 4096


@frozen(eq=False)
class ColumnConvolution:
    """A convolution and how its columns lie; `relu` clips its outputs at zero."""

    layer: QuantizedConvolution = field(repr=False)
    relu: bool
    truncate: bool = False

    @property
    def in_fours(self) -> bool:
        """Whether channels come in aligned words of four."""
        return self.layer.in_shape.c % 4 == 0

    @property
    def is_pointwise(self) -> bool:
        """Whether a window is one pixel, and neighbours in memory are neighbours in the output."""
        layer = self.layer
        pairs = (layer.kernel, layer.stride)
        no_pad = layer.pad.x == 0 and layer.pad.y == 0
        return self.in_fours and no_pad and all(pair.x == pair.y == 1 for pair in pairs)

    @property
    def row_values(self) -> int:
        """Values of one row of the kernel."""
        return self.layer.kernel.x * self.layer.in_shape.c

    @property
    def used_words(self) -> int:
        """Words of a column that hold values."""
        return self.layer.kernel.y * -(-self.row_values // 2)

    @property
    def words(self) -> int:
        """Words of a column, as the kernel reads them: whole trips of its loop."""
        used = self.used_words
        if used <= _MAX_UNROLLED_WORDS:
            return used
        return -(-used // _TRIP_WORDS) * _TRIP_WORDS

    @property
    def trip_words(self) -> int:
        """Words of a column that one trip of the kernel's loop takes; all if it does not loop."""
        if self.words <= _MAX_UNROLLED_WORDS:
            return self.words
        return max(
            count * _TRIP_WORDS
            for count in range(1, _MAX_UNROLLED_WORDS // _TRIP_WORDS + 1)
            if self.words % (count * _TRIP_WORDS) == 0
        )

    @property
    def column_words(self) -> int:
        """Words of the columns of a block in RAM."""
        return PIXELS * self.words + SLACK_WORDS

    @property
    def weight_words(self) -> int:
        """Words of all weights with their starts."""
        return (self.words + 1) * self.layer.out_shape.c

    @property
    def pixels(self) -> int:
        """Output pixels."""
        return self.layer.out_shape.h * self.layer.out_shape.w

    def packed_weights(self) -> npt.NDArray[np.uint32]:
        """Return, for every two channels, their starts and then the words of both, interleaved."""
        layer = self.layer
        out = layer.out_shape.c
        rows = layer.weights.astype(np.int64).reshape(out, layer.kernel.y, self.row_values)
        padded = np.zeros((out, layer.kernel.y, self.row_values + self.row_values % 2), np.int64)
        padded[..., : self.row_values] = rows
        if self.in_fours:
            fours = padded.reshape(out, -1, 4)
            lanes = np.stack([fours[..., (0, 2)], fours[..., (1, 3)]], axis=2).reshape(out, -1, 2)
        else:
            lanes = padded.reshape(out, -1, 2)
        words = np.zeros((out, self.words), np.int64)
        words[:, : self.used_words] = (lanes[..., 0] & 0xFFFF) | (lanes[..., 1] & 0xFFFF) << 16
        rounding = 0 if self.truncate else (1 << layer.output_shift) >> 1
        starts = ((layer.bias.astype(np.int64) << layer.bias_shift) + rounding) & 0xFFFFFFFF
        both = np.concatenate([starts[:, None], words], axis=1).reshape(out // 2, 2, -1)
        return both.transpose(0, 2, 1).ravel().astype(np.uint32)


def column_problem(layer: QuantizedConvolution) -> str | None:
    """Return why `layer` cannot be computed by columns, None if it can."""
    if layer.out_shape.c % 2:
        return "the number of output channels is odd"
    if layer.output_shift > 31:
        return f"the output shift is {layer.output_shift}"
    words = ColumnConvolution(layer, relu=False).words
    if words > _MAX_WORDS:
        return f"a window of {words:,} words is too large"
    return None
