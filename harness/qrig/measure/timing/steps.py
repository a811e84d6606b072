"""What a pipeline simulator takes and gives: passes through blocks, and steps.

`Pass` is one execution of a block; `Step` is what one of its instructions cost: its bare cycles and
(reason, cycles) of every stall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from qrig.measure.timing.instruction import Instruction

OPERAND, PAIRING, FETCH, BANK = "operand", "pairing", "fetch", "bank"
STORE_BUFFER, MULTIPLE, DIVISION = "store buffer", "multiple", "divide"
LOADING, STORING, TAKEN, ALIGNMENT, ADDRESS = "load", "store", "branch", "alignment", "address"
MISPREDICTED, MISALIGNED, MEMORY = "mispredicted", "misaligned", "memory"

REASONS = {
    OPERAND: "waits for a result",
    PAIRING: "cannot issue beside its neighbour",
    FETCH: "waits for its bytes",
    BANK: "waits because two loads are in one bank",
    STORE_BUFFER: "waits for room in the store buffer",
    MULTIPLE: "transfers several words",
    DIVISION: "divides",
    LOADING: "a load that does not follow a load",
    STORING: "a store with a register offset, or a load behind a store",
    TAKEN: "a taken branch",
    ALIGNMENT: "32-bit instructions at half-word addresses",
    ADDRESS: "an address computed just before",
    MISPREDICTED: "a branch that was not foretold",
    MISALIGNED: "accesses at addresses that are no multiple of their size",
    MEMORY: "lines that a cache had to fetch",
}
"""Every reason for a stall and what it means."""

Stalls = tuple[tuple[str, float], ...]
Step = tuple[float, Stalls]


@frozen(cache_hash=True)
class Block:
    """A block to simulate: its instructions, and of what they access what costs time.

    `same_bank` holds, per instruction, whether a load mostly hits the bank of the access before;
    `misaligned_stores` the share of a store's accesses, 0 to 1, that are not aligned.
    """

    instructions: tuple[Instruction, ...]
    same_bank: tuple[bool, ...]
    misaligned_stores: tuple[float, ...]


@frozen
class Pass:
    """One execution of a block, and whether the branch at its end was taken."""

    block: Block
    taken: bool


@frozen
class MemoryCosts:
    """Cycles of what is counted and not simulated."""

    data_fill: float
    """A line of constants fetched into the data cache by a load."""
    instruction_fill: float
    """A line of code fetched into the instruction cache."""


class Model(Protocol):
    """The timing model of a core on one board."""

    own_branch_costs: bool
    """Whether being taken costs a branch itself, not what comes behind it."""

    def simulate(self, passes: Sequence[Pass]) -> list[list[Step]]:
        """Return the steps of every pass; the first one begins with an empty pipeline."""

    def mispredicted_cycles(self, instructions: Sequence[Instruction]) -> float:
        """Return what a branch that was not foretold costs at the end of these instructions."""

    def misaligned_cycles(self, instruction: Instruction, misaligned: float, odd: float) -> float:
        """Return what so many misaligned accesses cost, `odd` of them words at odd addresses."""

    def memory_costs(self) -> MemoryCosts:
        """Return what the memories of the board cost."""
