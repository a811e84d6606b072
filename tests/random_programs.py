"""Random Thumb programs and walks through them, to check edges that follow from counts.

The programs are Thumb code made by a small encoder, walked at random with a stack of calls, and
counted as QEMU cuts blocks and as the plugin watches edges.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from typing import Any

from attrs import define, field, frozen

from qrig.backends.qemu_flow import WatchedEdge
from qrig.build.thumb import Code

PAGE_BYTES = 1024
FAR = 1 << 30
START_UP, HARNESS, OVERHEAD, FIRST_LAYER, DONE = -1, 0, 1, 2, 4
EVENTS = range(START_UP, DONE + 1)

LINE, JUMP, LEAVE, EITHER, CALL, BY_REGISTER, TAIL, TABLE, RETURN = (
    "line", "jump", "jump out", "either", "call", "call by register", "jump by register", "table",
    "return",
)  # fmt: skip
OPEN = (BY_REGISTER, TAIL, TABLE, RETURN)
"""What an instruction does next; OPEN are those that do not say where they go."""


@frozen
class Op:
    """An instruction at its address. `conditional` by an IT; `cuts` QEMU's blocks like an ISB."""

    address: int
    what: str
    halfwords: tuple[int, ...]
    targets: tuple[int, ...] = ()
    conditional: bool = False
    cuts: bool = False

    @property
    def end(self) -> int:
        return self.address + 2 * len(self.halfwords)

    @property
    def within(self) -> tuple[int, ...]:
        """Where it may go within its function; a call is a step over it."""
        if self.what in (LINE, CALL, BY_REGISTER):
            return (self.end,)
        if self.what in (RETURN, TAIL, LEAVE):
            return (self.end,) if self.conditional else ()
        either = self.what == EITHER or self.conditional
        return (*self.targets, self.end) if either else self.targets


def far_branch(by: int, opcode: int) -> tuple[int, int]:
    """Encode B.W (0x9000) or BL (0xd000) over a distance from the program counter."""
    sign, i1, i2 = by >> 24 & 1, by >> 23 & 1, by >> 22 & 1
    first = 0xF000 | sign << 10 | by >> 12 & 0x3FF
    return first, opcode | (i1 ^ sign ^ 1) << 13 | (i2 ^ sign ^ 1) << 11 | by >> 1 & 0x7FF


def either_branch(by: int, kind: int) -> tuple[int, ...]:
    """Encode CBZ (kind 0) or BEQ (1) of 16 bits, which must reach, or BEQ.W."""
    if kind == 0:
        return (0xB100 | (by >> 6 & 1) << 9 | (by >> 1 & 0x1F) << 3,)
    if kind == 1:
        return (0xD000 | by >> 1 & 0xFF,)
    first = 0xF000 | (by >> 20 & 1) << 10 | by >> 12 & 0x3F
    return first, 0x8000 | (by >> 18 & 1) << 13 | (by >> 19 & 1) << 11 | by >> 1 & 0x7FF


@frozen
class Part:
    """A basic block of a function in the making: its filling, and how it ends, with two choices."""

    fill: int
    kind: str
    first: int
    second: int


SIMPLE = ("fall", "if", "if", "if", "if", "jump", "call", "cut", "return")
RARE = ("call if", "jump if", "return if", "table", "by register", "tail", "tail call")
CALLING = ("call", "call if", "by register", "tail", "tail call")
MAIN = ("mark", "mark", "call", "call", "call", "if", "by register")


