"""A memory plan: every buffer of a deployment, where it lies and from when to when it is needed."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import field, frozen
from attrs.validators import ge, optional


@frozen
class PlannedBuffer:
    """One buffer, needed from stage `first_stage` to stage `last_stage`, both included.

    `offset_bytes` is its place in the arena; None says that its memory is its own.
    """

    name: str
    size_bytes: int = field(validator=ge(0))
    first_stage: str
    last_stage: str
    offset_bytes: int | None = field(default=None, validator=optional(ge(0)))

    @property
    def needed(self) -> str:
        """The stages that need it, in words."""
        if self.first_stage == self.last_stage:
            return self.first_stage
        return f"{self.first_stage} to {self.last_stage}"


@frozen
class MemoryPlan:
    """The buffers of a deployment in the order they are needed, and the arena that many share."""

    buffers: tuple[PlannedBuffer, ...]
    arena_bytes: int

    @property
    def shared_bytes(self) -> int:
        """What the buffers in the arena would take side by side."""
        return sum(each.size_bytes for each in self.buffers if each.offset_bytes is not None)

    @property
    def total_bytes(self) -> int:
        """The arena, and the buffers outside it."""
        return self.arena_bytes + self.naive_bytes - self.shared_bytes

    @property
    def naive_bytes(self) -> int:
        """What all buffers would take side by side."""
        return sum(each.size_bytes for each in self.buffers)

    def lines(self) -> list[str]:
        """Return the plan as lines of text: a heading, then offset, bytes, stages and name."""
        names = [each.needed for each in self.buffers]
        width = max((len(name) for name in names), default=0)
        found = [f"{'offset':>8} {'bytes':>8}  {'needed':<{width}}  buffer"]
        for each, needed in zip(self.buffers, names, strict=True):
            place = "-" if each.offset_bytes is None else f"{each.offset_bytes}"
            found.append(f"{place:>8} {each.size_bytes:>8}  {needed:<{width}}  {each.name}")
        return found

    def document(self) -> dict[str, Any]:
        """Return the plan as it is kept in run.json."""
        return {
            "buffers": [attrs.asdict(each) for each in self.buffers],
            "arena_bytes": self.arena_bytes,
            "total_bytes": self.total_bytes,
            "naive_bytes": self.naive_bytes,
        }
