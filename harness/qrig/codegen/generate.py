"""The C sources of a network: weights.h, parameter.h, network.h, network.c, and its row kernels."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from attrs import frozen

from qrig import __version__
from qrig.codegen.arena import Buffer
from qrig.codegen.arrays import constant_arrays
from qrig.codegen.calls import make_calls
from qrig.codegen.choices import Choices
from qrig.codegen.fast.assembly import PRODUCTS_BYTES
from qrig.codegen.fast.group_code import column_context, group_context
from qrig.codegen.fast.groups import ColumnGroup, Single
from qrig.codegen.fast.kernel_names import KernelNames
from qrig.codegen.fast.portable import portable_kernels
from qrig.codegen.interfaces import CMSIS_NN_API, QRIG_API
from qrig.codegen.layout import Layout, make_layout
from qrig.codegen.names import comment_text, stage_identifiers, unique_identifiers
from qrig.codegen.parameters import stage_parameters
from qrig.codegen.record import kernel_lines, stage_lines
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics

ASSEMBLER_CORES = ("cortex-m4", "cortex-m7")
"""Cores whose row kernels are assembler; any other gets portable C."""

PORTABLE = "portable"
"""Any other core."""


def generate_network(
    network: QuantizedNetwork,
    semantics: Semantics = DEFAULT,
    *,
    choices: Choices | None = None,
    core: str = PORTABLE,
    api: str = QRIG_API,
    plan: str | None = None,
) -> dict[str, str]:
    """Return the C sources of `network` by file name.

    `choices` names the kernel of each convolution, `core` the core whose assembler is written,
    `api` whose functions are called; with CMSIS_NN_API every choice is LIBRARY. `plan` is said in
    the head of network.c. Raises UnsupportedNetworkError for layers the kernels do not have, and
    for choices that are not exact.
    """
    layout = make_layout(network, choices or {}, truncate=semantics.truncate, api=api)
    definitions = _definitions(semantics, api)
    made = {"api": api, "core": core, "plan": plan, "definitions": definitions}
    kernels = KernelNames()
    context = {**_context(layout, kernels), **made}
    files = {
        name: render(f"{name}.j2", context)
        for name in ("weights.h", "parameter.h", "network.h", "network.c")
    }
    if context["is_fused"] and core in ASSEMBLER_CORES:
        files["network_kernels.S"] = kernels.assembly(core)
    elif context["is_fused"]:
        files["network_kernels.c"] = portable_kernels(kernels)
    return files


def _context(layout: Layout, kernels: KernelNames) -> dict[str, Any]:
    """Return the variables of the templates; the kernels they call are added to `kernels`."""
    network = layout.network
    names = stage_identifiers(stage.name for stage in network.stages)
    symbols = _symbols(layout)
    calls = make_calls(layout, names, symbols)
    steps = [call.step for call in calls if call.step]
    return {
        "version": __version__,
        "network": network,
        "network_name": comment_text(network.name),
        "layout": layout,
        "kernel_lines": kernel_lines(layout),
        "plan_lines": [comment_text(line) for line in layout.memory_plan.lines()],
        "products_bytes": PRODUCTS_BYTES,
        "groups": _groups(layout, names, symbols, kernels),
        "row_kernels": list(kernels.kernels),
        "column_kernels": list(kernels.columns),
        "memory": _memory(layout, symbols),
        "calls": calls,
        "uses_status": layout.api == QRIG_API or any(step.returns_status for step in steps),
        "functions": {step.function for step in steps},
        "input_name": names[network.input.name],
        "input_symbol": symbols[layout.input_buffer],
        "arrays": constant_arrays(layout, names),
        "parameters": stage_parameters(layout, calls, names),
        "stage_texts": stage_lines(network),
        "output_symbol": calls[-1].target if calls else symbols[layout.input_buffer],
        "is_fused": any(not isinstance(part, Single) for part in layout.parts),
        "has_planes": bool(layout.groups),
        "has_columns": bool(kernels.columns),
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


def _groups(
    layout: Layout, names: dict[str, str], symbols: dict[Buffer, str], kernels: KernelNames
) -> list[str]:
    texts = []
    makers = {group.layers[-1].name: group for group in layout.groups}
    for part, buffers in zip(layout.parts, layout.buffers, strict=True):
        if isinstance(part, Single):
            continue
        if isinstance(part, ColumnGroup):
            context = column_context(part, buffers, symbols, names, kernels)
            texts.append(render("columns.c.j2", context))
            continue
        before = makers[part.convolution.layer.inputs[0]] if part.in_planes else None
        context = group_context(part, before, buffers, symbols, names, kernels)
        texts.append(render("sliding.c.j2", context))
    return texts


def _symbols(layout: Layout) -> dict[Buffer, str]:
    """Return the C name of every buffer."""
    buffers = list(layout.arena.offsets)
    found = unique_identifiers(buffer.name for buffer in buffers)
    return {b: f"AT_{symbol.upper()}" for b, symbol in zip(buffers, found, strict=True)}


def _definitions(semantics: Semantics, api: str) -> list[tuple[str, bool]]:
    """Return the definitions that choose what kernels compute, and whether each is wanted."""
    known = Semantics("c", "5.4", truncate=True).definitions
    if api == CMSIS_NN_API:
        known = tuple(name for name in known if name.startswith("ARM_"))
    return [(name, name in semantics.definitions) for name in known]


@frozen
class _Line:
    """One buffer of the arena in the source."""

    symbol: str
    ctype: str
    offset: int
    size_bytes: int
    name: str


def _memory(layout: Layout, symbols: dict[Buffer, str]) -> list[_Line]:
    kinds: dict[Buffer, tuple[str, int]] = {}
    for part, buffers in zip(layout.parts, layout.buffers, strict=True):
        for buffer, kind in (
            (buffers.data, ("qrig_word", 4)),
            (buffers.staged, ("uint32_t", 4)),
        ):
            if buffer is not None:
                kinds[buffer] = kind
        if buffers.scratch is not None and isinstance(part, Single):
            kinds[buffers.scratch] = ("q7_t", 1) if part.layer.type == "pooling" else ("q15_t", 2)
    lines = []
    for buffer, offset in sorted(layout.arena.offsets.items(), key=lambda item: item[0].begin):
        ctype, size = kinds.get(buffer, ("q7_t", 1))
        symbol = symbols[buffer]
        lines.append(
            _Line(symbol, ctype, offset // size, buffer.size_bytes, comment_text(buffer.name))
        )
    return lines
