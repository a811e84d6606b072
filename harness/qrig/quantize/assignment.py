"""What a search may choose, and the formats that follow from a choice.

Free are the fractional bits of the input, of every layer with weights (weights and output), and of
every sum of tensors. All others follow: ReLU and pooling keep their input's format, a concatenation
has the fewest bits of its inputs, sigmoid, hyperbolic tangent and softmax make Q0.7, a bias goes
where it loses least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import attrs
import numpy as np
from attrs import field, frozen

from qrig.fixedpoint.convert import quantize_array
from qrig.fixedpoint.formats import Formats, LayerFormat
from qrig.networks.graph import Concat, Eltwise, Layer, Network, Pooling, ReLU, Sigmoid, TanH
from qrig.quantize.magnitudes import (
    TABLE_BITS,
    VALUE_BITS,
    WEIGHTED,
    Weighted,
    bits_of,
    magnitude,
)
from qrig.quantize.reach import check_reach

MAX_CHOSEN_SHIFT = 23
"""Largest shift chosen here, below the 31 the kernels take.

A bias or an output of 8 bits, shifted left by up to 23, fits a 32-bit accumulator and leaves a bit
for rounding and for inputs beyond the measured range. A larger shift would let it wrap.
"""

MAX_APART = 16
"""Most fractional bits that tensors which are joined may be apart."""

_ROUNDS = 8

_INPUT_FACTORS = (2.0**-24, 2.0**14)

BiasRule = Callable[[Weighted, int, int], int]
"""Chooses fractional bits of a layer's bias between two limits, both allowed."""


@frozen
class Assignment:
    """A choice: fractional bits of free tensors and of weights, by layer name."""

    activations: Mapping[str, int] = field(repr=False)
    weights: Mapping[str, int] = field(repr=False)

    def with_activation(self, name: str, bits: int) -> Assignment:
        """Return the choice with another format of one tensor."""
        return attrs.evolve(self, activations={**self.activations, name: bits})

    def with_weights(self, name: str, bits: int) -> Assignment:
        """Return the choice with another format of one layer's weights."""
        return attrs.evolve(self, weights={**self.weights, name: bits})


def is_free(layer: Layer) -> bool:
    """Return whether the format of the layer's output is chosen."""
    return isinstance(layer, (*WEIGHTED, Eltwise))


def inherited_bits(layer: Layer, bits: Mapping[str, int]) -> int:
    """Return the format of a layer's output that is not free."""
    if isinstance(layer, Pooling | ReLU):
        return bits[layer.inputs[0]]
    if isinstance(layer, Concat):
        return min(bits[name] for name in layer.inputs)
    return VALUE_BITS


def nearest_bias(layer: Weighted, low: int, high: int) -> int:
    """Return the bits with which the bias loses least, the fewer of equals."""
    wide = layer.bias.astype(np.float64)

    def loss(bits: int) -> float:
        return float(np.square(quantize_array(wide, bits) * 2.0**-bits - wide).sum())

    natural = bits_of(magnitude(layer.bias))
    options = {min(max(natural + more, low), high) for more in range(4)}
    return min(sorted(options), key=loss)


def ranged_bias(layer: Weighted, low: int, high: int) -> int:
    """Return the bits of ARM's rule: those of the largest magnitude."""
    return min(max(bits_of(magnitude(layer.bias)), low), high)


def formats_of(
    network: Network,
    assignment: Assignment,
    bias_rule: BiasRule = nearest_bias,
    *,
    source: str = "chosen formats",
) -> Formats:
    """Return the formats of an assignment, capped so that every shift is one the kernels have.

    Both shifts of a layer (w + in - bias, w + in - out) stay within 0 and `MAX_CHOSEN_SHIFT`.
    Raises UnsupportedNetworkError for magnitudes that no choice holds.
    """
    given = network.input
    assignment = limited(network, assignment)
    layers = _layer_formats(network, assignment, bias_rule)
    for _ in range(_ROUNDS):  # a tensor may feed what it is joined with
        nearer = _nearer(network, assignment, layers)
        if nearer == assignment:
            break
        assignment, layers = nearer, _layer_formats(network, nearer, bias_rule)
    check_reach(network, layers)
    mean = None if given.mean is None or given.mean.ndim > 1 else given.mean
    return Formats(
        layers,
        given.name,
        input_shape=given.shape,
        channel_order=given.channel_order,
        mean=None if mean is None else tuple(float(value) for value in mean),
        scale=given.scale,
        source=source,
    )


