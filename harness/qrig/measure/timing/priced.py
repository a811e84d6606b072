"""A profile with its cycles."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class InstructionCost:
    """What one instruction cost in a phase, over all its executions, in core cycles.

    `bare_cycles` is what its issue alone takes (M7: half a cycle each, M4: one); `stalls` is
    everything beyond that by reason (`steps.REASONS`).
    """

    executions: int
    bare_cycles: float
    stalls: dict[str, float]

    @property
    def cycles(self) -> float:
        """All cycles: the bare ones and the stalls."""
        return self.bare_cycles + sum(self.stalls.values())


@frozen(eq=False)
class PricedPhase:
    """A phase: what every instruction cost, by address.

    `unknown` are instructions no model can price, with how often they ran: where there is one, the
    phase has no total. Both are empty for a phase of a kind that was not priced.
    """

    name: str
    kind: str
    costs: dict[int, InstructionCost] = field(factory=dict, repr=False)
    unknown: dict[int, int] = field(factory=dict, repr=False)

    @property
    def cycles(self) -> float:
        """The cycles of all instructions that have a price."""
        return sum(cost.cycles for cost in self.costs.values())


@frozen(eq=False)
class PricedProfile:
    """A profile priced for one board; `phases` are parallel to those of the profile.

    `core` is whose model was used. `memory_counted` says whether the profile counted accesses and
    the caches of this board: without that the cycles lack misaligned accesses, banks and cache
    fills.
    """

    core: str
    board: str
    memory_counted: bool
    phases: tuple[PricedPhase, ...]
