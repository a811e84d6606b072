"""Layers the kernels do not have, written as layers they have."""

from __future__ import annotations

from functools import singledispatch

import attrs
import numpy as np

from qrig.errors import UnsupportedNetworkError
from qrig.networks.graph import (
    ONE,
    Convolution,
    DepthwiseConvolution,
    FloatArray,
    Layer,
    Pair,
    Pooling,
)
from qrig.networks.shapes import MAX_ELEMENTS


@singledispatch
def expand(layer: Layer) -> tuple[Layer, str]:
    """Return a layer the kernels have in the place of `layer`, and a sentence on what it costs.

    The sentence is empty if it costs nothing. Raises UnsupportedNetworkError if the layer would
    become too large.
    """
    return layer, ""


@expand.register
def _convolution(layer: Convolution) -> tuple[Layer, str]:
    """Spread the taps of a dilated kernel; make kernels over all channels of those over a group."""
    if layer.groups == 1 and layer.dilation == ONE:
        return layer, ""
    outputs, _, _, inputs = layer.weights.shape
    channels = layer.in_shape.c
    kernel = Pair(
        *(step * (k - 1) + 1 for k, step in zip(layer.kernel, layer.dilation, strict=True))
    )
    depthwise = layer.groups == channels == outputs
    size = kernel.y * kernel.x * outputs * (1 if depthwise else channels)
    if size > MAX_ELEMENTS:
        raise UnsupportedNetworkError(
            f"{layer.where}: expected at most {MAX_ELEMENTS:,} weights once groups and dilation "
            f"({layer.groups} groups, dilation {tuple(layer.dilation)}) are written out as zeros, "
            f"found {size:,}; use smaller ones"
        )
    spread = np.zeros((outputs, *kernel, inputs), dtype=np.float32)
    spread[:, :: layer.dilation.y, :: layer.dilation.x] = layer.weights
    notice = (
        f"{layer.where}: its zeros are computed too, {size / layer.weights.size:.3g} times the "
        f"multiplications of {layer.groups} groups and dilation {tuple(layer.dilation)}"
    )
    if depthwise:
        planes = np.ascontiguousarray(spread[:, :, :, 0].transpose(1, 2, 0))
        return _depthwise(layer, kernel, planes), notice if layer.dilation != ONE else ""
    dense = attrs.evolve(
        layer, kernel=kernel, dilation=ONE, groups=1, weights=_over_all(layer, spread)
    )
    return dense, notice


def _depthwise(layer: Convolution, kernel: Pair, planes: FloatArray) -> DepthwiseConvolution:
    return DepthwiseConvolution(
        layer.name,
        layer.inputs,
        layer.in_shape,
        layer.out_shape,
        kernel=kernel,
        stride=layer.stride,
        pad=layer.pad,
        weights=planes,
        bias=layer.bias,
        source=layer.source,
    )


def _over_all(layer: Convolution, weights: FloatArray) -> FloatArray:
    """Return weights (out, ky, kx, in) of a convolution in groups, zero outside a group."""
    outputs, ky, kx, inputs = weights.shape
    rows = outputs // layer.groups
    dense = np.zeros((outputs, ky, kx, layer.in_shape.c), dtype=np.float32)
    for group in range(layer.groups):
        own = slice(group * rows, (group + 1) * rows)
        dense[own, :, :, group * inputs : (group + 1) * inputs] = weights[own]
    return dense


@expand.register
def _pooling(layer: Pooling) -> tuple[Layer, str]:
    """Clip a kernel that overhangs an image without padding: it sees the image alone."""
    if any(layer.pad):
        return layer, ""
    kernel = Pair(*map(min, layer.kernel, layer.in_shape[:2]))
    return attrs.evolve(layer, kernel=kernel), ""
