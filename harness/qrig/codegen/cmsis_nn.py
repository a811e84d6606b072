"""Calls of the legacy CMSIS-NN's own functions, with the interface that 5.9.0 declares.

Its poolings are square and return nothing, an average wants scratch memory, and a ReLU or an
activation takes 16 bits of size. What it does not have at all are static functions of the generated
source (templates/cmsis_nn.c.j2).
"""

from __future__ import annotations

from attrs import evolve

from qrig.codegen.limits import MAX_ARGUMENT
from qrig.codegen.steps import Operands, Step, make_step
from qrig.fixedpoint.quantized import QuantizedLayer, QuantizedPooling

_OWN = {
    "qrig_concat_q7": "network_concat",
    "qrig_eltwise_sum_q7": "network_sum",
}
_SPLIT = {
    "arm_relu_q7": "network_relu",
    "arm_nn_activations_direct_q7": "network_activation",
}


def cmsis_nn_step(layer: QuantizedLayer, name: str, at: Operands) -> Step:
    """Return the call for `layer`, whose identifier is `name`, with CMSIS-NN's interface alone.

    Raises UnsupportedNetworkError as `make_step` does; what the original computes wrongly is known
    to qrig.build.cmsis_nn_limits.
    """
    if isinstance(layer, QuantizedPooling):
        return _pooling(layer, name, at)
    step = make_step(layer, name, at)
    if step.function in _OWN:
        return evolve(step, function=_OWN[step.function], returns_status=False)
    if step.function in _SPLIT:
        is_long = layer.out_shape.size > MAX_ARGUMENT
        function = _SPLIT[step.function] if is_long else step.function
        return evolve(step, function=function, returns_status=False)
    return step


def average_scratch_bytes(layer: QuantizedLayer) -> int:
    """Return the scratch memory of an average pooling, 0 of any other layer."""
    if isinstance(layer, QuantizedPooling) and layer.method == "average":
        return 2 * layer.out_shape.w * layer.out_shape.c
    return 0


def _pooling(layer: QuantizedPooling, name: str, at: Operands) -> Step:
    """Return the call of a square pooling."""
    macros = (
        ("IN_DIM", layer.in_shape.h),
        ("IN_CH", layer.in_shape.c),
        ("KER_DIM", layer.kernel.y),
        ("PAD", layer.pad.y),
        ("STRIDE", layer.stride.y),
        ("OUT_DIM", layer.out_shape.h),
    )
    return Step(
        name,
        "arm_maxpool_q7_HWC" if layer.method == "max" else "arm_avepool_q7_HWC",
        (at.source, *(f"{name.upper()}_{key}" for key, _ in macros), at.scratch, at.target),
        returns_status=False,
        macros=macros,
    )