def _layer_formats(
    network: Network, assignment: Assignment, bias_rule: BiasRule
) -> dict[str, LayerFormat]:
    """Return the format of the input and of every layer."""
    given, wanted = network.input, assignment.activations
    bits = {given.name: input_bits(wanted[given.name], given.scale)}
    layers = {given.name: LayerFormat(activation_fraction_bits=bits[given.name])}
    limits = activation_limits(network)
    for layer in network.layers:
        if isinstance(layer, WEIGHTED):
            in_bits, weight = bits[layer.inputs[0]], assignment.weights[layer.name]
            if layer.name in limits:  # the accumulator has to have the bits that a table reads
                weight = max(weight, limits[layer.name][0] - in_bits)
            found = weighted_format(layer, in_bits, weight, wanted[layer.name], bias_rule)
        elif isinstance(layer, Eltwise):
            most = max(bits[name] for name in layer.inputs)
            out = min(max(wanted[layer.name], most - MAX_CHOSEN_SHIFT), most)
            found = LayerFormat(activation_fraction_bits=out)
        else:
            found = LayerFormat(activation_fraction_bits=inherited_bits(layer, bits))
        layers[layer.name] = found
        bits[layer.name] = found.activation_fraction_bits or 0
    return layers


def _nearer(
    network: Network, assignment: Assignment, layers: Mapping[str, LayerFormat]
) -> Assignment:
    """Return the assignment with fewer bits where joined tensors lie too far apart for a shift."""
    makers = {layer.name: layer for layer in network.layers}
    for join in network.layers:
        if not isinstance(join, Concat | Eltwise):
            continue
        bits = {name: layers[name].activation_fraction_bits or 0 for name in join.inputs}
        most = min(bits.values()) + MAX_APART
        waiting = [name for name, found in bits.items() if found > most]
        while waiting:
            name = waiting.pop()
            maker = makers.get(name)
            if isinstance(maker, Pooling | ReLU | Concat):
                waiting += maker.inputs
            elif assignment.activations.get(name, most) > most:
                assignment = assignment.with_activation(name, most)
    return assignment


def limited(network: Network, assignment: Assignment) -> Assignment:
    """Return the assignment within what the readers of its tensors take."""
    limits = activation_limits(network)
    return attrs.evolve(
        assignment,
        activations={
            name: min(max(bits, limits[name][0]), limits[name][1]) if name in limits else bits
            for name, bits in assignment.activations.items()
        },
    )


def weighted_format(
    layer: Weighted, in_bits: int, weight: int, out: int, bias_rule: BiasRule = nearest_bias
) -> LayerFormat:
    """Return the format of a layer for the bits wanted of its weights and its output."""
    natural = bits_of(magnitude(layer.bias))
    # Zeros are the same in every format: a bias of zeros limits nothing and goes where it fits.
    tightest = min(natural, out) if layer.bias.any() else out
    weight = min(weight, tightest + MAX_CHOSEN_SHIFT - in_bits)
    accumulator = weight + in_bits
    bias = bias_rule(layer, accumulator - MAX_CHOSEN_SHIFT, accumulator)
    out = min(out, accumulator)
    return LayerFormat(
        weight_fraction_bits=weight,
        bias_fraction_bits=bias,
        activation_fraction_bits=out,
        bias_shift=accumulator - bias,
        output_shift=accumulator - out,
    )


def activation_limits(network: Network) -> dict[str, tuple[int, int]]:
    """Return fewest and most bits of the tensors that sigmoid and tanh tables read.

    The limits reach back through layers that keep their input's format.
    """
    makers = {layer.name: layer for layer in network.layers}
    found: dict[str, tuple[int, int]] = {}
    waiting = [
        name
        for layer in network.layers
        if isinstance(layer, Sigmoid | TanH)
        for name in layer.inputs
    ]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = TABLE_BITS
        maker = makers.get(name)
        if isinstance(maker, Pooling | ReLU | Concat):
            waiting += maker.inputs
        elif isinstance(maker, Eltwise):
            waiting += maker.inputs  # a sum has no more bits than its inputs
    return found


def input_bits(bits: int, scale: float) -> int:
    """Return the bits next to `bits` whose factor `scale * 2^bits` the input's conversion has."""
    low, high = (math.log2(limit / scale) for limit in _INPUT_FACTORS)
    return int(min(max(bits, math.ceil(low)), math.floor(high)))
