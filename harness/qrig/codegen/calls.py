"""The calls of network_run, one for each part of a layout."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from qrig.codegen.arena import Buffer
from qrig.codegen.cmsis_nn import cmsis_nn_step
from qrig.codegen.describe import stage_text
from qrig.codegen.fast.groups import ColumnGroup, Group, Single
from qrig.codegen.interfaces import CMSIS_NN_API
from qrig.codegen.layout import Layout, PartBuffers
from qrig.codegen.steps import Operands, Step, make_step

_COLUMNS = 101  # of a generated line


@frozen
class Call:
    """One part in network_run: a group's function, or the call of a library function.

    `comments` say what each of its layers does. `copy` is what is copied before: from where, how
    many bytes, to where.
    """

    name: str
    comments: tuple[str, ...]
    stage: int
    target: str
    bytes: int
    planes: bool = False
    step: Step | None = None
    copy: tuple[str, int, str] | None = None

    def arguments(self, indent: int) -> str:
        """Return the arguments of a library function whose name begins at column `indent` - 1."""
        if self.step is None:
            return ""
        column = indent + len(self.step.function)
        lines = [""]
        for argument in self.step.arguments:
            if lines[-1] and len(lines[-1]) + len(argument) > _COLUMNS - column:
                lines.append("")
            lines[-1] += f"{argument}, "
        return f"\n{' ' * column}".join(line[:-1] for line in lines)[:-1]


def make_calls(
    layout: Layout, names: Mapping[str, str], symbols: Mapping[Buffer, str]
) -> list[Call]:
    """Return the calls of `layout` in order.

    `names` are the identifiers of stages, `symbols` the C expressions of buffers. Raises
    UnsupportedNetworkError for a layer that no kernel computes.
    """
    calls = []
    for part, buffers in zip(layout.parts, layout.buffers, strict=True):
        if isinstance(part, Single):
            calls.append(_library_call(layout, part, buffers, names, symbols))
        else:
            calls.append(_group_call(part, buffers, names, symbols))
    return calls


def _group_call(
    part: Group | ColumnGroup,
    buffers: PartBuffers,
    names: Mapping[str, str],
    symbols: Mapping[Buffer, str],
) -> Call:
    return Call(
        names[part.convolution.layer.name],
        tuple(f"{names[layer.name]}: {stage_text(layer)}" for layer in part.layers),
        part.last_stage,
        symbols[buffers.target],
        part.layers[-1].out_shape.size,
        planes=isinstance(part, Group) and part.out_planes,
    )


def _library_call(
    layout: Layout,
    part: Single,
    buffers: PartBuffers,
    names: Mapping[str, str],
    symbols: Mapping[Buffer, str],
) -> Call:
    layer, target = part.layer, symbols[buffers.target]
    sources = tuple(symbols[buffer] for buffer in buffers.sources)
    copy = None
    if buffers.copied is not None:
        copy = sources[0], layer.in_shape.size, symbols[buffers.copied]
        sources = copy[2:]
    at = Operands(sources, target)
    if buffers.scratch is not None:
        at = Operands(sources, target, symbols[buffers.scratch])
    make = cmsis_nn_step if layout.api == CMSIS_NN_API else make_step
    name = names[layer.name]
    comments = (f"{name}: {stage_text(layer)}",)
    size = layer.out_shape.size
    return Call(
        name, comments, part.stage, target, size, step=make(layer, name, at), copy=copy
    )  # fmt: skip
