"""What the head of a generated network.c says of it: how it was made, its layers, its kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from qrig.codegen.choices import Choice
from qrig.codegen.describe import stage_text
from qrig.codegen.fast.groups import Single
from qrig.codegen.layout import Layout
from qrig.codegen.names import stage_identifiers
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork

TUNED = "tuned"
"""The plan of kernels that were measured."""

_MADE = re.compile(
    r"\(--api (?P<api>[\w-]{1,20}), --core (?P<core>[\w-]{1,20})(, --plan (?P<plan>[\w-]{1,20}))?\)"
)
_KERNEL = re.compile(r"(?P<name>\w{1,500}): (?P<choice>[\w ,]{1,80})")
_BULLET = " *   "


@frozen
class Record:
    """How a network.c was made, its stages in words, and the kernel of each convolution by name."""

    api: str
    core: str
    plan: str | None
    layers: tuple[str, ...] = field(repr=False)
    kernels: Mapping[str, Choice]

    def is_of(self, network: QuantizedNetwork) -> bool:
        """Return whether `network` has these layers, whatever its weights."""
        return self.layers == stage_lines(network)


def stage_lines(network: QuantizedNetwork) -> tuple[str, ...]:
    """Return a line for every stage."""
    names = stage_identifiers(stage.name for stage in network.stages)
    return tuple(f"{names[stage.name]}: {stage_text(stage)}" for stage in network.stages)


def kernel_lines(layout: Layout) -> tuple[str, ...]:
    """Return a line for every convolution of `layout`."""
    names = stage_identifiers(stage.name for stage in layout.network.stages)
    return tuple(f"{names[name]}: {choice}" for name, choice in used_choices(layout).items())


def used_choices(layout: Layout) -> dict[str, Choice]:
    """Return how each convolution of `layout` is computed, by its name."""
    found: dict[str, Choice] = {}
    for part in layout.parts:
        if not isinstance(part, Single):
            found[part.convolution.layer.name] = part.choice
        elif isinstance(part.layer, QuantizedConvolution):
            found[part.layer.name] = Choice()
    return found


def read_record(source: str) -> Record | None:
    """Return what the head of a network.c says, None if it does not say it."""
    head = source.partition("*/")[0].splitlines()
    made = _MADE.search(head[0]) if head else None
    if made is None:
        return None
    kernels: dict[str, Choice] = {}
    for line in _block(head, "Kernels:"):
        found = _KERNEL.fullmatch(line)
        choice = Choice.parse(found["choice"]) if found else None
        if found is None or choice is None:
            return None
        kernels[found["name"]] = choice
    layers = tuple(_block(head, "Layers:"))
    return Record(made["api"], made["core"], made["plan"], layers, kernels)


def _block(head: list[str], heading: str) -> Iterator[str]:
    """Yield the lines under a heading, up to one that is none of its list."""
    line = f" * {heading}"
    for text in head[head.index(line) + 1 :] if line in head else ():
        if not text.startswith(_BULLET):
            return
        yield text.removeprefix(_BULLET)
