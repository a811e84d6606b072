"""Layers in words, for comments: shapes and windows, and apart from these what training decides."""

from __future__ import annotations

from collections.abc import Sequence

from qrig.codegen.names import format_name
from qrig.fixedpoint.quantized import (
    QuantizedConcat,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedEltwiseSum,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedPooling,
)

_WINDOWED = (QuantizedConvolution, QuantizedDepthwiseConvolution, QuantizedPooling)
_WEIGHTED = (QuantizedConvolution, QuantizedDepthwiseConvolution, QuantizedInnerProduct)


def stage_text(stage: QuantizedInput | QuantizedLayer) -> str:
    """Return type, window, shapes and MACs of a stage: nothing that depends on weights.

    Windows are height x width, shapes height x width x channels.
    """
    if isinstance(stage, QuantizedInput):
        return f"pixels {stage.shape} uint8 ({stage.channel_order})"
    macs = f", {stage.mac:,} MAC" if stage.mac else ""
    return f"{_kind(stage)}: {_inputs(stage)} -> {stage.out_shape}{macs}"


def formats_text(stage: QuantizedInput | QuantizedLayer, in_bits: Sequence[int]) -> str:
    """Return the formats of a stage; `in_bits` are the fractional bits of what it reads.

    Formats of weights and biases follow from the shifts.
    """
    out = format_name(stage.fraction_bits)
    if isinstance(stage, QuantizedInput):
        mean = "the mean image" if stage.mean.ndim == 3 else "a mean for each channel"
        return f"less {mean}, times {stage.multiplier} / 2^{stage.shift}, as {out}"
    inputs = " + ".join(map(format_name, in_bits))
    if not isinstance(stage, _WEIGHTED):
        return f"{inputs} -> {out}"
    weight_bits = stage.output_shift + stage.fraction_bits - in_bits[0]
    bias_bits = in_bits[0] + weight_bits - stage.bias_shift
    return f"{inputs}, weights {format_name(weight_bits)}, bias {format_name(bias_bits)} -> {out}"


def _kind(layer: QuantizedLayer) -> str:
    if not isinstance(layer, _WINDOWED):
        return layer.type
    method = f" {layer.method}" if isinstance(layer, QuantizedPooling) else ""
    kernel, stride, pad = (f"{y}x{x}" for y, x in (layer.kernel, layer.stride, layer.pad))
    return f"{layer.type}{method} {kernel}, stride {stride}, pad {pad}"


def _inputs(layer: QuantizedLayer) -> str:
    if isinstance(layer, QuantizedConcat | QuantizedEltwiseSum):
        return " + ".join(map(str, layer.in_shapes))
    return str(layer.in_shape)
