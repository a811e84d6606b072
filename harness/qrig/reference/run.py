"""One inference through the reference kernels, with every layer's tensor."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import (
    Int8Array,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
    QuantizedSoftmax,
)
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.reference.activation import relu, softmax
from qrig.reference.convolution import convolution
from qrig.reference.depthwise import depthwise_convolution
from qrig.reference.inner_product import inner_product
from qrig.reference.pooling import pooling
from qrig.reference.preprocess import preprocess


@frozen(eq=False)
class Trace:
    """All tensors of one inference: int8 (h, w, c), the quantised input first."""

    tensors: tuple[Int8Array, ...]
    logits_stage: int

    @property
    def logits(self) -> Int8Array:
        """The integers before a softmax, flat."""
        return self.tensors[self.logits_stage].reshape(-1)

    @property
    def top1(self) -> int:
        """The index of the largest logit, the first of several."""
        return int(np.argmax(self.logits))


def run_reference(
    network: QuantizedNetwork, pixels: npt.NDArray[np.uint8], semantics: Semantics = DEFAULT
) -> Trace:
    """Run `network` on uint8 pixels (h, w, c) in the network's channel order."""
    tensors = {network.input.name: preprocess(pixels, network.input)}
    for layer in network.layers:
        tensors[layer.name] = compute_layer(layer, tensors[layer.inputs[0]], semantics)
    return Trace(tuple(tensors.values()), network.logits_stage)


@singledispatch
def compute_layer(layer: QuantizedLayer, tensor: Int8Array, semantics: Semantics) -> Int8Array:
    """Return the int8 output of one layer for an int8 input, both (h, w, c)."""
    raise UnsupportedNetworkError(f"layer {layer.name!r}: the reference has no {layer.type}")


@compute_layer.register
def _(layer: QuantizedConvolution, tensor: Int8Array, semantics: Semantics) -> Int8Array:
    return convolution(tensor, layer, semantics)


@compute_layer.register
def _(layer: QuantizedDepthwiseConvolution, tensor: Int8Array, semantics: Semantics) -> Int8Array:
    return depthwise_convolution(tensor, layer, semantics)


@compute_layer.register
def _(layer: QuantizedPooling, tensor: Int8Array, semantics: Semantics) -> Int8Array:
    return pooling(tensor, layer, semantics)


@compute_layer.register
def _(layer: QuantizedInnerProduct, tensor: Int8Array, semantics: Semantics) -> Int8Array:
    return inner_product(tensor, layer, semantics)


@compute_layer.register
def _(layer: QuantizedReLU, tensor: Int8Array, semantics: Semantics) -> Int8Array:
    return relu(tensor)


@compute_layer.register
def _(layer: QuantizedSoftmax, tensor: Int8Array, semantics: Semantics) -> Int8Array:
    return softmax(tensor, semantics)
