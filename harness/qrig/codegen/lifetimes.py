"""From when to when each tensor of a deployment is needed, and what lies in another's place."""

from __future__ import annotations

from attrs import frozen

from qrig.codegen.fast.groups import Group, Part, Single
from qrig.codegen.plan import IN_PLACE_TYPES
from qrig.fixedpoint.quantized import QuantizedNetwork


def times_of(index: int) -> tuple[int, int]:
    """Return the times at which part `index` makes its input ready, and at which it does the rest.

    The network's input is there at time 0.
    """
    return 2 * index + 1, 2 * index + 2


def part_at(time: int) -> int | None:
    """Return the index of the part that works at `time`, None for time 0."""
    return (time - 1) // 2 if time else None


def inputs_of(part: Part) -> tuple[str, ...]:
    """Return the names of the tensors that a part reads."""
    return part.layer.inputs if isinstance(part, Single) else part.convolution.layer.inputs


def output_of(part: Part) -> str:
    """Return the name of the tensor that a part makes."""
    return part.layer.name if isinstance(part, Single) else part.layers[-1].name


@frozen
class Lifetimes:
    """When tensors are read last, and in whose place each lies.

    `last_parts` are the parts that read a tensor last. A tensor that is written over another has
    that one's `places` entry, any other its own name; `ends` are the last times, by place.
    """

    last_parts: dict[str, int]
    places: dict[str, str]
    ends: dict[str, int]

    @classmethod
    def of(cls, network: QuantizedNetwork, parts: tuple[Part, ...]) -> Lifetimes:
        """Return the lifetimes of all tensors in memory."""
        last_parts = {name: index for index, part in enumerate(parts) for name in inputs_of(part)}
        places = {network.input.name: network.input.name}
        ends = {network.input.name: 0}
        for index, part in enumerate(parts):
            for name in inputs_of(part):
                ends[places[name]] = max(ends[places[name]], _reading_end(part, index))
            name, over = output_of(part), _overwritten(part, index, last_parts)
            places[name] = name if over is None else places[over]
            ends[places[name]] = max(ends.get(places[name], 0), times_of(index)[1])
        return cls(last_parts, places, ends)

    def end(self, name: str) -> int:
        """Return the last time at which anything lies in a tensor's place."""
        return self.ends[self.places[name]]

    def is_read_later(self, name: str, index: int) -> bool:
        """Return whether a part behind part `index` reads the tensor."""
        return self.last_parts[name] > index


def _overwritten(part: Part, index: int, last_parts: dict[str, int]) -> str | None:
    """Return the tensor that a part writes its output over, None if it needs a place of its own."""
    if not isinstance(part, Single) or part.layer.type not in IN_PLACE_TYPES:
        return None
    return next((name for name in part.layer.inputs if last_parts[name] == index), None)


def _reading_end(part: Part, index: int) -> int:
    """Return the last time at which part `index` reads its input."""
    begin, end = times_of(index)
    return begin if isinstance(part, Group) and part.convolution.passes == 1 else end
