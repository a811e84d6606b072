"""The Cortex-M7: two instructions a cycle in order, an early and a late ALU, a fetch queue.

Rules M1 to M14, which docs/timing.md describes; the numbers are in `cortex-m7.toml`. A position in
time is a cycle and half a cycle for every issue slot used in it, so that an instruction's cycles
are the way from the position before it to the one behind it, and sum up exactly.

Not modelled: interrupts, DMA, the flash and AXI buses under contention. Floating-point instructions
are priced roughly (latency 3, never paired); an instruction in an IT block costs the same whether
its condition holds or not.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from qrig.boards.board import Board
from qrig.measure.timing.instruction import DIVIDE, FLOAT, LOAD, STORE, Instruction
from qrig.measure.timing.m7_plan import ALONE, LOADS, PLAIN, Plan, plan
from qrig.measure.timing.parameters import M7Numbers, read_m7
from qrig.measure.timing.steps import (
    BANK,
    DIVISION,
    FETCH,
    MULTIPLE,
    OPERAND,
    PAIRING,
    STORE_BUFFER,
    TAKEN,
    MemoryCosts,
    Pass,
    Step,
)


class CortexM7:
    """The timing model of a Cortex-M7 on one board."""

    own_branch_costs = False

    def __init__(self, board: Board) -> None:
        """Make the model; raises FileFormatError if its numbers cannot be read."""
        self._board = board
        self._numbers = read_m7()
        self._plans: dict[Instruction, Plan] = {}
        self._ecc = board.silicon is not None and board.silicon.ecc

    def simulate(self, passes: Sequence[Pass]) -> list[list[Step]]:
        """Return the steps of every pass; the first one begins with an empty pipeline."""
        pipeline = _Pipeline(self._numbers, ecc=self._ecc)
        steps = []
        for each in passes:
            block = each.block
            steps.append(
                [
                    pipeline.step(self._plan(instruction), same_bank, misaligned)
                    for instruction, same_bank, misaligned in zip(
                        block.instructions, block.same_bank, block.misaligned_stores, strict=True
                    )
                ]
            )
            if each.taken and block.instructions and block.instructions[-1].branch:
                pipeline.redirect()
        return steps

    def mispredicted_cycles(self, instructions: Sequence[Instruction]) -> float:
        """Return what a branch that was not foretold costs at the end of these instructions (M11).

        Less if its flags were set long before; they count as near where the block does not tell.
        """
        if not instructions or not instructions[-1].branch:
            return 0.0
        numbers, last = self._numbers, instructions[-1]
        distance = int(numbers.flags_distance.value)
        recent = instructions[-1 - distance : -1]
        far = len(recent) == distance and not any(each.sets_flags for each in recent)
        if far and last.conditional and not last.compares and not last.indirect:
            return numbers.mispredicted_far.value
        return numbers.mispredicted_near.value

    def misaligned_cycles(self, instruction: Instruction, misaligned: float, odd: float) -> float:
        """Return what misaligned loads cost (M12); stores are part of the simulation."""
        del odd  # how far off an address is makes no difference
        if instruction.kind != LOAD:
            return 0.0
        return misaligned * self._numbers.misaligned_load.value

    def memory_costs(self) -> MemoryCosts:
        """Return what a line from flash costs (M14); lines from RAM cost nothing."""
        memory, silicon = self._board.memory, self._board.silicon
        if memory is None or silicon is None:
            return MemoryCosts(0.0, 0.0)
        bus_cycles = memory.code.wait_states + self._numbers.line_fill_bus_cycles.value
        cycles = silicon.bus_divider * bus_cycles
        return MemoryCosts(data_fill=cycles, instruction_fill=cycles)

    def _plan(self, instruction: Instruction) -> Plan:
        found = self._plans.get(instruction)
        if found is None:
            found = self._plans[instruction] = plan(instruction, self._numbers)
        return found


class _Pipeline:
    """The state between two instructions: position, results under way, fetch queue, stores."""

    def __init__(self, numbers: M7Numbers, *, ecc: bool) -> None:
        self._numbers = numbers
        self._ecc = ecc
        self._width = int(numbers.issue_width.value)
        self._slot = 1 / self._width
        self._cycle = 0
        self._used = 0
        self._older: Plan | None = None
        self._ready: dict[str, tuple[int, int]] = {}
        self._stores: list[float] = []
        self._line: int | None = None
        self._fetched = -int(numbers.fetch_lead.value)
        self._taken_lines: deque[int] = deque(maxlen=int(numbers.fetch_queue.value))
        self._redirected = False
        self._stalls: list[tuple[str, float]] = []

    def redirect(self) -> None:
        """Say that the last instruction was a taken branch: a new line, a new group."""
        self._line = None
        self._redirected = True

    def step(self, each: Plan, same_bank: bool, misaligned: float) -> Step:
        """Issue one instruction."""
        self._stalls = []
        self._wait(each)
        self._pair(each, same_bank)
        if each.buffered:
            self._store(each, misaligned)
        self._finish(each)
        return self._slot, tuple(self._stalls)

    def _advance(self, cycle: int, reason: str) -> None:
        """Go to the start of a later cycle."""
        lost = cycle - self._cycle - self._used * self._slot
        if lost > 0:
            self._stalls.append((reason, lost))
        self._cycle, self._used, self._older = cycle, 0, None

    def _wait(self, each: Plan) -> None:
        """Wait for the bytes (M9) and for the operands (M2 to M4)."""
        fetched = self._fetch(each)
        ready = self._cycle
        for name, how, stage in each.needs:
            known = self._ready.get(name)
            if known is not None and known[how] - stage > ready:
                ready = known[how] - stage
        if max(fetched, ready) > self._cycle:
            self._advance(max(fetched, ready), OPERAND if ready >= fetched else FETCH)

    def _fetch(self, each: Plan) -> int:
        """Return when the last line with bytes of the instruction is there (M9).

        A line leaves the queue when its first instruction is looked at.
        """
        for line in range(each.first_line, each.last_line + 1):
            if line == self._line:
                continue
            self._fetched += 1
            if len(self._taken_lines) == self._taken_lines.maxlen:
                self._fetched = max(self._fetched, self._taken_lines[0])
            self._taken_lines.append(self._cycle)
            self._line = line
        return self._fetched

    def _pair(self, each: Plan, same_bank: bool) -> None:
        """Begin a new cycle if this one is full or its first instruction allows no second."""
        older, redirected = self._older, self._redirected
        self._redirected = False
        if older is None:
            return
        reason = None
        if self._used >= self._width or redirected:
            reason = TAKEN
        elif older.refuses & each.traits:
            reason = PAIRING
        elif same_bank and older.traits & each.traits & LOADS:
            reason = BANK
        if reason is not None:
            self._advance(self._cycle + 1, reason)

    def _store(self, each: Plan, misaligned: float) -> None:
        """Wait for room in the store buffer and put the stores in (M12, M13)."""
        depth = int(self._numbers.store_buffer.value)
        waiting = [done for done in self._stores if done > self._cycle]
        if len(waiting) >= depth:
            self._advance(max(self._cycle, math.ceil(waiting[-depth])), STORE_BUFFER)
        service = self._service(each, misaligned)
        for offset in range(each.buffered):
            start = max(self._cycle + offset, waiting[-1] if waiting else 0)
            waiting.append(start + service)
        self._stores = waiting

    def _service(self, each: Plan, misaligned: float) -> float:
        """Return the cycles the store buffer needs for a store."""
        numbers = self._numbers
        aligned = numbers.store.value
        if each.instruction.kind != STORE:
            return aligned
        if self._ecc and each.instruction.access_bytes == 1:
            aligned = numbers.ecc_byte_store.value
        elif self._ecc and each.instruction.access_bytes == 2:
            aligned = numbers.ecc_half_store.value
        return aligned + misaligned * (numbers.misaligned_store.value - aligned)

    def _finish(self, each: Plan) -> None:
        """Write down when the results come and how much of the cycle is used."""
        cycle = self._cycle
        results = each.early_results if self._is_early(each) else each.results
        for name, (plain, factor) in results:
            self._ready[name] = (cycle + plain, cycle + factor)
        self._older = each
        self._used += 1
        if each.traits & ALONE and each.instruction.kind != FLOAT:
            self._stalls.append(
                (
                    DIVISION if each.instruction.kind == DIVIDE else MULTIPLE,
                    each.cycles - self._slot,
                )
            )
            self._cycle += each.cycles - 1
            self._used = self._width

    def _is_early(self, each: Plan) -> bool:
        """Return whether the early ALU can do it (M5)."""
        older = self._older
        if each.adds:
            possible = self._used == 0
        else:
            possible = each.plain_shift and not (older is not None and older.uses_shifter)
        return possible and all(
            self._ready[name][PLAIN] <= self._cycle
            for name, _, _ in each.needs
            if name in self._ready
        )
