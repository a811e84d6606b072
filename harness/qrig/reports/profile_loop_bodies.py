"""One iteration of a loop, instructions by class, bare issue and stalls, and how it changed.

The change of a loop's cycles is taken apart exactly: (n1 c1 - n0 c0) for n iterations of c cycles
is (n1 - n0) times the mean of c0 and c1 plus (c1 - c0) times the mean of n0 and n1, and c is the
issue of the instructions plus their stalls by cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from qrig.measure.profile_columns import MIX, MODELS
from qrig.reports.profile_cells import MEASURES, Row, total
from qrig.reports.profile_views import place_text

__all__ = ["INSTRUCTIONS", "ITERATIONS", "OTHER", "LoopBody", "effects", "stall_reasons"]

ITERATIONS: Final = "iterations"
"""The effect of running more or fewer iterations."""
INSTRUCTIONS: Final = "instructions"
"""The effect of running other instructions in an iteration: their bare issue."""
OTHER: Final = "other"
"""What no cause is named for."""

_LEAST_STRETCH: Final = 0.5
_ROUNDING: Final = 1e-10


@attrs.frozen(eq=False)
class LoopBody:
    """A loop of a profile and its instructions, sorted by address."""

    row: Row
    code: Sequence[Row]

    @property
    def iterations(self) -> int:
        """How often it ran, at least 1."""
        return max(int(self.row["iterations"]), 1)

    @property
    def place(self) -> str:
        """file:line as text, "" if it is not known."""
        return place_text(self.row["file"], self.row["line"])

    @property
    def places(self) -> frozenset[str]:
        """Every file:line its instructions come from."""
        found = {place_text(row["file"], row["line"]) for row in self.code}
        return frozenset(place for place in found if ":" in place)

    @property
    def mnemonics(self) -> list[str]:
        """The first word of every instruction: what stays when registers and addresses change."""
        return [(row["text"].split() or [""])[0] for row in self.code]

    def cost(self, measure: str) -> float | None:
        """All iterations' instructions or model cycles; None if not known."""
        value = self.row[MEASURES[measure]]
        return None if value is None else float(value)

    def classes(self) -> dict[str, float]:
        """Instructions of each class in an iteration; classes that do not occur are left out."""
        counts: dict[str, float] = dict.fromkeys(MIX, 0.0)
        for row in self.code:
            counts[row["class"]] = counts.get(row["class"], 0.0) + row["executions"]
        return {name: count / self.iterations for name, count in counts.items() if count}

    def issue(self, model: str) -> float | None:
        """Model cycles of an iteration without stalls; None if not known."""
        cycles, stalls = (
            total(self.code, f"{kind}_{model}") for kind in ("model_cycles", "stalls")
        )
        return None if cycles is None or stalls is None else (cycles - stalls) / self.iterations

    def stalls(self, model: str) -> dict[str, float]:
        """Stalled model cycles of an iteration by cause.

        The reasons are rounded in the table; they are stretched to the instruction's exact stalls.
        """
        found: dict[str, float] = {}
        for row in self.code:
            reasons = stall_reasons(row[f"stall_reasons_{model}"])
            rounded, exact = sum(reasons.values()) * row["executions"], row[f"stalls_{model}"]
            stretch = exact / rounded if exact and rounded else 1.0
            share = row["executions"] / self.iterations
            share *= stretch if _LEAST_STRETCH < stretch < 1 / _LEAST_STRETCH else 1.0
            for cause, cycles in reasons.items():
                found[cause] = found.get(cause, 0.0) + cycles * share
        return found


def stall_reasons(text: str | None) -> dict[str, float]:
    """Read "operand 0.5, fetch 0.25": cycles by cause; what does not read so is left out."""
    found: dict[str, float] = {}
    for part in (text or "").split(","):
        cause, _, number = part.strip().rpartition(" ")
        try:
            cycles = float(number)
        except ValueError:
            continue
        if cause and abs(cycles) < float("inf"):
            found[cause] = found.get(cause, 0.0) + cycles
    return found


def effects(before: LoopBody, after: LoopBody, measure: str) -> dict[str, float] | None:
    """Take the change of a loop's cost apart: by `ITERATIONS`, `INSTRUCTIONS`, cause, `OTHER`.

    The values add up to the change; None if the cost is not known on both sides. In the measure
    `instructions` there are no stalls.
    """
    old, new = before.cost(measure), after.cost(measure)
    if old is None or new is None:
        return None
    mean_cost = (old / before.iterations + new / after.iterations) / 2
    mean_iterations = (before.iterations + after.iterations) / 2
    found = {ITERATIONS: (after.iterations - before.iterations) * mean_cost}
    for cause, change in _per_iteration(before, after, measure).items():
        found[cause] = change * mean_iterations
    found[OTHER] = new - old - sum(found.values())
    noise = _ROUNDING * max(abs(old), abs(new))
    return {cause: cycles for cause, cycles in found.items() if abs(cycles) > noise}


def _per_iteration(before: LoopBody, after: LoopBody, measure: str) -> Mapping[str, float]:
    """Change of one iteration's cost by cause, as far as the instructions tell."""
    if measure not in MODELS:
        old, new = (float(body.row["instructions"]) / body.iterations for body in (before, after))
        return {INSTRUCTIONS: new - old}
    old_issue, new_issue = before.issue(measure), after.issue(measure)
    if old_issue is None or new_issue is None:
        return {}
    was, now = before.stalls(measure), after.stalls(measure)
    changes = {INSTRUCTIONS: new_issue - old_issue}
    for cause in sorted({*was, *now}):
        name = cause if cause not in (ITERATIONS, INSTRUCTIONS, OTHER) else f"{cause} stall"
        changes[name] = now.get(cause, 0.0) - was.get(cause, 0.0)
    return changes
