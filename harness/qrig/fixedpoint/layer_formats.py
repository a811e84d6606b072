"""What formats say of one layer, and the checks of what follows from it."""

from __future__ import annotations

from typing import Any

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.fixedpoint.formats import Formats, LayerFormat
from qrig.networks.graph import Layer

MAX_SHIFT = 31
"""Largest shift the kernels take."""


def base_fields(layer: Layer, fraction_bits: int) -> dict[str, Any]:
    """Return the fields that every quantised layer has."""
    return {
        "name": layer.name,
        "inputs": layer.inputs,
        "in_shape": layer.in_shape,
        "out_shape": layer.out_shape,
        "fraction_bits": fraction_bits,
    }


def layer_format(name: str, formats: Formats) -> LayerFormat:
    """Return the entry of layer `name`; raises FileFormatError if there is none."""
    try:
        return formats.layers[name]
    except KeyError:
        raise FileFormatError(
            f"{formats.source}: expected formats for layer {name!r}, found none; quantise the "
            "network again"
        ) from None


def stated_bits(value: int | None, what: str, name: str, formats: Formats) -> int:
    """Return `value`; raises FileFormatError if the formats leave it out."""
    if value is None:
        raise FileFormatError(
            f"{formats.source}: layer {name!r}: expected {what}, found none; quantise the network "
            "again"
        )
    return value


def output_bits(name: str, formats: Formats) -> int:
    """Return the fractional bits of the output of layer (or input) `name`."""
    bits = layer_format(name, formats).activation_fraction_bits
    return stated_bits(bits, "activation fraction bits", name, formats)


def check_inherited(layer: Layer, formats: Formats, in_bits: int) -> None:
    """Check that a layer without weights keeps its input's format."""
    stated = _stated_output(layer, formats)
    if stated is not None and stated != in_bits:
        raise UnsupportedNetworkError(
            f"{formats.source}: layer {layer.name!r}: expected the format of its input "
            f"({in_bits} fractional bits), found {stated}; a {layer.type} cannot change formats"
        )


def check_only(layer: Layer, formats: Formats, bits: int, meaning: str) -> None:
    """Check that formats state no other format of the output than `bits`, the only possible one."""
    stated = _stated_output(layer, formats)
    if stated is not None and stated != bits:
        raise UnsupportedNetworkError(
            f"{formats.source}: layer {layer.name!r}: expected {bits} fractional bits ({meaning}), "
            f"found {stated}; the output of a {layer.type} has no other format"
        )


def check_shift(name: str, formats: Formats, key: str, shift: int) -> None:
    """Check that the kernels have a shift, and that formats which state it state the same.

    `key` is "bias_shift" or "output_shift".
    """
    stated = getattr(formats.layers.get(name, LayerFormat()), key)
    if stated is not None and stated != shift:
        raise FileFormatError(
            f"{formats.source}: layer {name!r}: expected {key} {shift}, which follows from the "
            f"formats, found {stated}; quantise the network again"
        )
    if not 0 <= shift <= MAX_SHIFT:
        raise UnsupportedNetworkError(
            f"{formats.source}: layer {name!r}: expected a {key} of 0 to {MAX_SHIFT}, found "
            f"{shift}; choose formats with fewer fractional bits in the "
            f"{'bias' if key == 'bias_shift' else 'output'}"
        )


def _stated_output(layer: Layer, formats: Formats) -> int | None:
    return formats.layers.get(layer.name, LayerFormat()).activation_fraction_bits
