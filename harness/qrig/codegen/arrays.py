"""The constant arrays of a deployment: means, weights, biases."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

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


@frozen
class ConstantArray:
    """One array: C type, name, macro with its values, length, and the values as wrapped lines."""

    ctype: str
    name: str
    macro: str
    length: int
    lines: list[str] = field(repr=False)


def constant_arrays(layout: Layout, names: dict[str, str]) -> list[ConstantArray]:
    """Return all arrays of `layout`; `names` are the identifiers of its stages."""
    source = layout.network.input
    name = names[source.name]
    arrays = [_array("int16_t", f"{name}_mean", f"{name}_MEAN", source.mean)]
    for part in layout.parts:
        if isinstance(part, Group):
            arrays += _sliding_arrays(part.convolution, names[part.convolution.layer.name])
            continue
        if isinstance(part, ColumnGroup):
            name = names[part.convolution.layer.name]
            words = np.append(part.convolution.packed_weights(), np.zeros(SLACK_WORDS, np.uint32))
            arrays.append(_array("uint32_t", f"{name}_weights", f"{name}_WT", words))
            continue
        layer = part.layer
        if isinstance(
            layer, QuantizedConvolution | QuantizedDepthwiseConvolution | QuantizedInnerProduct
        ):
            name = names[layer.name]
            arrays.append(_array("q7_t", f"{name}_weights", f"{name}_WT", _weights(layer)))
            arrays.append(_array("q7_t", f"{name}_bias", f"{name}_BIAS", layer.bias))
    return arrays


def _weights(
    layer: QuantizedConvolution | QuantizedDepthwiseConvolution | QuantizedInnerProduct,
) -> npt.NDArray[np.integer[Any]]:
    """Return the weights of a library function in its order."""
    if isinstance(layer, QuantizedInnerProduct) and is_interleaved(layer):
        return interleaved(layer.weights, Order.X4_Q7)
    return layer.weights


def _sliding_arrays(convolution: SlidingConvolution, name: str) -> list[ConstantArray]:
    slack = np.zeros(convolution.slack_words, np.uint32)
    words = np.append(convolution.packed_weights().ravel(), slack)
    return [
        _array("uint32_t", f"{name}_weights", f"{name}_WT", words),
        _array("int32_t", f"{name}_start", f"{name}_START", convolution.starts),
    ]


def _array(
    ctype: str, name: str, macro: str, values: npt.NDArray[np.integer[Any]]
) -> ConstantArray:
    form = "0x{:08x}" if ctype == "uint32_t" else "{}"
    text = ", ".join(form.format(value) for value in values.ravel().tolist())
    lines = textwrap.wrap(text, _LINE, break_long_words=False, break_on_hyphens=False)
    return ConstantArray(ctype, name, macro.upper(), values.size, lines)
