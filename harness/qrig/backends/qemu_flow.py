"""Edges from block counts alone.

Counting how often QEMU's translated blocks run costs next to nothing; asking at each one where it
came from costs a call. The edges follow from the counts, for what is entered has been left: a
translated block starts where something jumped to, so its count is the number of jumps there, and
the unknowns (how often each conditional branch was taken) fall one after the other. Some stand in a
circle (a loop behind a check whether it runs at all): for each circle the cheapest edge is counted
with calls. Which these are is found out by a first run, and kept.

Returns are matched with call sites by their sums: which of several returns of a function went to
which of its callers is not counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from attrs import define, field, frozen

from qrig.backends.qemu_program import Program, read_blocks, undetermined
from qrig.build.thumb import Code
from qrig.profiles.profile import NO_BLOCK

_OVERHEAD = 1  # the first event that begins a layer, one that does nothing


@frozen
class WatchedEdge:
    """An edge that is counted with calls: from the branch at `last` to `target`.

    `others` are the last instructions of all other blocks that may go to `target`.
    """

    last: int
    target: int
    others: tuple[int, ...]

    def argument(self) -> str:
        """Return it as the plugin takes it."""
        others = "+".join(map(hex, self.others))
        return f"{self.last:#x}:{self.target:#x}" + (f":{others}" if others else "")


def edges_to_watch(raw: dict[str, Any], code: Code) -> tuple[WatchedEdge, ...]:
    """Return the edges without which the counts would leave others open, in every phase."""
    program = read_blocks(raw["blocks"], code)
    chosen: dict[tuple[int, int], WatchedEdge] = {}
    for phase in raw["phases"]:
        if phase["event"] < _OVERHEAD:
            continue
        flow = _Flow(program)
        flow.count(phase["executions"], raw["mark"], phase["visits"])
        for source, target in flow.circles():
            last = program.basics[source].last
            chosen[last, target] = WatchedEdge(last, target, program.others(source, target))
    return tuple(chosen.values())


def edges_of_counts(raw: dict[str, Any], code: Code, watched: tuple[WatchedEdge, ...] = ()) -> None:
    """Replace, in what the plugin wrote, "executions" of blocks by "edges" between basic blocks.

    `watched` are the edges that were counted. Outside of layers only executions are kept, from no
    block: where code touches peripherals, QEMU 9 and later count a block that an access interrupts
    once more from there on, and nothing adds up. Raises UndeterminedProfileError.
    """
    program = read_blocks(raw["blocks"], code)
    numbers = {address: index for index, address in enumerate(program.basics)}
    by_last = {basic.last: address for address, basic in program.basics.items()}
    # Where code ran that was not known when an edge was chosen, its count may include other ways.
    trusted = {
        edge
        for edge in watched
        if edge.last in by_last
        and set(program.others(by_last[edge.last], edge.target)) <= set(edge.others)
    }
    for phase in raw["phases"]:
        executions, counts = phase.pop("executions"), phase.pop("watched")
        flow = _Flow(program)
        if phase["event"] < _OVERHEAD:
            edges = flow.executed(executions)
        else:
            flow.count(executions, raw["mark"], phase["visits"])
            for edge, count in zip(watched, counts, strict=True):
                if edge in trusted:
                    flow.watched[by_last[edge.last], edge.target] = count
            edges = flow.solved()
        phase["edges"] = [
            [numbers.get(source, NO_BLOCK), numbers[target], count]
            for (source, target), count in edges.items()
            if count
        ]
    raw["blocks"] = [
        [each.address, each.size_bytes, each.instructions] for each in program.basics.values()
    ]


@define
class _Flow:
    """The flow of one phase; keys are addresses of basic blocks."""

    program: Program
    entries: Counter[int] = field(factory=Counter)
    left: Counter[int] = field(factory=Counter)
    edges: Counter[tuple[int, int]] = field(factory=Counter)
    inside: Counter[tuple[int, int]] = field(factory=Counter)  # edges within translated blocks
    open_ends: Counter[int] = field(factory=Counter)
    unknown: dict[int, int | None] = field(factory=dict)
    watched: dict[tuple[int, int], int] = field(factory=dict)
    structural: bool = False  # only what becomes known matters, not the numbers
    residual: Counter[int] = field(factory=Counter)
    terms: dict[int, dict[int, int]] = field(factory=lambda: defaultdict(dict))

    def executed(self, executions: list[list[int]]) -> Counter[tuple[int, int]]:
        """Return the executions of basic blocks as edges from no block."""
        for block, count in executions:
            for part in self.program.parts[block]:
                self.edges[NO_BLOCK, part] += count
        return self.edges

    def count(self, executions: list[list[int]], mark: int, visits: int) -> None:
        """Take the executions of translated blocks.

        What leaves the block that marks a phase (it holds the address `mark`) belongs to the phase
        that begins: one for each visit. Behind the mark that ends an inference nothing runs: the
        harness goes on at once.
        """
        if not executions:
            return
        for block, count in executions:
            parts = self.program.parts[block]
            self.entries[parts[0]] += count
            for source, target in pairwise(parts):
                self.inside[source, target] += count
            if not self._marks(parts, mark):
                self.left[parts[-1]] += count
        marking = next(parts for parts in self.program.parts if self._marks(parts, mark))
        self.left[marking[-1]] += visits

    def _marks(self, parts: tuple[int, ...], mark: int) -> bool:
        return parts[0] <= mark < self.program.basics[parts[-1]].end

    def solved(self) -> Counter[tuple[int, int]]:
        """Return the edges; raises UndeterminedProfileError."""
        self._begin()
        for source in self._peeled():
            raise undetermined(f"how often the branch behind {source:#x} is taken")
        arrivals = Counter(self.residual)
        for target, terms in self.terms.items():
            arrivals[target] -= sum(sign * (self.unknown[b] or 0) for b, sign in terms.items())
        self._match(arrivals)
        self._check()
        return self.edges + self.inside

    def circles(self) -> list[tuple[int, int]]:
        """Return edges (source, target) that, once known, make everything else known.

        Of what is open the edge between the least executed blocks comes first.
        """
        self.structural = True
        self._begin()
        found: list[tuple[int, int]] = []
        while left := self._peeled():
            edges = [(source, target) for source in left for target in self._targets(source)]
            source, target = min(
                edges, key=lambda edge: (self.left[edge[0]] + self.entries[edge[1]], edge)
            )
            found.append((source, target))
            self.unknown[source] = 0
        return found

    def _begin(self) -> None:
        self.residual = Counter(self.entries)
        for source, count in self.left.items():
            self._leave(source, count, self.residual, self.terms)
        for (source, target), count in self.watched.items():
            # Both edges of a branch may be watched; the first one says it all.
            if self.unknown.get(source, 0) is None:
                taken = target == self.program.basics[source].branch_target
                self._settle(source, count if taken else self.left[source] - count)

    def _targets(self, source: int) -> list[int]:
        basic = self.program.basics[source]
        return [basic.end] + ([basic.branch_target] if basic.branch_target is not None else [])

    def _leave(
        self, source: int, count: int, residual: Counter[int], terms: dict[int, dict[int, int]]
    ) -> None:
        """Note where what leaves a block goes: to one known place, to one of two, or anywhere."""
        basic = self.program.basics[source]
        branch = basic.branch
        if branch is None or branch.target == basic.end:
            self.edges[source, basic.end] += count
            residual[basic.end] -= count
        elif not branch.falls_through:
            if branch.target is None:
                self.open_ends[source] += count
            else:
                self.edges[source, branch.target] += count
                residual[branch.target] -= count
        else:  # the unknown is how often it is taken
            self.unknown[source] = None
            terms[basic.end][source] = -1
            residual[basic.end] -= count
            if branch.target is not None:
                terms[branch.target][source] = 1

    def _peeled(self) -> list[int]:
        """Solve, again and again, what has one unknown left; return what stays unknown."""
        waiting = {target for target in self.terms if not self._is_open(target)}
        progress = True
        while progress:
            progress = False
            for target in sorted(waiting):
                terms = self.terms[target]
                left = [source for source in terms if self.unknown[source] is None]
                if len(left) > 1:
                    continue
                waiting.discard(target)
                if left:
                    known = sum(sign * (self.unknown[b] or 0) for b, sign in terms.items())
                    self._settle(left[0], (self.residual[target] - known) * terms[left[0]])
                    progress = True
        return [source for source, taken in self.unknown.items() if taken is None]

    def _settle(self, source: int, taken: int) -> None:
        basic, count = self.program.basics[source], self.left[source]
        if self.structural:
            self.unknown[source] = 0
            return
        if not 0 <= taken <= count:
            raise undetermined(f"how often the branch behind {source:#x} is taken ({taken}?)")
        self.unknown[source] = taken
        self.edges[source, basic.end] += count - taken
        if basic.branch is not None and basic.branch.target is not None:
            self.edges[source, basic.branch.target] += taken
        else:
            self.open_ends[source] += taken

    def _is_open(self, target: int) -> bool:
        """Whether something may come here that does not say where it goes."""
        if target in self.program.call_sites:
            return True
        if target in self.program.heads and any(
            self.program.basics[source].enters_anything for source in self.left
        ):
            return True
        return any(target in self.program.basics[source].table for source in self.left)

    def _match(self, arrivals: Counter[int]) -> None:
        """Send what left for anywhere to where something arrived from anywhere, by function."""
        for target, count in arrivals.items():
            if count < 0 or (count and not self._is_open(target)):
                raise undetermined(f"what comes to {target:#x}")
        for same_function in (True, False):
            for target in sorted(arrivals):
                called = self.program.call_sites.get(target)
                for source in sorted(self.open_ends):
                    if same_function and self.program.function_of(source) != called:
                        continue
                    count = min(arrivals[target], self.open_ends[source])
                    self.edges[source, target] += count
                    arrivals[target] -= count
                    self.open_ends[source] -= count
        if left := +arrivals:
            raise undetermined(f"what comes to {min(left):#x}")
        if left := +self.open_ends:
            raise undetermined(f"where what leaves {min(left):#x} goes")

    def _check(self) -> None:
        """Raise unless every block was entered as often as it was left for."""
        arrived: Counter[int] = Counter()
        for (_, target), count in self.edges.items():
            arrived[target] += count
        for target in arrived | self.entries:
            if arrived[target] != self.entries[target]:
                raise undetermined(f"what comes to {target:#x}")
