"""One inference through the reference kernels, with every layer's tensor."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import (
    Int8Array,
    QuantizedConcat,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedEltwiseSum,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
    QuantizedSigmoid,
    QuantizedSoftmax,
    QuantizedTanH,
)
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.reference.activation import relu, sigmoid, softmax, tanh
from qrig.reference.concat import concat
from qrig.reference.convolution import convolution
from qrig.reference.depthwise import depthwise_convolution
from qrig.reference.eltwise import eltwise_sum
from qrig.reference.inner_product import inner_product
from qrig.reference.pooling import pooling
from qrig.reference.preprocess import preprocess

_Tensors = tuple[Int8Array, ...]


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
    return run_on_tensor(network, preprocess(pixels, network.input), semantics)


def run_on_tensor(
    network: QuantizedNetwork, tensor: Int8Array, semantics: Semantics = DEFAULT
) -> Trace:
    """Run `network` on its first tensor, int8 (h, w, c): what preprocessing makes of pixels."""
    tensors = {network.input.name: tensor}
    for layer in network.layers:
        read = tuple(tensors[name] for name in layer.inputs)
        tensors[layer.name] = compute_layer(layer, read, semantics)
    return Trace(tuple(tensors.values()), network.logits_stage)


@singledispatch
def compute_layer(layer: QuantizedLayer, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    """Return the int8 output (h, w, c) of one layer for the int8 tensors it reads, in its order."""
    raise UnsupportedNetworkError(f"layer {layer.name!r}: the reference has no {layer.type}")


@compute_layer.register
def _(layer: QuantizedConvolution, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return convolution(tensors[0], layer, semantics)


@compute_layer.register
def _(layer: QuantizedDepthwiseConvolution, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return depthwise_convolution(tensors[0], layer, semantics)


@compute_layer.register
def _(layer: QuantizedPooling, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return pooling(tensors[0], layer, semantics)


@compute_layer.register
def _(layer: QuantizedInnerProduct, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return inner_product(tensors[0], layer, semantics)


@compute_layer.register
def _(layer: QuantizedReLU, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return relu(tensors[0], semantics)


@compute_layer.register
def _(layer: QuantizedSigmoid, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return sigmoid(tensors[0], layer.int_width)


@compute_layer.register
def _(layer: QuantizedTanH, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return tanh(tensors[0], layer.int_width)


@compute_layer.register
def _(layer: QuantizedSoftmax, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return softmax(tensors[0], semantics)


@compute_layer.register
def _(layer: QuantizedConcat, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return concat(tensors, layer, semantics)


@compute_layer.register
def _(layer: QuantizedEltwiseSum, tensors: _Tensors, semantics: Semantics) -> Int8Array:
    return eltwise_sum(tensors, layer, semantics)
