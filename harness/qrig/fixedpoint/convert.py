"""From a float network and its formats to a quantised network: pure arithmetic, no search.

Rounding and clamping are ARM's: `clip(round(w * 2^n), -128, 127)`, half to even.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.fixedpoint.convert_branches import (
    Bits,
    quantize_concat,
    quantize_eltwise,
    quantize_sigmoid,
    quantize_tanh,
)
from qrig.fixedpoint.formats import Formats
from qrig.fixedpoint.layer_formats import (
    base_fields,
    check_inherited,
    check_shift,
    layer_format,
    output_bits,
    stated_bits,
)
from qrig.fixedpoint.quantized import (
    UNIT_FRACTION_BITS,
    Int8Array,
    Int16Array,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
    QuantizedSoftmax,
)
from qrig.networks.graph import (
    Concat,
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    Network,
    Pooling,
    ReLU,
    Shape,
    Sigmoid,
    Softmax,
    TanH,
)

_MAX_MEAN = 1023
_MULTIPLIER_BITS = 15
_MAX_INPUT_SHIFT = 24


def quantize_array(values: npt.NDArray[np.floating[Any]], fraction_bits: int) -> Int8Array:
    """Return `clip(round(values * 2^fraction_bits), -128, 127)` as int8, ties to even."""
    scaled = np.round(np.asarray(values, dtype=np.float64) * 2.0**fraction_bits)
    return np.clip(scaled, -128, 127).astype(np.int8)


def quantize_network(network: Network, formats: Formats) -> QuantizedNetwork:
    """Quantise `network` with `formats`.

    Raises FileFormatError if the formats are not of this network, and UnsupportedNetworkError if
    they need a shift the kernels do not have.
    """
    unknown = sorted(
        name
        for name, entry in formats.layers.items()
        if entry.weight_fraction_bits is not None
        and name not in {layer.name for layer in network.layers}
    )
    if unknown:
        raise FileFormatError(
            f"{formats.source}: expected formats of {network.name!r}, found a layer {unknown[0]!r} "
            "it does not have; these are the formats of another network"
        )
    quantized_input = _input(network.input, formats)
    bits = {quantized_input.name: quantized_input.fraction_bits}
    layers = []
    for layer in network.layers:
        quantized = _quantize(layer, formats, tuple(bits[name] for name in layer.inputs))
        bits[layer.name] = quantized.fraction_bits
        layers.append(quantized)
    return QuantizedNetwork(network.name, quantized_input, tuple(layers))


@singledispatch
def _quantize(layer: Layer, formats: Formats, in_bits: Bits) -> QuantizedLayer:
    raise UnsupportedNetworkError(f"{layer.where}: {layer.type} cannot be quantised")


@_quantize.register
def _convolution(layer: Convolution, formats: Formats, in_bits: Bits) -> QuantizedLayer:
    return QuantizedConvolution(
        **base_fields(layer, output_bits(layer.name, formats)),
        kernel=layer.kernel,
        stride=layer.stride,
        pad=layer.pad,
        **_parameters(layer, formats, in_bits),
    )


@_quantize.register
def _depthwise(layer: DepthwiseConvolution, formats: Formats, in_bits: Bits) -> QuantizedLayer:
    return QuantizedDepthwiseConvolution(
        **base_fields(layer, output_bits(layer.name, formats)),
        kernel=layer.kernel,
        stride=layer.stride,
        pad=layer.pad,
        **_parameters(layer, formats, in_bits),
    )


@_quantize.register
def _inner_product(layer: InnerProduct, formats: Formats, in_bits: Bits) -> QuantizedLayer:
    return QuantizedInnerProduct(
        **base_fields(layer, output_bits(layer.name, formats)),
        **_parameters(layer, formats, in_bits),
    )


@_quantize.register
def _pooling(layer: Pooling, formats: Formats, in_bits: Bits) -> QuantizedLayer:
    (bits,) = in_bits
    check_inherited(layer, formats, bits)
    return QuantizedPooling(
        **base_fields(layer, bits),
        method=layer.method,
        kernel=layer.kernel,
        stride=layer.stride,
        pad=layer.pad,
    )


@_quantize.register
def _relu(layer: ReLU, formats: Formats, in_bits: Bits) -> QuantizedLayer:
    (bits,) = in_bits
    check_inherited(layer, formats, bits)
    return QuantizedReLU(**base_fields(layer, bits))


@_quantize.register
def _softmax(layer: Softmax, formats: Formats, in_bits: Bits) -> QuantizedLayer:
    return QuantizedSoftmax(**base_fields(layer, UNIT_FRACTION_BITS))


_quantize.register(Concat)(quantize_concat)
_quantize.register(Eltwise)(quantize_eltwise)
_quantize.register(Sigmoid)(quantize_sigmoid)
_quantize.register(TanH)(quantize_tanh)


def _parameters(
    layer: Convolution | DepthwiseConvolution | InnerProduct, formats: Formats, in_bits: Bits
) -> dict[str, Any]:
    """Return weights, bias and shifts: bias_shift = w + in - b, output_shift = w + in - out."""
    entry, name = layer_format(layer.name, formats), layer.name
    weight = stated_bits(entry.weight_fraction_bits, "weight fraction bits", name, formats)
    accumulator = weight + in_bits[0]
    # A layer without a bias adds zeros, whatever their format.
    bias = entry.bias_fraction_bits
    bias = accumulator if bias is None and not layer.bias.any() else bias
    bias = stated_bits(bias, "bias fraction bits", name, formats)
    shifts = {
        "bias_shift": accumulator - bias,
        "output_shift": accumulator - output_bits(name, formats),
    }
    for key, shift in shifts.items():
        check_shift(name, formats, key, shift)
    return {
        "weights": quantize_array(layer.weights, weight),
        "bias": quantize_array(layer.bias, bias),
        **shifts,
    }


def _input(source: Input, formats: Formats) -> QuantizedInput:
    bits = output_bits(formats.input_name, formats)
    multiplier, shift = input_factor(source.scale * 2.0**bits)
    return QuantizedInput(
        source.name,
        source.shape,
        source.channel_order,
        rounded_mean(source.mean, source.shape),
        multiplier,
        shift,
        bits,
    )


def input_factor(factor: float) -> tuple[int, int]:
    """Return (multiplier, shift) with `multiplier / 2^shift` equal to `factor`, or next to it.

    A power of two, as all published networks have, is exact; another factor keeps 15 significant
    bits. Raises UnsupportedNetworkError outside 2^-24 .. 2^14.
    """
    if not 2.0**-_MAX_INPUT_SHIFT <= factor <= 2.0 ** (_MULTIPLIER_BITS - 1):
        raise UnsupportedNetworkError(
            f"the input factor scale * 2^fraction_bits: expected 2^-24 to 2^14, found {factor:g}; "
            "correct the transform scale or the input format"
        )
    mantissa, exponent = math.frexp(factor)
    if mantissa == 0.5:
        power = exponent - 1
        return (1 << power, 0) if power >= 0 else (1, -power)
    shift = min(_MULTIPLIER_BITS - exponent, _MAX_INPUT_SHIFT)
    multiplier = round(factor * 2**shift)
    while multiplier % 2 == 0 and shift > 0:
        multiplier, shift = multiplier // 2, shift - 1
    return multiplier, shift


def rounded_mean(mean: FloatArray | None, shape: Shape) -> Int16Array:
    """Return the mean for an input of `shape` rounded to integers, as (c,) or (h, w, c) int16.

    Raises FileFormatError for a mean of another shape, or of values beyond ±1023.
    """
    channels = shape.c
    if mean is None:
        return np.zeros(channels, dtype=np.int16)
    rounded = np.round(mean)
    if rounded.shape == (1,):
        rounded = np.repeat(rounded, channels)
    if rounded.shape not in ((channels,), tuple(shape)):
        raise FileFormatError(
            f"the mean: expected shape {tuple(shape)} or ({channels},), found "
            f"{rounded.shape}; give the mean of this network"
        )
    if np.abs(rounded).max() > _MAX_MEAN:
        raise FileFormatError(
            f"the mean: expected pixel values within ±{_MAX_MEAN}, found {np.abs(rounded).max():g};"
            " give the mean of the pixels, not of scaled values"
        )
    return rounded.astype(np.int16)
