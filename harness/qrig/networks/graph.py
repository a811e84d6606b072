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


ONE = Pair(1, 1)
"""No stride, no dilation."""


@frozen(eq=False)
class Input:
    """What the network is fed with.

    `mean` is what is subtracted from the pixels: shape (c,), or (h, w, c) for a mean image, or
    None; `scale` multiplies the difference; `channel_order` is "rgb", "bgr" or "gray". `batch` is
    how many images the definition takes at once when it tests: it changes no result, but is part of
    a `.network` file.
    """

    name: str
    shape: Shape
    channel_order: str = "rgb"
    mean: FloatArray | None = None
    scale: float = 1.0
    batch: int = 1


@frozen(eq=False)
class Layer:
    """One layer: its name, the names of the tensors it reads, the shapes it reads and makes.

    `in_shape` is the shape of the first tensor it reads. `source` says where the layer was read,
    as "file:line" or "" if nobody knows.
    """

    type: ClassVar[str] = "layer"

    name: str
    inputs: tuple[str, ...]
    in_shape: Shape
    out_shape: Shape
    source: str = field(default="", kw_only=True, repr=False)

    @property
    def where(self) -> str:
        """The layer's place and name, as a sentence about it begins."""
        return f"{self.source}: layer {self.name!r}" if self.source else f"layer {self.name!r}"


@frozen(eq=False)
class Convolution(Layer):
    """A convolution; weights (out, ky, kx, in / groups), bias (out,).

    Taps are `dilation` apart. Output channel o of `groups` reads the input channels of its group
    alone, groups in order.
    """

    type: ClassVar[str] = "convolution"

    kernel: Pair
    stride: Pair
    pad: Pair
    weights: FloatArray = field(repr=False)
    bias: FloatArray = field(repr=False)
    dilation: Pair = ONE
    groups: int = 1


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
    """A pooling over windows clipped to the image; `method` is "max" or "average".

    With `counts_padding` an average divides by the window clipped to the padded image, as Caffe
    does: padding counts as zeros.
    """

    type: ClassVar[str] = "pooling"

    method: str
    kernel: Pair
    stride: Pair
    pad: Pair
    counts_padding: bool = False


@frozen(eq=False)
class ReLU(Layer):
    """`max(0, x) + negative_slope * min(0, x)`."""

    type: ClassVar[str] = "relu"

    negative_slope: float = 0.0


@frozen(eq=False)
class Sigmoid(Layer):
    """`1 / (1 + exp(-x))`."""

    type: ClassVar[str] = "sigmoid"


@frozen(eq=False)
class TanH(Layer):
    """The hyperbolic tangent."""

    type: ClassVar[str] = "tanh"


@frozen(eq=False)
class LocalResponseNormalization(Layer):
    """Caffe's LRN: `x / (k + alpha / n * sum of squares) ^ beta`.

    The sum is over `size` neighbouring channels and n = size, or, `within_channel`, over a window
    of size x size and n = size * size.
    """

    type: ClassVar[str] = "lrn"

    size: int
    alpha: float
    beta: float
    k: float
    within_channel: bool = False


@frozen(eq=False)
class BatchNorm(Layer):
    """`(x - mean) / sqrt(variance + eps)` by channel; mean and variance (c,)."""

    type: ClassVar[str] = "batchnorm"

    mean: FloatArray = field(repr=False)
    variance: FloatArray = field(repr=False)
    eps: float


@frozen(eq=False)
class Scale(Layer):
    """`x * weights + bias` by channel; both (c,)."""

    type: ClassVar[str] = "scale"

    weights: FloatArray = field(repr=False)
    bias: FloatArray = field(repr=False)


@frozen(eq=False)
class Concat(Layer):
    """The channels of several tensors of equal height and width, one behind the other."""

    type: ClassVar[str] = "concat"

    in_shapes: tuple[Shape, ...]


@frozen(eq=False)
class Eltwise(Layer):
    """Several tensors of one shape, element by element; `operation` is "sum", "product" or "max".

    `coefficients` multiply the tensors of a sum, one for each.
    """

    type: ClassVar[str] = "eltwise"

    operation: str
    in_shapes: tuple[Shape, ...]
    coefficients: tuple[float, ...] = ()


@frozen(eq=False)
class Flatten(Layer):
    """The values as one vector (1, 1, h * w * c), in the order of files: channel, row, column."""

    type: ClassVar[str] = "flatten"


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