@define
class Builder:
    """Lays functions out, again and again until no label moves any more."""

    forward_only: bool
    labels: dict[tuple[int, int], int] = field(factory=dict)
    far: set[int] = field(factory=set)  # branches that need 32 bits, by their number
    ops: dict[int, Op] = field(factory=dict)
    tables: dict[int, bytes] = field(factory=dict)
    address: int = 0
    branches: int = 0

    def lay_out(self, start: int, functions: list[list[Part]]) -> None:
        before: object = None
        while before != (before := (dict(self.labels), set(self.far))):
            self.address, self.branches, self.ops, self.tables = start, 0, {}, {}
            for number, parts in enumerate(functions):
                self.function(number, parts, len(functions))

    def add(self, what: str, *halfwords: int, **more: Any) -> None:
        op = Op(self.address, what, halfwords, **more)
        self.ops[self.address] = op
        self.address = op.end

    def label(self, function: int, part: int) -> int:
        return self.labels.get((function, part), self.address)

    def function(self, number: int, parts: list[Part], functions: int) -> None:
        for index, part in enumerate(parts):
            self.labels[number, index] = self.address
            for filler in range(part.fill):
                self.add(LINE, *((0xF3AF, 0x8000) if filler % 3 == 2 else (0xBF00,)))
            last, marks = index == len(parts) - 1, functions - 1
            later = number + 1 + part.first % max(1, marks - number - 1)
            kind = part.kind if later < marks or part.kind not in CALLING else "fall"
            if kind == "mark" or (last and number == 0):
                self.call(self.label(marks, 0))
            if last or kind != "mark":
                self.end(number, index, len(parts), "return" if last else kind, part, later)

    def end(self, number: int, index: int, count: int, kind: str, part: Part, later: int) -> None:
        target = self.label(number, part.first % count)
        onward = self.label(number, index + 1 + part.first % max(1, count - index - 1))
        called = self.label(later, 0)
        pc = self.address + 4
        if kind == "if":
            self.either(target, part.second % 3)
        elif kind == "jump":
            to = onward if self.forward_only else target
            self.add(JUMP, *far_branch(to - pc, 0x9000), targets=(to,))
        elif kind == "call":
            self.call(called)
        elif kind == "cut":
            self.add(LINE, 0xF3BF, 0x8F6F, cuts=True)
        elif kind == "return":
            self.add(RETURN, 0x4770 if part.second % 2 else 0xBD10)
        elif kind == "table":
            self.table(number, index, count, part)
        elif kind == "by register":
            self.add(BY_REGISTER, 0x4798, targets=(called,))
        elif kind == "tail":
            self.add(TAIL, 0x4718, targets=(called,))
        elif kind == "tail call":
            self.add(LEAVE, *far_branch(called - pc, 0x9000), targets=(called,))
        elif kind != "fall":
            self.conditional(kind, onward, called, part)

    def call(self, called: int, *, conditional: bool = False) -> None:
        halfwords = far_branch(called - self.address - 4, 0xD000)
        self.add(CALL, *halfwords, targets=(called,), conditional=conditional)

    def either(self, target: int, kind: int) -> None:
        by = target - self.address - 4
        if not (0 <= by < 128 if kind == 0 else -256 <= by < 256):
            self.far.add(self.branches)
        kind = 2 if self.branches in self.far else kind
        self.branches += 1
        self.add(EITHER, *either_branch(by, kind), targets=(target,))

    def conditional(self, kind: str, onward: int, called: int, part: Part) -> None:
        """A branch behind IT, or as the second behind ITT."""
        if part.second % 2:
            self.add(LINE, 0xBF04)
            self.add(LINE, 0xBF00)
        else:
            self.add(LINE, 0xBF08)
        if kind == "call if":
            self.call(called, conditional=True)
        elif kind == "jump if":
            halfwords = far_branch(onward - self.address - 4, 0x9000)
            self.add(JUMP, *halfwords, targets=(onward,), conditional=True)
        else:
            self.add(RETURN, 0x4770 if part.first % 2 else 0xBD10, conditional=True)

    def table(self, number: int, index: int, count: int, part: Part) -> None:
        cases = count - index - 1
        picks = [index + 1 + (part.first + part.second * each) % cases for each in range(3)]
        targets = [self.label(number, pick) for pick in picks]
        self.add(TABLE, 0xE8DF, 0xF010, targets=tuple(dict.fromkeys(targets)))
        halves = [((target - self.address) // 2) & 0xFFFF for target in targets]
        self.tables[self.address] = b"".join(half.to_bytes(2, "little") for half in halves)
        self.address += 6


@frozen(eq=False)
class Firmware:
    """A program: `main` calls functions and `mark`, whose store is at `store`."""

    ops: dict[int, Op]
    code: Code
    main: int
    store: int
    last_call: int  # where the last call of the mark comes back to

    def translated(self, start: int) -> tuple[list[Op], bool]:
        """Return the block QEMU translates at `start`, and whether it looked beyond its end."""
        page_end = start // PAGE_BYTES * PAGE_BYTES + PAGE_BYTES
        found: list[Op] = []
        address = start
        while True:
            found.append(self.ops[address])
            address = found[-1].end
            if found[-1].what != LINE or found[-1].cuts or address >= page_end:
                return found, False
            if address >= page_end - 3 and len(self.ops[address].halfwords) == 2:
                return found, True

    def distances(self) -> dict[int, int]:
        """Return how many instructions each is from the end of its function at least."""
        far = dict.fromkeys(self.ops, FAR)
        changed = True
        while changed:
            changed = False
            for address, each in reversed(self.ops.items()):
                ends = each.what in (RETURN, TAIL, LEAVE)
                nearest = 0 if ends else 1 + min(far.get(to, FAR) for to in each.within)
                if nearest < far[address]:
                    far[address], changed = nearest, True
        return far


def assembled(start: int, functions: list[list[Part]], *, forward_only: bool = False) -> Firmware:
    """Lay out `functions`: the first is main, the last the mark."""
    builder = Builder(forward_only)
    builder.lay_out(start, functions)
    data = bytearray(builder.address - start)
    pieces = [
        (at, b"".join(half.to_bytes(2, "little") for half in op.halfwords))
        for at, op in builder.ops.items()
    ]
    for address, piece in (*pieces, *builder.tables.items()):
        data[address - start : address - start + len(piece)] = piece
    code = Code(((start, bytes(data)),))
    last_call = builder.labels[1, 0] - 2  # behind it only BX LR
    firmware = Firmware(builder.ops, code, start, builder.labels[len(functions) - 1, 1], last_call)
    if max(firmware.distances().values()) >= FAR and not forward_only:
        return assembled(start, functions, forward_only=True)
    return firmware


@define(repr=False)
class Run:
    """A run at random: what QEMU and the plugin count, and what is true."""

    firmware: Firmware
    chance: random.Random
    fuel: int
    looks: bool  # QEMU 7 counts its look beyond a block into its size
    events: tuple[int, ...] = tuple(range(HARNESS, DONE))  # of which a mark is one
    stack: list[int] = field(factory=list)
    walked: list[tuple[list[Op], int]] = field(factory=list)  # blocks, each with its phase
    numbers: dict[tuple[int, int], int] = field(factory=dict)
    blocks: list[list[int]] = field(factory=list)
    visits: Counter[int] = field(factory=Counter)

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        lines = [
            f"{at:#x} {op.what}{'?' * op.conditional} {' '.join(map(hex, op.targets))}"
            for at, op in self.firmware.ops.items()
            if op.what != LINE or op.cuts
        ]
        way = [f"{block[0].address:#x}@{phase}" for block, phase in self.walked[:100]]
        printer.text("\n".join([*lines, f"mark {self.firmware.store:#x}", " ".join(way)]))

    def walk(self) -> None:
        far = self.firmware.distances()
        address: int | None = self.firmware.main
        phase = START_UP
        self.visits[phase] += 1
        while address is not None:
            block, looked = self.firmware.translated(address)
            self.walked.append((block, phase))
            size_bytes = block[-1].end - address + 2 * (looked and self.looks)
            if (address, size_bytes) not in self.numbers:
                self.numbers[address, size_bytes] = len(self.blocks)
                self.blocks.append([address, size_bytes, len(block)])
            if any(op.address == self.firmware.store for op in block):
                phase = self.mark()
            self.fuel -= len(block)
            address = self.following(block[-1], far)

    def mark(self) -> int:
        """Begin a phase; the last call to the mark says that all is done."""
        if self.stack[-1] == self.firmware.last_call:
            self.visits[DONE] += 1
            phase = HARNESS
        else:
            phase = self.chance.choice(self.events)
        self.visits[phase] += 1
        return phase

    def following(self, last: Op, far: dict[int, int]) -> int | None:
        if last.what == LINE or (last.conditional and self.chance.random() < 0.5):
            return last.end
        if last.what == RETURN:
            return self.stack.pop() if self.stack else None
        if last.what in (CALL, BY_REGISTER):
            self.stack.append(last.end)
        choices = [*last.targets, last.end] if last.what == EITHER else list(last.targets)
        if self.fuel < 0 and last.what in (EITHER, TABLE):
            return min(choices, key=lambda to: far[to])
        return self.chance.choice(choices)

    def raw(self, watched: tuple[WatchedEdge, ...] = ()) -> dict[str, Any]:
        """Return what the plugin writes; `watched` are counted as it does."""
        counts = [self.passages(edge) for edge in watched]
        executions: dict[int, Counter[int]] = {event: Counter() for event in EVENTS}
        for block, phase in self.walked:
            executions[phase][self.number(block)] += 1
        return {
            "mark": self.firmware.store,
            "blocks": copy.deepcopy(self.blocks),
            "phases": [
                {
                    "event": event,
                    "visits": self.visits[event],
                    "executions": [[block, count] for block, count in executions[event].items()],
                    "watched": [count[event] for count in counts],
                }
                for event in EVENTS
            ],
        }

    def number(self, block: list[Op]) -> int:
        start = block[0].address
        return next(number for (address, _), number in self.numbers.items() if address == start)

    def passages(self, edge: WatchedEdge) -> Counter[int]:
        """Count an edge, by phase, as watch.c does it."""
        found: Counter[int] = Counter()
        others, seen, armed = 0, -1, False
        for block, phase in self.walked:
            if block[0].address == edge.target:
                found[phase] += armed and seen == others
                armed = False
            if block[-1].address == edge.last:
                armed, seen = True, others
            others += block[-1].address in edge.others
        return found

    def true_edges(self, event: int, borders: list[int]) -> Counter[tuple[int, int]]:
        """Return the true edges, from last instruction to address, that blocks at `borders` have.

        An edge within a translated block belongs to the phase its block was entered in.
        """
        starts, found = set(borders), Counter[tuple[int, int]]()
        before = None
        for block, phase in self.walked:
            for op in block:
                if phase == event and before is not None and op.address in starts:
                    found[before, op.address] += 1
                before = op.address
        return found
