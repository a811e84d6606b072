"""Who reads the tensors of a network, and what is known of their values."""

from __future__ import annotations

from qrig.fixedpoint.quantized import QuantizedLayer, QuantizedNetwork

_KEEPS_SIGN = frozenset({"pooling", "concat", "eltwise"})
"""Layers whose output is not below zero if no input is."""


def readers_of(network: QuantizedNetwork) -> dict[str, tuple[QuantizedLayer, ...]]:
    """Return the layers that read each tensor, in order; a layer that reads it twice is there once.

    Keys are the names of all stages.
    """
    found: dict[str, list[QuantizedLayer]] = {stage.name: [] for stage in network.stages}
    for layer in network.layers:
        for name in dict.fromkeys(layer.inputs):
            found[name].append(layer)
    return {name: tuple(layers) for name, layers in found.items()}


def positive_tensors(network: QuantizedNetwork) -> frozenset[str]:
    """Return the names of tensors of which it is known that no value is below zero."""
    found: set[str] = set()
    for layer in network.layers:
        keeps = layer.type in _KEEPS_SIGN and all(name in found for name in layer.inputs)
        if keeps or layer.type in ("relu", "sigmoid"):
            found.add(layer.name)
    return frozenset(found)
