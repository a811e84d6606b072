"""One function per Caffe layer type: LayerParameter and blobs to a typed layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.graph import (
    Convolution,
    DepthwiseConvolution,
    FloatArray,
    InnerProduct,
    Pair,
    Pooling,
    ReLU,
    Shape,
    Softmax,
)
from qrig.networks.shapes import MAX_DIMENSION, checked, convolution_output, pooling_output


@frozen(eq=False)
class Context:
    """What a converter needs: where the layer stands, what it reads, and its blobs."""

    where: str
    layer: Any
    source: str
    shape: Shape
    blobs: list[FloatArray] | None
    weights_path: Path

    def fail(self, expected: str, found: str) -> FileFormatError:
        """Make the error for a parameter that cannot be."""
        return FileFormatError(
            f"{self.where}: expected {expected}, found {found}; correct the definition"
        )

    def unsupported(self, what: str) -> UnsupportedNetworkError:
        """Make the error for a parameter qrig cannot deploy."""
        return UnsupportedNetworkError(f"{self.where}: {what}, which qrig cannot deploy")

    def base(self, out_shape: Shape) -> dict[str, Any]:
        """Return the fields every layer has."""
        checked(out_shape, f"{self.where}: output")
        return {
            "name": self.layer.name,
            "inputs": (self.source,),
            "in_shape": self.shape,
            "out_shape": out_shape,
        }


def convolution(context: Context) -> Convolution | DepthwiseConvolution:
    """Convert a Convolution layer; weights become (out, ky, kx, in).

    With as many groups as input and output channels it is depthwise: Caffe's weights (channel, 1,
    ky, kx) become (ky, kx, channel). Other groups cannot be deployed.
    """
    param = context.layer.convolution_param
    kernel = _pair(context, param, "kernel_size", "kernel", None)
    stride = _pair(context, param, "stride", "stride", 1)
    pad = _pair(context, param, "pad", "pad", 0)
    channels, inputs = _outputs(context, param), context.shape.c
    _check_groups(context, param.group, channels)
    if any(dilation != 1 for dilation in param.dilation):
        raise context.unsupported(f"a convolution with dilation {list(param.dilation)}")
    _check_window(context, kernel, stride, pad)
    expected = (channels, inputs // param.group, kernel.y, kernel.x)
    weights, bias = _weights(context, expected, bias=param.bias_term)
    blob = weights.reshape(expected)
    depthwise = param.group != 1
    made = DepthwiseConvolution if depthwise else Convolution
    order = blob[:, 0].transpose(1, 2, 0) if depthwise else blob.transpose(0, 2, 3, 1)
    return made(
        **context.base(convolution_output(context.shape, kernel, stride, pad, channels)),
        kernel=kernel,
        stride=stride,
        pad=pad,
        weights=np.ascontiguousarray(order),
        bias=bias,
    )


def pooling(context: Context) -> Pooling:
    """Convert a Pooling layer (max or average, local or global).

    A padding with which the kernels would not compute what Caffe computes is refused.
    """
    param = context.layer.pooling_param
    if param.pool not in (0, 1):
        raise context.unsupported("a stochastic pooling")
    if param.global_pooling:
        kernel, stride, pad = Pair(context.shape.h, context.shape.w), Pair(1, 1), Pair(0, 0)
    else:
        kernel = _pair(context, param, "kernel_size", "kernel", None)
        stride = _pair(context, param, "stride", "stride", 1)
        pad = _pair(context, param, "pad", "pad", 0)
    _check_window(context, kernel, stride, pad)
    if pad.y >= kernel.y or pad.x >= kernel.x:
        raise context.fail("a padding smaller than the kernel", f"padding {pad}, kernel {kernel}")
    out = pooling_output(context.shape, kernel, stride, pad, ceil=param.round_mode == 0)
    for size, window in (
        (context.shape.h, (out.h - 1) * stride.y - pad.y),
        (context.shape.w, (out.w - 1) * stride.x - pad.x),
    ):
        if window >= size:
            raise context.unsupported("a pooling whose last window lies outside the image")
    method = "max" if param.pool == 0 else "average"
    _check_padding(context, method, stride, pad)
    if out.h > context.shape.h or out.w > context.shape.w:
        raise context.unsupported(f"a pooling that makes {context.shape} larger ({out})")
    return Pooling(**context.base(out), method=method, kernel=kernel, stride=stride, pad=pad)


def relu(context: Context) -> ReLU:
    """Convert a ReLU layer; a leaky one cannot be deployed."""
    slope = context.layer.relu_param.negative_slope
    if slope != 0:
        raise context.unsupported(f"a ReLU with negative_slope {slope:g}")
    return ReLU(**context.base(context.shape))


def inner_product(context: Context) -> InnerProduct:
    """Convert an InnerProduct layer; columns become HWC order."""
    param = context.layer.inner_product_param
    if param.axis != 1:
        raise context.unsupported(f"an inner product over axis {param.axis}")
    rows, shape = _outputs(context, param), context.shape
    expected = (shape.size, rows) if param.transpose else (rows, shape.size)
    weights, bias = _weights(context, expected, bias=param.bias_term)
    matrix = weights.reshape(expected)
    if param.transpose:
        matrix = matrix.T
    columns = matrix.reshape(rows, shape.c, shape.h, shape.w).transpose(0, 2, 3, 1)
    return InnerProduct(
        **context.base(Shape(1, 1, rows)),
        weights=np.ascontiguousarray(columns.reshape(rows, shape.size)),
        bias=bias,
    )


def softmax(context: Context) -> Softmax:
    """Convert a Softmax layer over the channels of a vector."""
    if context.layer.softmax_param.axis != 1 or (context.shape.h, context.shape.w) != (1, 1):
        raise context.unsupported(f"a softmax over a tensor of shape {context.shape}")
    return Softmax(**context.base(context.shape))


def _pair(context: Context, param: Any, square: str, stem: str, default: int | None) -> Pair:
    """Return a (y, x) extent given as one field, a repeated field, or `<stem>_h` and `<stem>_w`."""
    raw = getattr(param, square)
    single = isinstance(raw, int)
    values = ([raw] if param.HasField(square) else []) if single else list(raw)
    sides = [getattr(param, f"{stem}_{axis}") for axis in "hw"]
    given = [param.HasField(f"{stem}_{axis}") for axis in "hw"]
    if values and any(given):
        raise context.fail(f"{square} or {stem}_h and {stem}_w", "both")
    if any(given):
        if default is None and not all(given):
            raise context.fail(f"both {stem}_h and {stem}_w", "one of them")
        return Pair(
            *(side if present else default or 0 for side, present in zip(sides, given, strict=True))
        )
    if not values:
        if default is None:
            raise context.fail(f"a {square}", "none")
        return Pair(default, default)
    if len(values) > 2:
        raise context.fail(f"one or two values of {square}", f"{len(values)}")
    return Pair(values[0], values[-1])


def _outputs(context: Context, param: Any) -> int:
    if not 1 <= param.num_output <= MAX_DIMENSION:
        raise context.fail(f"num_output of 1 to {MAX_DIMENSION}", str(param.num_output))
    return int(param.num_output)


def _check_groups(context: Context, groups: int, channels: int) -> None:
    """Refuse groups other than one, or one for every input and output channel."""
    inputs = context.shape.c
    if groups != 1 and not groups == inputs == channels:
        raise UnsupportedNetworkError(
            f"{context.where}: expected one group, or as many as input and output channels "
            f"(depthwise), found {groups} groups for {inputs} input and {channels} output "
            "channels; qrig deploys no others"
        )


def _check_window(context: Context, kernel: Pair, stride: Pair, pad: Pair) -> None:
    for side, k, s, p in zip((context.shape.h, context.shape.w), kernel, stride, pad, strict=True):
        if not (1 <= k <= MAX_DIMENSION and 1 <= s <= MAX_DIMENSION and p <= MAX_DIMENSION):
            raise context.fail(
                f"kernel and stride of 1 to {MAX_DIMENSION}",
                f"kernel {tuple(kernel)}, stride {tuple(stride)}, padding {tuple(pad)}",
            )
        if k > side + 2 * p:
            raise context.fail(
                f"a kernel within the padded input {context.shape}", f"kernel {tuple(kernel)}"
            )


def _check_padding(context: Context, method: str, stride: Pair, pad: Pair) -> None:
    """Refuse a padding that the in-place kernels and Caffe take differently.

    Caffe counts padding in averages, the kernels do not. Along x the kernels write column i of the
    result over column i of the image: a window that begins before column i has lost its values.
    """
    if method == "average" and pad != (0, 0):
        raise context.unsupported(f"an average pooling with padding {tuple(pad)}")
    if pad.x and pad.x >= stride.x:
        raise context.unsupported(
            f"a max pooling with padding {pad.x} along x, not smaller than its stride {stride.x}"
        )


def _weights(
    context: Context, expected: tuple[int, ...], *, bias: bool
) -> tuple[FloatArray, FloatArray]:
    """Return the layer's weights and bias (zeros without one) if their shapes fit."""
    blobs = context.blobs
    wanted = 2 if bias else 1
    if blobs is None or len(blobs) != wanted:
        found = "no such layer" if blobs is None else f"{len(blobs)} blobs"
        raise FileFormatError(
            f"{context.weights_path}: expected {wanted} blobs for layer {context.layer.name!r} of "
            f"the model, found {found}; these are the weights of another network"
        )
    rows = context.layer.convolution_param.num_output or (
        context.layer.inner_product_param.num_output
    )
    for blob, shape in zip(blobs, (expected, (rows,)), strict=False):
        if _trimmed(blob.shape) != _trimmed(shape):
            raise FileFormatError(
                f"{context.weights_path}: layer {context.layer.name!r}: expected a blob of shape "
                f"{shape}, found {blob.shape}; these are the weights of another network or of "
                "another input shape"
            )
    return blobs[0], blobs[1].reshape(rows) if bias else np.zeros(rows, dtype=np.float32)


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape` without leading ones: Caffe's old files pad to four dimensions there."""
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape
