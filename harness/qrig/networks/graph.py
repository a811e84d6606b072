"""The float network: typed layers with shapes and weights, all in HWC order.

Whatever file a network comes from, it arrives here. Tensors are (h, w, c), batch 1; the output of a
layer carries the layer's name, so an in-place layer of Caffe is a layer with a tensor of its own.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

FloatArray = npt.NDArray[np.float32]


class Shape(NamedTuple):
    """The shape of one tensor: rows, columns, channels."""

    h: int
    w: int
    c: int

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.h * self.w * self.c

    def __str__(self) -> str:
        """Write the shape as HxWxC."""
        return f"{self.h}x{self.w}x{self.c}"


class Pair(NamedTuple):
    """A vertical and a horizontal extent, as kernels, strides and paddings have them."""

    y: int
    x: int


@frozen(eq=False)
class Input:
    """What the network is fed with.

    `mean` is what is subtracted from the pixels: shape (c,), or (h, w, c) for a mean image, or
    None; `scale` multiplies the difference; `channel_order` is "rgb", "bgr" or "gray".
    """

    name: str
    shape: Shape
    channel_order: str = "rgb"
    mean: FloatArray | None = None
    scale: float = 1.0


@frozen(eq=False)
class Layer:
    """One layer: its name, the names of the tensors it reads, the shapes it reads and makes."""

    type: ClassVar[str] = "layer"

    name: str
    inputs: tuple[str, ...]
    in_shape: Shape
    out_shape: Shape


@frozen(eq=False)
class Convolution(Layer):
    """A convolution; weights (out, ky, kx, in), bias (out,)."""

    type: ClassVar[str] = "convolution"

    kernel: Pair
    stride: Pair
    pad: Pair
    weights: FloatArray = field(repr=False)
    bias: FloatArray = field(repr=False)


@frozen(eq=False)
class DepthwiseConvolution(Layer):
    """A convolution of every channel by itself; weights (ky, kx, channel), bias (channel,)."""

    type: ClassVar[str] = "depthwise"

    kernel: Pair
    stride: Pair
    pad: Pair
    weights: FloatArray = field(repr=False)
    bias: FloatArray = field(repr=False)


@frozen(eq=False)
class Pooling(Layer):
    """A pooling over windows clipped to the image; `method` is "max" or "average"."""

    type: ClassVar[str] = "pooling"

    method: str
    kernel: Pair
    stride: Pair
    pad: Pair


@frozen(eq=False)
class ReLU(Layer):
    """The larger of zero and the input."""

    type: ClassVar[str] = "relu"


@frozen(eq=False)
class InnerProduct(Layer):
    """A fully connected layer; weights (out, h * w * c) with columns in HWC order, bias (out,)."""

    type: ClassVar[str] = "innerproduct"

    weights: FloatArray = field(repr=False)
    bias: FloatArray = field(repr=False)


@frozen(eq=False)
class Softmax(Layer):
    """Normalised exponentials over the channels."""

    type: ClassVar[str] = "softmax"


@frozen(eq=False)
class Network:
    """A float network: an input and its layers in the order they are computed.

    `notices` are sentences a user should see: what a file asked for and qrig could not find.
    """

    name: str
    input: Input
    layers: tuple[Layer, ...]
    notices: tuple[str, ...] = ()

    @property
    def output(self) -> Layer:
        """The last layer."""
        return self.layers[-1]
