"""What the kernels cannot compute, said by name and place."""

from __future__ import annotations

from functools import singledispatch

from qrig.errors import UnsupportedNetworkError
from qrig.networks.graph import (
    BatchNorm,
    Concat,
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    Flatten,
    InnerProduct,
    Layer,
    LocalResponseNormalization,
    Pooling,
    ReLU,
    Scale,
    Sigmoid,
    Softmax,
    TanH,
)

FOLDABLE: tuple[type[Layer], ...] = (BatchNorm, Scale, Flatten)
"""Layers that `lower` makes part of their neighbours."""

DEPLOYABLE: tuple[type[Layer], ...] = (
    Convolution,
    DepthwiseConvolution,
    Pooling,
    ReLU,
    Sigmoid,
    TanH,
    InnerProduct,
    Concat,
    Eltwise,
    Softmax,
)
"""Layers that are quantised and computed on a target, in the form `lower` gives them."""


def unsupported(layer: Layer, what: str) -> UnsupportedNetworkError:
    """Make the error for a layer that cannot be deployed."""
    return UnsupportedNetworkError(f"{layer.where}: {what}, which qrig cannot deploy")


@singledispatch
def check(layer: Layer) -> None:
    """Raise UnsupportedNetworkError unless the kernels compute `layer`."""
    if not isinstance(layer, DEPLOYABLE):
        raise unsupported(layer, f"a layer of type {layer.type!r}")


@check.register
def _lrn(layer: LocalResponseNormalization) -> None:
    raise unsupported(layer, "a local response normalisation ('LRN')")


@check.register
def _relu(layer: ReLU) -> None:
    if layer.negative_slope != 0:
        raise unsupported(layer, f"a ReLU with negative_slope {layer.negative_slope:g}")


@check.register
def _eltwise(layer: Eltwise) -> None:
    if layer.operation != "sum":
        raise unsupported(layer, f"an element-wise {layer.operation} ('Eltwise')")
    if any(factor != 1 for factor in layer.coefficients):
        factors = ", ".join(f"{factor:g}" for factor in layer.coefficients[:8])
        raise unsupported(layer, f"a sum ('Eltwise') with coefficients {factors}")


@check.register
def _softmax(layer: Softmax) -> None:
    if layer.in_shape[:2] != (1, 1):
        raise unsupported(layer, f"a softmax over a tensor of shape {layer.in_shape}")


@check.register
def _pooling(layer: Pooling) -> None:
    """Refuse what the in-place kernels and the files take differently.

    Caffe counts padding in averages, the kernels do not. Along x the kernels write column i of the
    result over column i of the image: a window that begins before column i has lost its values.
    """
    image, out, stride, pad = layer.in_shape, layer.out_shape, layer.stride, layer.pad
    for size, count, step, p in zip(image[:2], out[:2], stride, pad, strict=True):
        if (count - 1) * step - p >= size:
            raise unsupported(layer, "a pooling whose last window lies outside the image")
    if layer.method == "average" and any(pad):
        raise unsupported(layer, f"an average pooling with padding {tuple(pad)}")
    if pad.x and pad.x >= stride.x:
        raise unsupported(
            layer,
            f"a max pooling with padding {pad.x} along x, not smaller than its stride {stride.x}",
        )
    if out.h > image.h or out.w > image.w:
        raise unsupported(layer, f"a pooling that makes {image} larger ({out})")
