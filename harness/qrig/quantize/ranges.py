"""Formats from ranges: the fewest integer bits that hold the largest magnitude of each tensor.

The rule is that of ARM's `nn_quantizer.py` (ML-examples, cmsisnn-cifar10): of a range,
`int_bits = ceil(log2(max(|min|, |max|)))` and `dec = 7 - int_bits`. Nothing is searched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError, InputError
from qrig.fixedpoint.formats import MAX_FRACTION_BITS, Formats, LayerFormat
from qrig.networks.forward import forward
from qrig.networks.graph import (
    Convolution,
    DepthwiseConvolution,
    InnerProduct,
    Layer,
    Network,
    Softmax,
)

MAX_CHOSEN_SHIFT = 23
"""Largest shift chosen here, below the 31 the kernels take.

A bias or an output of 8 bits, shifted left by up to 23, fits a 32-bit accumulator and leaves a bit
for rounding and for inputs beyond the measured range. A larger shift would let it wrap.
"""

_VALUE_BITS = 7


def fraction_bits(magnitude: float) -> int:
    """Return `7 - ceil(log2(magnitude))` for the largest magnitude of a tensor; 7 for zero.

    An exact power of two counts as its own bound, as in ARM's rule: 1.0 gives 7 fractional bits and
    is later clipped to 127/128. Never more than `MAX_FRACTION_BITS`. Raises FileFormatError if the
    magnitude is not finite.
    """
    if not math.isfinite(magnitude):
        raise FileFormatError(
            f"the range of a tensor: expected a finite number, found {magnitude}; train the "
            "network again or use another snapshot"
        )
    if magnitude == 0:
        return _VALUE_BITS
    mantissa, exponent = math.frexp(magnitude)
    integer_bits = exponent - 1 if mantissa == 0.5 else exponent
    return min(_VALUE_BITS - integer_bits, MAX_FRACTION_BITS)


def choose_formats(network: Network, inputs: Sequence[npt.NDArray[np.uint8]]) -> Formats:
    """Choose formats for `network` from its weights and a float pass over `inputs`.

    `inputs` are uint8 (h, w, c) in the network's channel order. A layer without weights keeps the
    format of its input; a softmax makes Q0.7. Formats are capped so that both shifts of a layer
    (w + in - bias, w + in - out) stay within 0 and `MAX_CHOSEN_SHIFT`. The result holds the input's
    shape, channel order, scale and channel means; a mean image stays with the network. Raises
    InputError for no inputs or inputs of another shape, and FileFormatError for values that are not
    finite.
    """
    magnitudes = activation_magnitudes(network, inputs)
    source = network.input
    bits = {source.name: fraction_bits(magnitudes[source.name])}
    layers = {source.name: LayerFormat(activation_fraction_bits=bits[source.name])}
    for layer in network.layers:
        chosen = _layer_format(layer, bits[layer.inputs[0]], magnitudes[layer.name])
        layers[layer.name] = chosen
        # Set for every layer; the type only says so of layers read from a file.
        bits[layer.name] = chosen.activation_fraction_bits or 0
    mean = None if source.mean is None or source.mean.ndim > 1 else source.mean
    return Formats(
        layers,
        source.name,
        input_shape=source.shape,
        channel_order=source.channel_order,
        mean=None if mean is None else tuple(float(value) for value in mean),
        scale=source.scale,
        source=f"formats chosen from {len(inputs)} inputs",
    )


def activation_magnitudes(
    network: Network, inputs: Sequence[npt.NDArray[np.uint8]]
) -> dict[str, float]:
    """Return the largest magnitude of every tensor over all `inputs`, by name.

    Raises InputError for no inputs or inputs of another shape.
    """
    if not len(inputs):
        raise InputError("expected inputs to measure ranges with, found none; give at least one")
    largest: dict[str, float] = {}
    for pixels in inputs:
        for name, tensor in forward(network, pixels).items():
            # numpy's maximum keeps a NaN, Python's may lose it.
            largest[name] = float(np.maximum(largest.get(name, 0.0), _magnitude(tensor)))
    return largest


def _magnitude(values: npt.NDArray[np.float32]) -> float:
    return float(np.abs(values).max())


def _layer_format(layer: Layer, in_bits: int, magnitude: float) -> LayerFormat:
    """Return the format of one layer, given its input's format and its output's range."""
    if isinstance(layer, Softmax):
        return LayerFormat(activation_fraction_bits=_VALUE_BITS)
    if not isinstance(layer, Convolution | DepthwiseConvolution | InnerProduct):
        return LayerFormat(activation_fraction_bits=in_bits)
    bias, out = fraction_bits(_magnitude(layer.bias)), fraction_bits(magnitude)
    # Zeros are the same in every format: a bias of zeros limits nothing and goes where it fits.
    tightest = min(bias, out) if layer.bias.any() else out
    weight = min(fraction_bits(_magnitude(layer.weights)), tightest + MAX_CHOSEN_SHIFT - in_bits)
    accumulator = weight + in_bits
    bias = min(max(bias, accumulator - MAX_CHOSEN_SHIFT), accumulator)
    out = min(out, accumulator)
    return LayerFormat(
        weight_fraction_bits=weight,
        bias_fraction_bits=bias,
        activation_fraction_bits=out,
        bias_shift=accumulator - bias,
        output_shift=accumulator - out,
    )
