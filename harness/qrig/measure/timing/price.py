"""Cycles of a profiled run by the timing model of a core: every instruction of every layer."""

from __future__ import annotations

from collections.abc import Collection

from attrs import define, field

from qrig.boards.board import Board
from qrig.build.image import FirmwareImage
from qrig.measure.timing.code import ProfiledCode
from qrig.measure.timing.counted import CountedCosts
from qrig.measure.timing.instruction import STORE, UNKNOWN, Instruction
from qrig.measure.timing.models import find_model
from qrig.measure.timing.pairs import Cost, PairCosts
from qrig.measure.timing.priced import InstructionCost, PricedPhase, PricedProfile
from qrig.measure.timing.steps import Block, MemoryCosts
from qrig.profiles import Phase, Profile
from qrig.profiles.profile import LAYER, MEMORY, NO_BLOCK, OVERHEAD

__all__ = ["InstructionCost", "PricedPhase", "PricedProfile", "price_profile"]

_SHARES = 16  # misaligned shares are rounded to sixteenths, so that phases share simulations
_MOST = 0.5  # a load is in the bank of the one before if most of its accesses are


def price_profile(
    profile: Profile,
    image: FirmwareImage,
    board: Board,
    model: str | None = None,
    *,
    kinds: Collection[str] = (LAYER, OVERHEAD),
    code: ProfiledCode | None = None,
) -> PricedProfile:
    """Return what every instruction of `profile` cost on `board`, in core cycles.

    `model` is a core, by default the board's; phases of other kinds than `kinds` stay empty; `code`
    is that of `profile` and `image` where it was decoded before. Raises
    UsageError for a core without a model, FileFormatError if `image` is not what was profiled.
    """
    core = model or board.core
    timing = find_model(core)(board)
    code = ProfiledCode(profile, image) if code is None else code
    pricer = _Pricer(profile, code, PairCosts(timing), CountedCosts(profile, code, board, timing))
    return PricedProfile(
        core=core,
        board=board.name,
        memory_counted=_memory_counted(profile, board, timing.memory_costs()),
        phases=tuple(
            pricer.phase(phase) if phase.kind in kinds else PricedPhase(phase.name, phase.kind)
            for phase in profile.phases
        ),
    )


def _memory_counted(profile: Profile, board: Board, costs: MemoryCosts) -> bool:
    """Return whether accesses were counted, and every cache of the board whose fills cost."""
    silicon = board.silicon
    needed = set()
    if silicon is not None and silicon.data_cache is not None and costs.data_fill:
        needed.add("data")
    if silicon is not None and silicon.instruction_cache is not None and costs.instruction_fill:
        needed.add("instruction")
    counted = {cache.kind for cache in profile.caches if cache.name.startswith(f"{board.name}/")}
    return profile.mode == MEMORY and needed <= counted


@define
class _Tally:
    """The growing cost of one instruction."""

    executions: int = 0
    bare_cycles: float = 0.0
    stalls: dict[str, float] = field(factory=dict)

    def stall(self, reason: str, cycles: float) -> None:
        if cycles:
            self.stalls[reason] = self.stalls.get(reason, 0.0) + cycles


@define
class _Visit:
    """A block in one phase: what is simulated of it, and how often its branch was taken."""

    block: Block
    unknown: tuple[int, ...]
    taken: float
    executions: int = 0


