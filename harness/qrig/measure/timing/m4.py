"""The Cortex-M4: one instruction a cycle, and what costs more.

Rules A1 to A9, which docs/timing.md describes; the numbers are in `cortex-m4.toml`. Not modelled:
interrupts, DMA, waits of other memories than the flash. Floating-point arithmetic is priced as one
cycle; an instruction in an IT block costs the same whether its condition holds or not.
"""

from __future__ import annotations

from collections.abc import Sequence

from qrig.boards.board import Board
from qrig.measure.timing.instruction import (
    DIVIDE,
    IT,
    LOAD,
    LOAD_MULTIPLE,
    STORE,
    STORE_MULTIPLE,
    Instruction,
)
from qrig.measure.timing.parameters import M4Numbers, read_m4
from qrig.measure.timing.steps import (
    ADDRESS,
    ALIGNMENT,
    DIVISION,
    LOADING,
    MULTIPLE,
    STORING,
    TAKEN,
    MemoryCosts,
    Pass,
    Step,
)

_ACCESSES = (LOAD, STORE, LOAD_MULTIPLE, STORE_MULTIPLE)
_LOADS = (LOAD, LOAD_MULTIPLE)


class CortexM4:
    """The timing model of a Cortex-M4 on one board."""

    own_branch_costs = True

    def __init__(self, board: Board) -> None:
        """Make the model; raises FileFormatError if its numbers cannot be read."""
        self._board = board
        self._numbers = read_m4()

    def simulate(self, passes: Sequence[Pass]) -> list[list[Step]]:
        """Return the steps of every pass; the first one begins with nothing before it."""
        pipeline = _Pipeline(self._numbers)
        steps = []
        for each in passes:
            instructions = each.block.instructions
            last = len(instructions) - 1
            steps.append(
                [
                    pipeline.step(instruction, taken=each.taken and index == last)
                    for index, instruction in enumerate(instructions)
                ]
            )
        return steps

    def mispredicted_cycles(self, instructions: Sequence[Instruction]) -> float:
        """Return 0: every taken branch refills the pipeline (A2), foretold or not."""
        del instructions
        return 0.0

    def misaligned_cycles(self, instruction: Instruction, misaligned: float, odd: float) -> float:
        """Return what misaligned accesses cost (A8)."""
        single = instruction.kind in (LOAD, STORE)
        return (misaligned + odd) * self._numbers.misaligned.value if single else 0.0

    def memory_costs(self) -> MemoryCosts:
        """Return what a line of constants from flash costs (A9); code is assumed to be there."""
        memory, silicon = self._board.memory, self._board.silicon
        if memory is None or silicon is None or silicon.data_cache is None:
            return MemoryCosts(0.0, 0.0)
        reads = silicon.data_cache.line_bytes * 8 / memory.code.width_bits
        cycles = reads * memory.code.wait_states * self._numbers.line_fill.value
        return MemoryCosts(data_fill=cycles, instruction_fill=0.0)


class _Pipeline:
    """What an instruction's cost depends on: the one before it, and how it was reached."""

    def __init__(self, numbers: M4Numbers) -> None:
        self._numbers = numbers
        self._before: Instruction | None = None
        self._entered = False
        self._run = 0

    def step(self, each: Instruction, *, taken: bool) -> Step:
        """Return what one instruction costs."""
        before = self._before
        folded = each.kind == IT and before is not None and not before.wide
        stalls = [
            (reason, cycles)
            for reason, cycles in (
                (ALIGNMENT, self._alignment(each)),
                (ADDRESS, self._address(each, before)),
                (LOADING, self._load(each, before)),
                (STORING, self._store(each, before)),
                (MULTIPLE, each.words * self._numbers.multiple_word.value),
                (DIVISION, self._numbers.divide.value if each.kind == DIVIDE else 0.0),
                (TAKEN, self._branch(each, taken=taken)),
            )
            if cycles
        ]
        jumps = taken and each.branch
        self._before = None if jumps else each
        self._entered = jumps
        if jumps:
            self._run = 0
        return 0.0 if folded else 1.0, tuple(stalls)

    def _alignment(self, each: Instruction) -> float:
        """Return what 32-bit instructions at half-word addresses cost (A3, A4)."""
        cycles = 0.0
        across = each.wide and each.address % 4 == 2
        if across and self._entered:
            cycles += self._numbers.wide_target.value
        self._run = self._run + 1 if across else 0
        if self._run == int(self._numbers.wide_run_length.value):
            cycles += self._numbers.wide_run.value
        return cycles

    def _address(self, each: Instruction, before: Instruction | None) -> float:
        """Return the wait for an address computed by the instruction before (A7)."""
        if before is None or before.kind in _LOADS or each.kind not in _ACCESSES:
            return 0.0
        return self._numbers.address_result.value if _depends(each, before) else 0.0

    def _load(self, each: Instruction, before: Instruction | None) -> float:
        """Return what a load costs that is not pipelined with one before it (A1, A5)."""
        if each.kind != LOAD:
            return 0.0
        follows = before is not None and before.kind == LOAD and not _depends(each, before)
        same_base = (
            before is not None
            and each.write_back is not None
            and each.write_back == before.write_back
        )
        across = each.wide and each.address % 4 == 2
        return 0.0 if follows and not same_base and not across else self._numbers.load.value

    def _store(self, each: Instruction, before: Instruction | None) -> float:
        """Return what a register offset costs a store (A1), a store the load behind it (A6)."""
        kind = before.kind if before is not None else None
        if each.kind == STORE and each.register_offset and kind != LOAD:
            return self._numbers.register_offset_store.value
        if each.kind in _LOADS and kind == STORE:
            return self._numbers.load_after_store.value
        return 0.0

    def _branch(self, each: Instruction, *, taken: bool) -> float:
        """Return what refilling the pipeline costs (A2)."""
        if not taken or not each.branch:
            return 0.0
        table = self._numbers.table_branch.value if each.table else 0.0
        return self._numbers.taken_branch.value + table


def _depends(each: Instruction, before: Instruction) -> bool:
    """Return whether an address of `each` is a result of `before`, other than its base update."""
    return any(name in each.addresses for name in before.writes if name != before.write_back)
