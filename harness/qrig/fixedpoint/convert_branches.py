"""Layers that join branches, and those that look values up: their shifts and formats."""

from __future__ import annotations

from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.branches import (
    concat_bits,
    concat_shifts,
    is_sum_in_range,
    sum_bits,
    sum_shifts,
)
from qrig.fixedpoint.formats import Formats, LayerFormat
from qrig.fixedpoint.layer_formats import MAX_SHIFT, base_fields, check_only, check_shift
from qrig.fixedpoint.quantized import (
    MAX_ELTWISE_SUM,
    MAX_INT_WIDTH,
    UNIT_FRACTION_BITS,
    QuantizedConcat,
    QuantizedEltwiseSum,
    QuantizedSigmoid,
    QuantizedTanH,
)
from qrig.networks.graph import Concat, Eltwise, Sigmoid, TanH

Bits = tuple[int, ...]
"""The fractional bits of a layer's inputs, one for each."""


def quantize_concat(layer: Concat, formats: Formats, in_bits: Bits) -> QuantizedConcat:
    """Return a concatenation in the format of its input with the fewest fractional bits.

    Raises UnsupportedNetworkError if formats state another, or lie too far apart.
    """
    bits, shifts = concat_bits(in_bits), concat_shifts(in_bits)
    check_only(layer, formats, bits, "the fewest of its inputs")
    if max(shifts) > MAX_SHIFT:
        raise UnsupportedNetworkError(
            f"{formats.source}: layer {layer.name!r}: expected inputs whose formats lie at most "
            f"{MAX_SHIFT} bits apart, found {_listed(in_bits)} fractional bits; choose formats "
            "nearer to each other"
        )
    return QuantizedConcat(
        **base_fields(layer, bits), in_shapes=layer.in_shapes, input_shifts=shifts
    )


def quantize_eltwise(layer: Eltwise, formats: Formats, in_bits: Bits) -> QuantizedEltwiseSum:
    """Return a sum in the format it is given, or else in the finest in which it cannot saturate.

    Raises UnsupportedNetworkError for another operation, and for formats the kernel has no shifts
    for; FileFormatError if a stated output shift is another.
    """
    if layer.operation != "sum" or any(factor != 1 for factor in layer.coefficients):
        factors = ", ".join(f"{factor:g}" for factor in layer.coefficients)
        raise UnsupportedNetworkError(
            f"{layer.where}: expected an eltwise sum with coefficients 1, found a "
            f"{layer.operation}{f' with coefficients {factors}' if factors else ''}; nothing else "
            "can be quantised"
        )
    stated = formats.layers.get(layer.name, LayerFormat()).activation_fraction_bits
    bits = sum_bits(in_bits) if stated is None else stated
    shifts, output_shift = sum_shifts(in_bits), max(in_bits) - bits
    if not is_sum_in_range(shifts):
        raise UnsupportedNetworkError(
            f"{formats.source}: layer {layer.name!r}: expected inputs whose sum reaches at most "
            f"{MAX_ELTWISE_SUM:,} steps of the finest, found {_listed(in_bits)} fractional bits; "
            "choose formats nearer to each other"
        )
    check_shift(layer.name, formats, "output_shift", output_shift)
    return QuantizedEltwiseSum(
        **base_fields(layer, bits),
        in_shapes=layer.in_shapes,
        input_shifts=shifts,
        output_shift=output_shift,
    )


def quantize_sigmoid(layer: Sigmoid, formats: Formats, in_bits: Bits) -> QuantizedSigmoid:
    """Return a sigmoid; raises UnsupportedNetworkError for an input its table does not cover."""
    return QuantizedSigmoid(
        **base_fields(layer, UNIT_FRACTION_BITS), int_width=_int_width(layer, formats, in_bits)
    )


def quantize_tanh(layer: TanH, formats: Formats, in_bits: Bits) -> QuantizedTanH:
    """Return a tanh; raises UnsupportedNetworkError for an input its table does not cover."""
    return QuantizedTanH(
        **base_fields(layer, UNIT_FRACTION_BITS), int_width=_int_width(layer, formats, in_bits)
    )


def _int_width(layer: Sigmoid | TanH, formats: Formats, in_bits: Bits) -> int:
    """Return the integer bits of a table's input."""
    (bits,) = in_bits
    check_only(layer, formats, UNIT_FRACTION_BITS, "its values lie between -1 and 1")
    if not 0 <= UNIT_FRACTION_BITS - bits <= MAX_INT_WIDTH:
        raise UnsupportedNetworkError(
            f"{formats.source}: layer {layer.name!r}: expected an input of "
            f"{UNIT_FRACTION_BITS - MAX_INT_WIDTH} to {UNIT_FRACTION_BITS} fractional bits, as the "
            f"table of a {layer.type} has them, found {bits}; choose such a format for "
            f"{layer.inputs[0]!r}"
        )
    return UNIT_FRACTION_BITS - bits


def _listed(in_bits: Bits) -> str:
    return ", ".join(map(str, in_bits))
