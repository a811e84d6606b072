"""What no choice of formats can hold, told by the layer it comes from and its magnitude."""

from __future__ import annotations

from collections.abc import Mapping

from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.branches import concat_shifts, is_sum_in_range, sum_shifts
from qrig.fixedpoint.formats import MAX_FRACTION_BITS, LayerFormat
from qrig.fixedpoint.layer_formats import MAX_SHIFT
from qrig.networks.graph import Concat, Eltwise, Network, Pooling, ReLU, Sigmoid, TanH
from qrig.quantize.magnitudes import TABLE_BITS, VALUE_BITS, WEIGHTED, magnitude

_WHOLE = (1e3, 1e15)
"""Magnitudes that are written out; others are rounded to three digits."""


def check_reach(network: Network, layers: Mapping[str, LayerFormat]) -> None:
    """Raise UnsupportedNetworkError if the formats chosen for `network` are none a target has.

    `layers` are those of the input and of every layer. What is too large or too small is named,
    with its magnitude and what can be done about it: who chose these formats is not the user.
    """
    bits = {name: entry.activation_fraction_bits or 0 for name, entry in layers.items()}
    for name, entry in layers.items():
        _check_size(network, name, entry, bits)
    for layer in network.layers:
        if isinstance(layer, Sigmoid | TanH):
            _check_table(network, layer, bits)
        elif isinstance(layer, Concat | Eltwise):
            _check_join(network, layer, bits)


def _check_table(network: Network, layer: Sigmoid | TanH, bits: Mapping[str, int]) -> None:
    (name,) = layer.inputs
    low, high = TABLE_BITS
    if not low <= bits[name] <= high:
        raise UnsupportedNetworkError(
            f"{layer.where}: expected values of up to {_reach(low)} in a format of {low} to {high} "
            f"fractional bits, as the table of a {layer.type} reads them, found that "
            f"{_why(network, name, bits)}"
        )


def _check_join(network: Network, layer: Concat | Eltwise, bits: Mapping[str, int]) -> None:
    found = [bits[name] for name in layer.inputs]
    fits = (
        max(concat_shifts(found)) <= MAX_SHIFT
        if isinstance(layer, Concat)
        else is_sum_in_range(sum_shifts(found))
    )
    if fits:
        return
    extreme = max(layer.inputs, key=lambda name: abs(bits[name] - VALUE_BITS))
    other = min(layer.inputs, key=lambda name: abs(bits[name] - VALUE_BITS))
    raise UnsupportedNetworkError(
        f"{layer.where}: expected tensors of magnitudes that formats of 8 bits can join, found "
        f"{extreme!r} with values of up to {_reach(bits[extreme])} beside {other!r} with values of "
        f"up to {_reach(bits[other])}: {_why(network, extreme, bits)}"
    )


def _check_size(network: Network, name: str, entry: LayerFormat, bits: Mapping[str, int]) -> None:
    found = (entry.activation_fraction_bits, entry.weight_fraction_bits, entry.bias_fraction_bits)
    if any(one is not None and abs(one) > MAX_FRACTION_BITS for one in found):
        raise UnsupportedNetworkError(
            f"{network.name}: {name!r}: expected values that formats of at most "
            f"{MAX_FRACTION_BITS} fractional bits either way hold, found others: "
            f"{_why(network, name, bits)}"
        )


def _why(network: Network, name: str, bits: Mapping[str, int]) -> str:
    """Return what makes the magnitude of tensor `name`, and what can be done."""
    makers = {layer.name: layer for layer in network.layers}
    maker = makers.get(name)
    while isinstance(maker, Pooling | ReLU | Concat | Eltwise):
        name = max(maker.inputs, key=lambda one: abs(bits[one] - VALUE_BITS))
        maker = makers.get(name)
    if isinstance(maker, WEIGHTED):
        return (
            f"layer {name!r} has weights of up to {_number(magnitude(maker.weights))} and a bias "
            f"of up to {_number(magnitude(maker.bias))}; divide them by a common factor, or train "
            "the network with weight decay"
        )
    scale = network.input.scale
    return (
        f"the input is multiplied by {_number(scale)}; give the scale that the network was trained "
        "with (--scale)"
    )


def _reach(bits: int) -> str:
    """Return the magnitude a format of `bits` fractional bits holds."""
    return _number(2.0 ** (VALUE_BITS - bits))


def _number(value: float) -> str:
    return f"{value:,.0f}" if _WHOLE[0] <= value < _WHOLE[1] else f"{value:.3g}"
