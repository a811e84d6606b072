"""What an original CMSIS-NN cannot compute: refused before anything is built, and why.

Limits are those of the original's code for cores with DSP instructions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import singledispatch

from qrig.build.cmsis_nn import NAME, CmsisNN
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
)

_ADAPTED = {
    "arm_avepool_q7_HWC_nonsquare": "arm_avepool_q7_HWC",
    "arm_maxpool_q7_HWC_nonsquare": "arm_maxpool_q7_HWC",
}
_SAME_INTERFACE = re.compile(r"arm_(convolve|depthwise_separable|fully_connected|softmax)_\w+")
_SAME_BEHIND_ADAPTER = (
    "arm_avepool_q7_HWC",
    "arm_maxpool_q7_HWC",
    "arm_nn_activations_direct_q7",
    "arm_relu_q7",
)
_CALL = re.compile(r"\b(arm_\w+)\s*\(")


def check_original(
    original: CmsisNN, network: QuantizedNetwork, sources: Mapping[str, str]
) -> None:
    """Raise UnsupportedNetworkError if `original` cannot compute `network` or lacks a function.

    `sources` are the network's generated sources by file name.
    """
    check_layers(network, "measure this network without --cmsis-nn")
    for call in sorted(set(_CALL.findall(sources["network.c"]))):
        known = call in _ADAPTED or call in _SAME_BEHIND_ADAPTER or _SAME_INTERFACE.fullmatch(call)
        wanted = _ADAPTED.get(call, call)
        if not known or wanted not in original.functions:
            raise UnsupportedNetworkError(
                f"{network.name}: expected {wanted} in {original.folder}, found none there; "
                "use another CMSIS-NN, or measure this network without --cmsis-nn"
            )


def check_layers(network: QuantizedNetwork, remedy: str) -> None:
    """Raise UnsupportedNetworkError, with what to do, for a layer that no original can compute."""
    for layer in network.layers:
        reason = _reason(layer)
        if reason is not None:
            raise UnsupportedNetworkError(
                f"layer {layer.name!r}: expected what {NAME} computes, found {reason}; {remedy}"
            )


def adapter_sources(network: QuantizedNetwork) -> dict[str, str]:
    """Return what a deployment adds for the adapter: the scratch memory of average poolings."""
    sizes = [
        layer.out_shape.w * layer.out_shape.c
        for layer in network.layers
        if isinstance(layer, QuantizedPooling) and layer.method == "average"
    ]
    text = "#include <stdint.h>\n\n/* Scratch memory of the original's average poolings. */\n"
    text += "extern int16_t cmsis_nn_pool_buffer[];\n"
    text += f"int16_t cmsis_nn_pool_buffer[{max(sizes, default=1)}];\n"
    return {"cmsis_nn_buffer.c": text}


@singledispatch
def _reason(layer: QuantizedLayer) -> str | None:
    """Return what of `layer` the original cannot compute, None if it can."""
    return None


@_reason.register
def _(layer: QuantizedPooling) -> str | None:
    windows = (layer.in_shape[:2], layer.kernel, layer.stride, layer.pad, layer.out_shape[:2])
    if any(y != x for y, x in windows):
        return "a pooling that is not square"
    if layer.out_shape.h > layer.in_shape.h:
        return "a pooling whose output is larger than its input"
    if layer.pad.y and layer.pad.y >= layer.stride.y:
        return f"a pooling with padding {layer.pad.y} and stride {layer.stride.y}"
    return None


@_reason.register
def _(layer: QuantizedConvolution) -> str | None:
    rows, fast = layer.out_shape.h, layer.in_shape.c % 4 == 0 and layer.out_shape.c % 2 == 0
    if fast and layer.pad.y > rows:
        return f"a convolution with padding {layer.pad.y} and {rows} output rows"
    return None


@_reason.register
def _(layer: QuantizedDepthwiseConvolution) -> str | None:
    if layer.kernel.y * layer.kernel.x < 2:
        return "a depthwise convolution with a 1x1 kernel"
    return None