class _Pricer:
    def __init__(
        self, profile: Profile, code: ProfiledCode, pairs: PairCosts, counted: CountedCosts
    ) -> None:
        self._profile = profile
        self._code = code
        self._pairs = pairs
        self._counted = counted
        self._blocks: dict[Block, Block] = {}

    def phase(self, phase: Phase) -> PricedPhase:
        visits = self._visits(phase)
        tallies: dict[int, _Tally] = {}
        unknown: dict[int, int] = {}
        for edge in phase.edges:
            visit = visits[edge.target]
            visit.executions += edge.count
            source = visits[edge.source].block if edge.source != NO_BLOCK else None
            entered = self._is_taken(edge.source, edge.target)
            for taken, share in ((True, visit.taken), (False, 1 - visit.taken)):
                if share:
                    cost = self._pairs.cost(source, visit.block, entered=entered, taken=taken)
                    _add(tallies, visit.block.instructions, cost, edge.count * share)
        for visit in visits.values():
            for instruction in visit.block.instructions if visit.executions else ():
                tallies[instruction.address].executions += visit.executions
            for address in visit.unknown if visit.executions else ():
                unknown[address] = unknown.get(address, 0) + visit.executions
        self._count(phase, visits, tallies)
        costs = {
            address: InstructionCost(tally.executions, tally.bare_cycles, tally.stalls)
            for address, tally in sorted(tallies.items())
        }
        return PricedPhase(phase.name, phase.kind, costs, unknown)

    def _count(self, phase: Phase, visits: dict[int, _Visit], tallies: dict[int, _Tally]) -> None:
        """Add what is counted and not simulated."""
        instructions = {
            instruction.address: instruction
            for visit in visits.values()
            for instruction in visit.block.instructions
        }
        for address, reason, cycles in self._counted.penalties(phase, instructions):
            if address in tallies:
                tallies[address].stall(reason, cycles)

    def _visits(self, phase: Phase) -> dict[int, _Visit]:
        """Return the blocks of a phase and of the edges into it, by number."""
        same_bank, misaligned = _shares(phase)
        taken: dict[int, int] = {}
        left: dict[int, int] = {}
        for edge in phase.edges:
            if edge.source != NO_BLOCK:
                left[edge.source] = left.get(edge.source, 0) + edge.count
                if self._is_taken(edge.source, edge.target):
                    taken[edge.source] = taken.get(edge.source, 0) + edge.count
        visits = {}
        for index in {edge.target for edge in phase.edges} | left.keys():
            every = self._code.instructions(index)
            known = tuple(each for each in every if each.kind != UNKNOWN)
            block = Block(
                known,
                tuple(same_bank.get(each.address, 0.0) > _MOST for each in known),
                tuple(
                    misaligned.get(each.address, 0.0) if each.kind == STORE else 0.0
                    for each in known
                ),
            )
            # The last block of a phase is left in the next one: an unconditional branch is taken.
            jumps = bool(known) and known[-1].branch and not known[-1].conditional
            share = taken.get(index, 0) / left[index] if left.get(index) else float(jumps)
            unknown = tuple(each.address for each in every if each.kind == UNKNOWN)
            visits[index] = _Visit(self._blocks.setdefault(block, block), unknown, share)
        return visits

    def _is_taken(self, source: int, target: int) -> bool:
        """Return whether going from one block to another is a taken branch."""
        if source == NO_BLOCK:
            return False
        return self._profile.blocks[source].end != self._profile.blocks[target].address


def _add(
    tallies: dict[int, _Tally], instructions: tuple[Instruction, ...], cost: Cost, times: float
) -> None:
    for instruction, (bare, stalls) in zip(instructions, cost, strict=True):
        tally = tallies.get(instruction.address)
        if tally is None:
            tally = tallies[instruction.address] = _Tally()
        tally.bare_cycles += bare * times
        for reason, cycles in stalls.items():
            tally.stall(reason, cycles * times)


def _shares(phase: Phase) -> tuple[dict[int, float], dict[int, float]]:
    """Return, by address, the shares of accesses in the bank of the one before, and misaligned."""
    totals: dict[int, tuple[int, int, int]] = {}
    for access in phase.accesses:
        count, same, wrong = totals.get(access.address, (0, 0, 0))
        totals[access.address] = (
            count + access.loads + access.stores,
            same + access.same_bank,
            wrong + access.misaligned,
        )
    counted = {address: numbers for address, numbers in totals.items() if numbers[0]}
    same_bank = {address: same / count for address, (count, same, _) in counted.items()}
    misaligned = {
        address: round(_SHARES * wrong / count) / _SHARES
        for address, (count, _, wrong) in counted.items()
    }
    return same_bank, misaligned
