"""The constant arrays of a deployment: means, weights, biases."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import evolve, field, frozen

from qrig.codegen.fast.columns import ColumnConvolution
from qrig.codegen.fast.groups import ColumnGroup, Group
from qrig.codegen.fast.sliding import SLACK_WORDS, SlidingConvolution
from qrig.codegen.layout import Layout
from qrig.codegen.steps import is_interleaved
from qrig.fixedpoint.interleave import Order, interleaved
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
)

_LINE = 92
_ORDERS = {
    "convolution": "out, y, x, in",
    "depthwise": "y, x, channel",
    "innerproduct": "row-major",
}

_Weighted = QuantizedConvolution | QuantizedDepthwiseConvolution | QuantizedInnerProduct


@frozen
class ConstantArray:
    """One array: what it is, C type, name, macro with its values, length, values in wrapped lines.

    The length is a number or, where training may change it, a macro of parameter.h.
    """

    about: str
    ctype: str
    name: str
    macro: str
    length: str
    lines: list[str] = field(repr=False)


def constant_arrays(layout: Layout, names: dict[str, str]) -> list[ConstantArray]:
    """Return all arrays of `layout`; `names` are the identifiers of its stages."""
    source = layout.network.input
    name = names[source.name]
    mean = "mean image" if source.mean.ndim == 3 else "mean of each channel"
    made = _array(f"{name}: {mean}", "int16_t", f"{name}_mean", f"{name}_MEAN", source.mean)
    arrays = [evolve(made, length=f"{name.upper()}_MEAN_LENGTH")]
    for part in layout.parts:
        if isinstance(part, Group):
            arrays += _sliding_arrays(part.convolution, names[part.convolution.layer.name])
        elif isinstance(part, ColumnGroup):
            arrays.append(_column_array(part.convolution, names[part.convolution.layer.name]))
        elif isinstance(
            part.layer, QuantizedConvolution | QuantizedDepthwiseConvolution | QuantizedInnerProduct
        ):
            arrays += _library_arrays(part.layer, names[part.layer.name])
    return arrays


def _library_arrays(layer: _Weighted, name: str) -> list[ConstantArray]:
    """Return weights and biases of a layer that a library function computes."""
    values, order = layer.weights, _ORDERS[layer.type]
    if isinstance(layer, QuantizedInnerProduct) and is_interleaved(layer):
        values, order = interleaved(values, Order.X4_Q7), "in blocks of four rows and columns"
    shape = "x".join(map(str, layer.weights.shape))
    about = f"{name}: weights {shape}, {order}"
    return [
        _array(about, "q7_t", f"{name}_weights", f"{name}_WT", values),
        _array(f"{name}: biases", "q7_t", f"{name}_bias", f"{name}_BIAS", layer.bias),
    ]


def _column_array(convolution: ColumnConvolution, name: str) -> ConstantArray:
    words = np.append(convolution.packed_weights(), np.zeros(SLACK_WORDS, np.uint32))
    about = f"{name}: for every two channels their starts (bias and rounding), then words of both"
    return _array(about, "uint32_t", f"{name}_weights", f"{name}_WT", words)


def _sliding_arrays(convolution: SlidingConvolution, name: str) -> list[ConstantArray]:
    slack = np.zeros(convolution.slack_words, np.uint32)
    words = np.append(convolution.packed_weights().ravel(), slack)
    filter_ = convolution.filter
    about = f"{name}: weights transformed by F({filter_.output_count},{filter_.taps})"
    starts = f"{name}: what the sum of each channel starts from, bias and rounding"
    return [
        _array(f"{about}, channel by channel", "uint32_t", f"{name}_weights", f"{name}_WT", words),
        _array(starts, "int32_t", f"{name}_start", f"{name}_START", convolution.starts),
    ]


def _array(
    about: str, ctype: str, name: str, macro: str, values: npt.NDArray[np.integer[Any]]
) -> ConstantArray:
    form = "0x{:08x}" if ctype == "uint32_t" else "{}"
    text = ", ".join(form.format(value) for value in values.ravel().tolist())
    lines = textwrap.wrap(text, _LINE, break_long_words=False, break_on_hyphens=False)
    return ConstantArray(about, ctype, name, macro.upper(), str(values.size), lines)
