"""The C sources of a network: weights.h, parameter.h, network.h, network.c."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt

from qrig import __version__
from qrig.codegen.names import format_name, identifiers
from qrig.codegen.plan import MemoryPlan, plan_memory
from qrig.codegen.steps import Step, make_step
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedInnerProduct,
    QuantizedNetwork,
)
from qrig.fixedpoint.semantics import DEFAULT, Semantics

_LINE = 100


def generate_network(network: QuantizedNetwork, semantics: Semantics = DEFAULT) -> dict[str, str]:
    """Return the C sources of `network` by file name.

    Raises UnsupportedNetworkError for layers or semantics the kernels do not have.
    """
    if semantics != DEFAULT:
        raise UnsupportedNetworkError(
            f"expected the kernels' own semantics ({DEFAULT}), found {semantics}; only the "
            "reference computes other forms so far"
        )
    plan = plan_memory(network)
    names = identifiers(stage.name for stage in network.stages)
    context = {
        "version": __version__,
        "network": network,
        "plan": plan,
        "steps": _steps(network, plan, names),
        "input_name": names[network.input.name],
        "input_comment": _input_comment(network),
        "arrays": _arrays(network, names),
        "stage_names": [names[stage.name] for stage in network.stages],
        "output_buffer": plan.buffer_of_stage[-1],
    }
    return {
        name: render(f"{name}.j2", context)
        for name in ("weights.h", "parameter.h", "network.h", "network.c")
    }


def render(template: str, context: dict[str, Any]) -> str:
    """Return a template of this package filled with `context`; an unknown name is an error."""
    return _environment().get_template(template).render(context)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(  # noqa: S701  # C sources; every name is made an identifier before
        loader=jinja2.PackageLoader("qrig.codegen"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _steps(
    network: QuantizedNetwork, plan: MemoryPlan, names: dict[str, str]
) -> list[tuple[Step, int, int]]:
    """Return (step, stage, buffer of its output) of every layer."""
    steps = []
    bits = network.input.fraction_bits
    for stage, layer in enumerate(network.layers, start=1):
        source, target = plan.buffer_of_stage[stage - 1], plan.buffer_of_stage[stage]
        step = make_step(layer, names[layer.name], f"buffer_{source}", f"buffer_{target}", bits)
        steps.append((step, stage, target))
        bits = layer.fraction_bits
    return steps


def _input_comment(network: QuantizedNetwork) -> str:
    source = network.input
    mean = "mean image" if source.mean.ndim == 3 else "channel means"
    return (
        f"pixels {source.shape} uint8 ({source.channel_order}), less {mean}, times "
        f"{source.multiplier} / 2^{source.shift} -> {format_name(source.fraction_bits)}"
    )


def _arrays(network: QuantizedNetwork, names: dict[str, str]) -> list[dict[str, Any]]:
    """Return every constant array: C type, name, macro, length and wrapped values."""
    name = names[network.input.name]
    arrays = [_array("int16_t", f"{name}_mean", f"{name}_MEAN", network.input.mean)]
    for layer in network.layers:
        if isinstance(layer, QuantizedConvolution | QuantizedInnerProduct):
            name = names[layer.name]
            arrays.append(_array("q7_t", f"{name}_weights", f"{name}_WT", layer.weights))
            arrays.append(_array("q7_t", f"{name}_bias", f"{name}_BIAS", layer.bias))
    return arrays


def _array(
    ctype: str, name: str, macro: str, values: npt.NDArray[np.integer[Any]]
) -> dict[str, Any]:
    text = ",".join(map(str, values.ravel().tolist()))
    lines = textwrap.wrap(
        text.replace(",", ", "), _LINE - 8, break_long_words=False, break_on_hyphens=False
    )
    return {
        "ctype": ctype,
        "name": name,
        "macro": macro.upper(),
        "length": values.size,
        "lines": lines,
    }
