"""The C sources of a network: weights.h, parameter.h, network.h, network.c, and its row kernels."""

from __future__ import annotations

from functools import cache
from typing import Any

import attrs
import jinja2
from attrs import frozen

from qrig import __version__
from qrig.codegen.arena import Buffer
from qrig.codegen.arrays import constant_arrays
from qrig.codegen.choices import Choices
from qrig.codegen.fast.assembly import PRODUCTS_BYTES
from qrig.codegen.fast.group_code import KernelNames, column_context, group_context
from qrig.codegen.fast.groups import ColumnGroup, Group, Single
from qrig.codegen.fast.portable import portable_kernels
from qrig.codegen.layout import Layout, make_layout
from qrig.codegen.names import comment_text, format_name, stage_identifiers, unique_identifiers
from qrig.codegen.steps import Operands, Step, make_step
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics

_COLUMNS = 101  # of a generated line

ASSEMBLER_CORES = ("cortex-m4", "cortex-m7")
"""Cores whose row kernels are assembler; any other gets portable C."""


def generate_network(
    network: QuantizedNetwork,
    semantics: Semantics = DEFAULT,
    *,
    choices: Choices | None = None,
    core: str = "portable",
) -> dict[str, str]:
    """Return the C sources of `network` by file name.

    `choices` names the kernel of each convolution, `core` the core whose assembler is written.
    Raises UnsupportedNetworkError for layers the kernels do not have, and for choices that are not
    exact.
    """
    layout = make_layout(network, choices or {}, truncate=semantics.truncate)
    kernels = KernelNames()
    context = _context(layout, kernels)
    files = {
        name: render(f"{name}.j2", context)
        for name in ("weights.h", "parameter.h", "network.h", "network.c")
    }
    if context["is_fused"] and core in ASSEMBLER_CORES:
        files["network_kernels.S"] = kernels.assembly(core)
    elif context["is_fused"]:
        files["network_kernels.c"] = portable_kernels(kernels.kernels, kernels.columns)
    return files


def _context(layout: Layout, kernels: KernelNames) -> dict[str, Any]:
    """Return the variables of the templates; the kernels they call are added to `kernels`."""
    network = layout.network
    names = stage_identifiers(stage.name for stage in network.stages)
    symbols = _symbols(layout)
    calls = _calls(layout, names, symbols)
    return {
        "version": __version__,
        "network": network,
        "layout": layout,
        "products_bytes": PRODUCTS_BYTES,
        "groups": _groups(layout, names, symbols, kernels),
        "memory": _memory(layout, symbols),
        "steps": calls,
        "input_name": names[network.input.name],
        "input_symbol": symbols[layout.input_buffer],
        "input_comment": _input_comment(network),
        "arrays": constant_arrays(layout, names),
        "stage_names": [names[stage.name] for stage in network.stages],
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


@frozen
class _Call:
    """One part in network_run: a group's function, or the call of a library function.

    `copy` is what is copied before: from where, how many bytes, to where.
    """

    name: str
    comment: str
    stage: int
    target: str
    bytes: int
    group: bool
    planes: bool = False
    call: Step | None = None
    copy: tuple[str, int, str] | None = None

    def arguments(self, indent: int) -> str:
        """Return the arguments of a library function whose name begins at column `indent` - 1."""
        if self.call is None:
            return ""
        column = indent + len(self.call.function)
        lines = [""]
        for argument in self.call.arguments:
            if lines[-1] and len(lines[-1]) + len(argument) > _COLUMNS - column:
                lines.append("")
            lines[-1] += f"{argument}, "
        return f"\n{' ' * column}".join(line[:-1] for line in lines)[:-1]


def _calls(layout: Layout, names: dict[str, str], symbols: dict[Buffer, str]) -> list[_Call]:
    calls = []
    bits = {stage.name: stage.fraction_bits for stage in layout.network.stages}
    for part, buffers in zip(layout.parts, layout.buffers, strict=True):
        target = symbols[buffers.target]
        if not isinstance(part, Single):
            last = part.layers[-1]
            name = names[part.convolution.layer.name]
            text = ", ".join(f"{names[layer.name]} ({layer.type})" for layer in part.layers)
            calls.append(
                _Call(name, text, part.last_stage, target, last.out_shape.size,
                      group=True, planes=isinstance(part, Group) and part.out_planes)
            )  # fmt: skip
            continue
        layer = part.layer
        sources = tuple(symbols[buffer] for buffer in buffers.sources)
        copy = None
        if buffers.copied is not None:
            copy = sources[0], layer.in_shape.size, symbols[buffers.copied]
            sources = copy[2:]
        in_bits = tuple(bits[name] for name in layer.inputs)
        step = make_step(layer, names[layer.name], Operands(sources, in_bits, target))
        if buffers.scratch is not None:
            scratch = symbols[buffers.scratch]
            step = attrs.evolve(
                step, arguments=tuple(scratch if a == "scratch" else a for a in step.arguments)
            )
        calls.append(
            _Call(step.name, step.comment, part.stage, target, layer.out_shape.size,
                  group=False, call=step, copy=copy)
        )  # fmt: skip
    return calls


def _groups(
    layout: Layout, names: dict[str, str], symbols: dict[Buffer, str], kernels: KernelNames
) -> list[str]:
    texts = []
    bits = {stage.name: stage.fraction_bits for stage in layout.network.stages}
    makers = {group.layers[-1].name: group for group in layout.groups}
    for part, buffers in zip(layout.parts, layout.buffers, strict=True):
        if isinstance(part, Single):
            continue
        in_bits = bits[part.convolution.layer.inputs[0]]
        if isinstance(part, ColumnGroup):
            context = column_context(part, buffers, symbols, names, kernels, in_bits)
            texts.append(render("columns.c.j2", context))
            continue
        before = makers[part.convolution.layer.inputs[0]] if part.in_planes else None
        context = group_context(part, before, buffers, symbols, names, kernels, in_bits)
        texts.append(render("sliding.c.j2", context))
    return texts


def _symbols(layout: Layout) -> dict[Buffer, str]:
    """Return the C name of every buffer."""
    buffers = list(layout.arena.offsets)
    found = unique_identifiers(buffer.name for buffer in buffers)
    return {b: f"AT_{symbol.upper()}" for b, symbol in zip(buffers, found, strict=True)}


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
    for buffers in layout.buffers:
        for buffer, kind in (
            (buffers.data, ("qrig_word", 4)),
            (buffers.staged, ("uint32_t", 4)),
            (buffers.scratch, ("q15_t", 2)),
        ):
            if buffer is not None:
                kinds[buffer] = kind
    lines = []
    for buffer, offset in sorted(layout.arena.offsets.items(), key=lambda item: item[0].begin):
        ctype, size = kinds.get(buffer, ("q7_t", 1))
        symbol = symbols[buffer]
        lines.append(
            _Line(symbol, ctype, offset // size, buffer.size_bytes, comment_text(buffer.name))
        )
    return lines


def _input_comment(network: QuantizedNetwork) -> str:
    source = network.input
    mean = "mean image" if source.mean.ndim == 3 else "channel means"
    return (
        f"pixels {source.shape} uint8 ({source.channel_order}), less {mean}, times "
        f"{source.multiplier} / 2^{source.shift} -> {format_name(source.fraction_bits)}"
    )
