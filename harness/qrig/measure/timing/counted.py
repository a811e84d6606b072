"""Costs that are counted, not simulated: mispredictions, misaligned accesses, cache fills."""

from __future__ import annotations

from collections.abc import Iterator

from qrig.boards.board import Board
from qrig.measure.timing.code import ProfiledCode
from qrig.measure.timing.instruction import UNKNOWN, Instruction
from qrig.measure.timing.steps import MEMORY, MISALIGNED, MISPREDICTED, Model
from qrig.profiles import Phase, Profile

_CODE = "code"  # the memory of code and constants, in profiles as in board.toml

Penalty = tuple[int, str, float]
"""The address of an instruction, why it stalled, and for how many cycles in all."""


class CountedCosts:
    """What the counts of a profile cost on one board."""

    def __init__(self, profile: Profile, code: ProfiledCode, board: Board, model: Model) -> None:
        """Take the caches of `profile` that are called `<board>/...` for those of the board."""
        self._code = code
        self._profile = profile
        self._model = model
        self._costs = model.memory_costs()
        mine = [cache.name.startswith(f"{board.name}/") for cache in profile.caches]
        self._mine = {index for index, is_mine in enumerate(mine) if is_mine}
        self._constants = {
            index for index, memory in enumerate(profile.memories) if memory.name == _CODE
        }

    def penalties(self, phase: Phase, instructions: dict[int, Instruction]) -> Iterator[Penalty]:
        """Yield the penalties of a phase; `instructions` are those that ran, by address."""
        yield from self._mispredicted(phase)
        yield from self._misaligned(phase, instructions)
        yield from self._data_fills(phase)
        yield from self._instruction_fills(phase)

    def _mispredicted(self, phase: Phase) -> Iterator[Penalty]:
        for index, count in phase.mispredicted.items():
            instructions = self._code.instructions(index)
            cycles = self._model.mispredicted_cycles(instructions)
            yield instructions[-1].address, MISPREDICTED, count * cycles

    def _misaligned(self, phase: Phase, instructions: dict[int, Instruction]) -> Iterator[Penalty]:
        for access in phase.accesses:
            instruction = instructions.get(access.address)
            if access.misaligned and instruction is not None:
                cycles = self._model.misaligned_cycles(instruction, access.misaligned, access.odd)
                yield access.address, MISALIGNED, cycles

    def _data_fills(self, phase: Phase) -> Iterator[Penalty]:
        for fills in phase.data_fills:
            if fills.cache in self._mine and fills.memory in self._constants:
                yield fills.address, MEMORY, fills.loads * self._costs.data_fill

    def _instruction_fills(self, phase: Phase) -> Iterator[Penalty]:
        """Yield a block's fills in equal parts at the first instruction of each of its lines."""
        for fills in phase.instruction_fills:
            if fills.cache not in self._mine:
                continue
            line_bytes = self._profile.caches[fills.cache].line_bytes
            heads: dict[int, int] = {}
            for instruction in self._code.instructions(fills.block):
                if instruction.kind != UNKNOWN:
                    heads.setdefault(instruction.address // line_bytes, instruction.address)
            for address in heads.values():
                cycles = fills.count * self._costs.instruction_fill / len(heads)
                yield address, MEMORY, cycles
