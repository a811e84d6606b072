"""What a profile says of each layer, instruction by instruction and function by function.

Marking a layer costs a few instructions inside it. A layer that does nothing (phase "overhead")
shows what they are: its counts are subtracted from every layer's, and the functions that ran in it
are the harness' own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from attrs import define, field, frozen

from qrig.build.image import FirmwareImage
from qrig.measure.timing.code import ProfiledCode
from qrig.measure.timing.instruction import Instruction
from qrig.profiles import Access, Edge, Phase, Profile
from qrig.profiles.profile import NO_BLOCK, OVERHEAD

NO_FUNCTION = "?"
"""The function of code that no symbol covers."""


@frozen(eq=False)
class Program:
    """The code of a profile: the decoded instructions of each block, by its index."""

    profile: Profile
    image: FirmwareImage
    code: ProfiledCode = field(repr=False)
    blocks: tuple[tuple[Instruction, ...], ...] = field(repr=False)
    functions: dict[int, str] = field(repr=False)

    def function(self, address: int) -> str:
        """Return the function that holds `address`."""
        return self.functions.get(address, NO_FUNCTION)

    def is_taken(self, edge: Edge) -> bool:
        """Whether the branch at the end of the edge's source was taken."""
        blocks = self.profile.blocks
        return edge.source != NO_BLOCK and blocks[edge.source].end != blocks[edge.target].address

    def last(self, block: int) -> Instruction:
        """Return the last instruction of a block."""
        return self.blocks[block][-1]


def read_program(profile: Profile, image: FirmwareImage) -> Program:
    """Decode the code of `profile`; raises FileFormatError if it is not that of `image`."""
    code = ProfiledCode(profile, image)
    blocks = tuple(code.instructions(index) for index in range(len(profile.blocks)))
    functions = {
        instruction.address: image.function_at(instruction.address) or NO_FUNCTION
        for block in blocks
        for instruction in block
    }
    return Program(profile, image, code, blocks, functions)


@define
class PhaseCounts:
    """The counts of one phase. Keys of `executions` and of `accesses` are addresses."""

    executions: Counter[int] = field(factory=Counter)
    accesses: dict[int, list[Access]] = field(factory=lambda: defaultdict(list))
    totals: Counter[str] = field(factory=Counter)
    entries: Counter[tuple[str, str]] = field(factory=Counter)
    loops: Counter[tuple[int, int]] = field(factory=Counter)

    def instructions_of(self, program: Program) -> Counter[str]:
        """Return the executed instructions of each function."""
        counts: Counter[str] = Counter()
        for address, executions in self.executions.items():
            counts[program.function(address)] += executions
        return counts


def count_phase(program: Program, phase: Phase) -> PhaseCounts:
    """Count `phase`.

    `totals` holds what the columns of `PROFILE_LAYERS` are called; `entries` how often a function
    was entered from another, by (caller, called); `loops` how often a branch back was taken, by
    (address of its target, address behind it).
    """
    counts = PhaseCounts()
    for block, executions in program.profile.executions(phase).items():
        for instruction in program.blocks[block]:
            counts.executions[instruction.address] += executions
            counts.totals[f"mix_{instruction.mix}"] += executions
            counts.totals["instructions"] += executions
    for edge in phase.edges:
        _count_edge(program, edge, counts)
    for block, wrong in phase.mispredicted.items():
        counts.totals["mispredicted"] += wrong if program.last(block).branch else 0
    for access in phase.accesses:
        counts.accesses[access.address].append(access)
        for name, count in _access_totals(program.profile, access):
            counts.totals[name] += count
    return counts


def _count_edge(program: Program, edge: Edge, counts: PhaseCounts) -> None:
    if edge.source == NO_BLOCK:
        return
    last = program.last(edge.source)
    if not last.branch:
        return
    taken = program.is_taken(edge)
    counts.totals["branches_taken" if taken else "branches_not_taken"] += edge.count
    if not taken:
        return
    target = program.profile.blocks[edge.target].address
    source_function, function = program.function(last.address), program.function(target)
    symbol = program.image.find_symbol(function)
    if source_function != function:
        if symbol is not None and symbol.address == target:
            counts.entries[source_function, function] += edge.count
    elif target <= last.address and "lr" not in last.writes:
        counts.loops[target, last.address + last.size_bytes] += edge.count


def _access_totals(profile: Profile, access: Access) -> Iterator[tuple[str, int]]:
    """Yield the columns an access belongs to, each with its count."""
    inside = access.memory >= 0
    memory = profile.memories[access.memory].name if inside else "other"
    yield "loads", access.loads
    yield "stores", access.stores
    yield f"{memory}_loads", access.loads
    yield f"{memory}_stores", access.stores
    yield f"misaligned_{access.size_bytes}", access.misaligned


def overhead_of(program: Program) -> PhaseCounts:
    """Return the counts of the layer that does nothing, none if the profile has no such phase."""
    for phase in program.profile.phases:
        if phase.kind == OVERHEAD and phase.edges:
            return count_phase(program, phase)
    return PhaseCounts()
