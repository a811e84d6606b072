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

import bisect
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from attrs import define, field, frozen

from qrig.build.thumb import Branch, Code, Halfwords, branch_of, is_return, it_length
from qrig.errors import UndeterminedProfileError
from qrig.profiles.profile import NO_BLOCK

_TABLE_REACH_BYTES = 1024
_OVERHEAD = 1  # the first event that begins a layer, one that does nothing


@frozen
class Basic:
    """A basic block: nothing enters it but at its start, nothing leaves it but at its end."""

    address: int
    size_bytes: int
    instructions: int
    last: int
    branch: Branch | None
    is_return: bool

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.size_bytes

    @property
    def branch_target(self) -> int | None:
        """Where the branch at its end goes, if there is one that says so."""
        return None if self.branch is None else self.branch.target

    @property
    def enters_anything(self) -> bool:
        """Whether it calls or jumps where a register says, other than back or by a table."""
        branch = self.branch
        return branch is not None and branch.target is None and not (branch.table or self.is_return)

    @property
    def comes_to_end(self) -> bool:
        """Whether what is behind it may be next, or is where its call comes back to."""
        return self.branch is None or self.branch.falls_through or self.branch.returns


@frozen(eq=False)
class Program:
    """The basic blocks by address, and of which of them each translated block consists."""

    basics: dict[int, Basic]
    parts: tuple[tuple[int, ...], ...]
    call_sites: dict[int, int | None] = field(init=False)
    functions: tuple[int, ...] = field(init=False)
    heads: frozenset[int] = field(init=False)

    @call_sites.default
    def _find_call_sites(self) -> dict[int, int | None]:
        """Return, by the address a call returns to, what it called (None: by a register)."""
        return {
            basic.end: basic.branch.target
            for basic in self.basics.values()
            if basic.branch is not None and basic.branch.returns
        }

    @functions.default
    def _find_functions(self) -> tuple[int, ...]:
        return tuple(sorted({each for each in self.call_sites.values() if each is not None}))

    @heads.default
    def _find_heads(self) -> frozenset[int]:
        """Return where functions may begin: what is called, and what nothing before runs into."""
        behind = {basic.end for basic in self.basics.values() if basic.comes_to_end}
        return frozenset((self.basics.keys() - behind) | set(self.functions))

    def others(self, source: int, target: int) -> tuple[int, ...]:
        """Return the last instructions of all blocks but `source` that may go to `target`.

        Returns need not be among them, for a call runs before, but where the source is that call.
        """
        branch, end = self.basics[source].branch, self.basics[source].end
        back = branch is not None and branch.returns and target == end
        return tuple(
            basic.last
            for address, basic in self.basics.items()
            if address != source and (self._may_go(basic, target) or (back and basic.is_return))
        )

    def _may_go(self, basic: Basic, target: int) -> bool:
        branch = basic.branch
        if branch is None:
            return basic.end == target
        if branch.target == target or (basic.comes_to_end and basic.end == target):
            return True
        if branch.table:
            return 0 <= target - basic.end < _TABLE_REACH_BYTES
        return basic.enters_anything and target in self.heads

    def function_of(self, address: int) -> int | None:
        """Return the start of the called function that holds `address`, as far as is known."""
        index = bisect.bisect_right(self.functions, address) - 1
        return self.functions[index] if index >= 0 else None


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
    for phase in raw["phases"]:
        executions, counts = phase.pop("executions"), phase.pop("watched")
        flow = _Flow(program)
        if phase["event"] < _OVERHEAD:
            edges = flow.executed(executions)
        else:
            flow.count(executions, raw["mark"], phase["visits"])
            for edge, count in zip(watched, counts, strict=True):
                if edge.last in by_last:
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


def read_blocks(blocks: list[list[int]], code: Code) -> Program:
    """Split translated blocks ([address, bytes, instructions]) where any of them starts or ends."""
    borders = {address for address, _, _ in blocks}
    borders |= {address + size_bytes for address, size_bytes, _ in blocks}
    basics: dict[int, Basic] = {}
    parts = []
    found = [(address, code.halfwords(address, count)) for address, _, count in blocks]
    conditional: dict[int, int] = {}  # instructions left of an IT, where a page ends within
    for address, instructions in found:
        if instructions is None:
            raise _undetermined(f"what runs at {address:#x}, outside of the firmware,")
        end = address + 2 * sum(map(len, instructions))
        conditional[end] = _left_of_it(instructions)
    for address, instructions in found:
        run = _split(address, instructions or [], borders, conditional.get(address, 0))
        basics |= {basic.address: basic for basic in run}
        parts.append(tuple(basic.address for basic in run))
    return Program(dict(sorted(basics.items())), tuple(parts))


def _left_of_it(instructions: list[Halfwords]) -> int:
    """Return how many instructions behind these an IT among them makes conditional."""
    left = 0
    for halfwords in instructions:
        left = it_length(halfwords) or max(0, left - 1)
    return left


def _split(
    address: int, instructions: list[Halfwords], borders: set[int], conditional: int
) -> list[Basic]:
    """Cut a translated block, the first `conditional` instructions of which an IT governs."""
    found = []
    start, count = address, 0
    for halfwords in instructions:
        branch = branch_of(address, halfwords, predicated=conditional > 0)
        conditional = it_length(halfwords) or max(0, conditional - 1)
        address += 2 * len(halfwords)
        count += 1
        if address in borders:
            last = address - 2 * len(halfwords)
            found.append(Basic(start, address - start, count, last, branch, is_return(halfwords)))
            start, count = address, 0
    return found


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
            raise _undetermined(f"how often the branch behind {source:#x} is taken")
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
            raise _undetermined(f"how often the branch behind {source:#x} is taken ({taken}?)")
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
        return any(
            0 <= target - self.program.basics[source].end < _TABLE_REACH_BYTES
            for source in self.left
            if (branch := self.program.basics[source].branch) is not None and branch.table
        )

    def _match(self, arrivals: Counter[int]) -> None:
        """Send what left for anywhere to where something arrived from anywhere, by function."""
        for target, count in arrivals.items():
            if count < 0 or (count and not self._is_open(target)):
                raise _undetermined(f"what comes to {target:#x}")
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
            raise _undetermined(f"what comes to {min(left):#x}")

    def _check(self) -> None:
        """Raise unless every block was entered as often as it was left for."""
        arrived: Counter[int] = Counter()
        for (_, target), count in self.edges.items():
            arrived[target] += count
        for target in arrived | self.entries:
            if arrived[target] != self.entries[target]:
                raise _undetermined(f"what comes to {target:#x}")


def _undetermined(what: str) -> UndeterminedProfileError:
    return UndeterminedProfileError(
        f"expected the counts of blocks to determine every edge, found that {what} stays open; "
        "take the profile once more"
    )
