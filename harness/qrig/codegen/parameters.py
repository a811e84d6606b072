"""What parameter.h says of each stage: shapes, formats, and the numbers of its call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from qrig.codegen.calls import Call
from qrig.codegen.describe import formats_text, stage_text
from qrig.codegen.fast.groups import Single
from qrig.codegen.layout import Layout

OUTPUT_SHIFT = "OUT_RSHIFT"
"""The ending of the macro with a layer's output shift."""


@frozen
class StageParameters:
    """The comment of a stage, two lines, and its macros."""

    comment: tuple[str, str]
    macros: tuple[tuple[str, int], ...]


def stage_parameters(
    layout: Layout, calls: Sequence[Call], names: Mapping[str, str]
) -> list[StageParameters]:
    """Return the parameters of all stages; `names` are their identifiers."""
    stages = layout.network.stages
    bits = {stage.name: stage.fraction_bits for stage in stages}
    macros = _macros(layout, calls)
    found = []
    for stage in stages:
        in_bits = [bits[name] for name in getattr(stage, "inputs", ())]
        comment = f"{names[stage.name]}: {stage_text(stage)}", formats_text(stage, in_bits)
        upper = names[stage.name].upper()
        named = tuple((f"{upper}_{key}", value) for key, value in macros.get(stage.name, ()))
        found.append(StageParameters(comment, named))
    return found


def _macros(layout: Layout, calls: Sequence[Call]) -> dict[str, tuple[tuple[str, int], ...]]:
    """Return the macros of each stage, by its name, without its identifier."""
    source = layout.network.input
    found: dict[str, tuple[tuple[str, int], ...]] = {
        source.name: (
            ("SIZE", source.shape.size),
            ("MEAN_LENGTH", source.mean.size),
            ("MULTIPLIER", source.multiplier),
            ("SHIFT", source.shift),
        )
    }
    for part, call in zip(layout.parts, calls, strict=True):
        if isinstance(part, Single):
            found[part.layer.name] = call.step.macros if call.step else ()
        else:
            layer = part.convolution.layer
            found[layer.name] = ((OUTPUT_SHIFT, layer.output_shift),)
    return found
