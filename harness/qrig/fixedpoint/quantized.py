"""The quantised network: integer weights, shifts and formats of every layer.

A layer computes `sat8(((bias << bias_shift) + sum(x * w) + round) >> output_shift)`; the input is
quantised as `sat8(((pixel - mean) * multiplier + round) >> shift)`. Layers are in an order in which
they can be computed; a layer reads the input's tensor or those of layers before it, and any tensor
may have several readers.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.networks.graph import Pair, Shape

Int8Array = npt.NDArray[np.int8]
Int16Array = npt.NDArray[np.int16]

UNIT_FRACTION_BITS = 7
"""Of tensors whose values lie between -1 and 1: outputs of softmax, sigmoid and tanh."""

MAX_INT_WIDTH = 3
"""Integer bits that the tables of sigmoid and tanh cover."""

MAX_ELTWISE_SUM = 1 << 30
"""The largest magnitude of a sum of tensors that leaves room for rounding in 32 bits."""


@frozen(eq=False)
class QuantizedInput:
    """How pixels become the first tensor.

    `mean` is int16 of shape (c,) or (h, w, c), rounded as ARM rounds it; `multiplier` and `shift`
    stand for `scale * 2^fraction_bits`.
    """

    type: ClassVar[str] = "data"

    name: str
    shape: Shape
    channel_order: str
    mean: Int16Array = field(repr=False)
    multiplier: int
    shift: int
    fraction_bits: int

    @property
    def out_shape(self) -> Shape:
        """The shape of the quantised input tensor."""
        return self.shape


@frozen(eq=False)
class QuantizedLayer:
    """One layer: its name, the tensors it reads, its shapes and its output format."""

    type: ClassVar[str] = "layer"

    name: str
    inputs: tuple[str, ...]
    in_shape: Shape
    out_shape: Shape
    fraction_bits: int

    @property
    def mac(self) -> int:
        """Multiply-accumulates of one inference, padding included (as published tables count)."""
        return 0


@frozen(eq=False)
class QuantizedConvolution(QuantizedLayer):
    """A convolution; int8 weights (out, ky, kx, in), int8 bias (out,)."""

    type: ClassVar[str] = "convolution"

    kernel: Pair
    stride: Pair
    pad: Pair
    weights: Int8Array = field(repr=False)
    bias: Int8Array = field(repr=False)
    bias_shift: int
    output_shift: int

    @property
    def mac(self) -> int:
        """Multiply-accumulates: outputs x kernel x input channels."""
        return self.out_shape.size * self.kernel.y * self.kernel.x * self.in_shape.c


@frozen(eq=False)
class QuantizedDepthwiseConvolution(QuantizedLayer):
    """A convolution of every channel by itself; int8 weights (ky, kx, channel), int8 bias."""

    type: ClassVar[str] = "depthwise"

    kernel: Pair
    stride: Pair
    pad: Pair
    weights: Int8Array = field(repr=False)
    bias: Int8Array = field(repr=False)
    bias_shift: int
    output_shift: int

    @property
    def mac(self) -> int:
        """Multiply-accumulates: outputs x kernel."""
        return self.out_shape.size * self.kernel.y * self.kernel.x


@frozen(eq=False)
class QuantizedPooling(QuantizedLayer):
    """A pooling; `method` is "max" or "average"."""

    type: ClassVar[str] = "pooling"

    method: str
    kernel: Pair
    stride: Pair
    pad: Pair


@frozen(eq=False)
class QuantizedReLU(QuantizedLayer):
    """Negative values become zero."""

    type: ClassVar[str] = "relu"


@frozen(eq=False)
class QuantizedInnerProduct(QuantizedLayer):
    """A fully connected layer; int8 weights (out, in) with columns in HWC order, int8 bias."""

    type: ClassVar[str] = "innerproduct"

    weights: Int8Array = field(repr=False)
    bias: Int8Array = field(repr=False)
    bias_shift: int
    output_shift: int

    @property
    def mac(self) -> int:
        """Multiply-accumulates: inputs x outputs."""
        return int(self.weights.size)


@frozen(eq=False)
class QuantizedSoftmax(QuantizedLayer):
    """The base-2 softmax of CMSIS-NN; outputs in Q0.7."""

    type: ClassVar[str] = "softmax"


@frozen(eq=False)
class QuantizedSigmoid(QuantizedLayer):
    """The logistic function by CMSIS-NN's table; outputs in Q0.7.

    `int_width`, 0 to MAX_INT_WIDTH, is the number of integer bits of its input.
    """

    type: ClassVar[str] = "sigmoid"

    int_width: int


@frozen(eq=False)
class QuantizedTanH(QuantizedLayer):
    """The hyperbolic tangent by CMSIS-NN's table; outputs in Q0.7, `int_width` as in a sigmoid."""

    type: ClassVar[str] = "tanh"

    int_width: int


@frozen(eq=False)
class QuantizedConcat(QuantizedLayer):
    """The channels of several tensors of equal height and width, one behind the other.

    The values of input i become `(x + round) >> input_shifts[i]`; 0 copies them.
    """

    type: ClassVar[str] = "concat"

    in_shapes: tuple[Shape, ...]
    input_shifts: tuple[int, ...]


@frozen(eq=False)
class QuantizedEltwiseSum(QuantizedLayer):
    """The sum of tensors of one shape, element by element.

    It is `sat8((sum(x_i << input_shifts[i]) + round) >> output_shift)`: left shifts give all inputs
    the format of the one with the most fractional bits. The sum has 32 bits:
    `sum(128 << input_shifts[i])` is at most MAX_ELTWISE_SUM.
    """

    type: ClassVar[str] = "eltwise"

    in_shapes: tuple[Shape, ...]
    input_shifts: tuple[int, ...]
    output_shift: int


@frozen(eq=False)
class QuantizedNetwork:
    """A network in fixed point: its input and its layers in the order they are computed."""

    name: str
    input: QuantizedInput
    layers: tuple[QuantizedLayer, ...]

    @property
    def stages(self) -> tuple[QuantizedInput | QuantizedLayer, ...]:
        """The input and all layers: everything that makes a tensor."""
        return (self.input, *self.layers)

    @property
    def mac(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.mac for layer in self.layers)

    @property
    def logits_stage(self) -> int:
        """The index in `stages` whose tensor is the logits: what a softmax at the end reads."""
        last = len(self.stages) - 1
        if self.stages[last].type != "softmax":
            return last
        (logits,) = self.layers[-1].inputs
        return [stage.name for stage in self.stages].index(logits)
