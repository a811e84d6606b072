"""The quantised network: integer weights, shifts and formats of every layer.

A layer computes `sat8(((bias << bias_shift) + sum(x * w) + round) >> output_shift)`; the input is
quantised as `sat8(((pixel - mean) * multiplier + round) >> shift)`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.networks.graph import Pair, Shape

Int8Array = npt.NDArray[np.int8]
Int16Array = npt.NDArray[np.int16]


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
        """The index in `stages` whose tensor is the logits: the last before a softmax."""
        last = len(self.stages) - 1
        return last - 1 if self.stages[last].type == "softmax" else last
