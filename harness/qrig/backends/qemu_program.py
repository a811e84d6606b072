"""Basic blocks of a firmware, of the blocks that QEMU translated.

A translated block begins where something jumped to, so that two of them may overlap: one begins
within another. A basic block is what lies between two such borders.
"""

from __future__ import annotations

import bisect

from attrs import field, frozen

from qrig.build.thumb import (
    Branch,
    Code,
    Halfwords,
    branch_of,
    is_return,
    it_length,
    table_targets,
)
from qrig.errors import UndeterminedProfileError


@frozen
class Basic:
    """A basic block: nothing enters it but at its start, nothing leaves it but at its end."""

    address: int
    size_bytes: int
    instructions: int
    last: int
    branch: Branch | None
    is_return: bool
    table: frozenset[int]

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
        return target in basic.table or (basic.enters_anything and target in self.heads)

    def function_of(self, address: int) -> int | None:
        """Return the start of the called function that holds `address`, as far as is known."""
        index = bisect.bisect_right(self.functions, address) - 1
        return self.functions[index] if index >= 0 else None


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
            raise undetermined(f"what runs at {address:#x}, outside of the firmware,")
        end = address + 2 * sum(map(len, instructions))
        conditional[end] = _left_of_it(instructions)
    for address, instructions in found:
        run = _split(address, instructions or [], borders, conditional.get(address, 0), code)
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
    address: int,
    instructions: list[Halfwords],
    borders: set[int],
    conditional: int,
    code: Code,
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
            table = branch is not None and branch.table
            targets = table_targets(code, last, halfwords) if table else frozenset()
            size_bytes, back = address - start, branch is not None and is_return(halfwords)
            found.append(Basic(start, size_bytes, count, last, branch, back, targets))
            start, count = address, 0
    return found


def undetermined(what: str) -> UndeterminedProfileError:
    """Return the error that says what the counts leave open."""
    return UndeterminedProfileError(
        f"expected the counts of blocks to determine every edge, found that {what} stays open; "
        "take the profile once more"
    )
