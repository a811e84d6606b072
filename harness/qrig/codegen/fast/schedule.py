"""Where a row kernel's loads go.

A trip of a loop is a list of multiplications. Every weight and every window word is loaded once,
into the register its place in the order gives it. A load may go behind any multiplication from the
last use of its register's old value on; the first values of the next trip are loaded at the end of
this one. One load goes behind one multiplication, where Cortex-M7 issues them together.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define, field, frozen

from qrig.codegen.fast.windows import Group

_DISTANCE = 2


class RegisterFile(Protocol):
    """The registers a kernel has."""

    @property
    def accumulators(self) -> tuple[str, ...]:
        """Sums, one a row."""

    @property
    def weights(self) -> tuple[str, ...]:
        """Weight words, one a tap."""

    @property
    def words(self) -> tuple[str, ...]:
        """Window words, used in turn."""


@frozen
class Unit:
    """A group in a trip, and the byte of V its first window word is at."""

    group: Group
    offset: int


@define
class Product:
    """One multiplication, added to `addend`; None does not add."""

    accumulator: str
    weight: str
    word: str
    addend: str | None

    def text(self, word: str | None) -> str:
        """Return the instruction; `word` replaces the register of the window word."""
        operands = f"{self.weight}, {word or self.word}"
        if self.addend is None:
            return f"\tsmuad\t{self.accumulator}, {operands}"
        return f"\tsmlad\t{self.accumulator}, {operands}, {self.addend}"


@define
class Load:
    """One value: its register, where it comes from, the multiplications that use it."""

    register: str
    base: str
    offset: int
    first_use: int
    last_use: int
    is_next_trip: bool = False

    def text(self, data_stride: int, weight_stride: int) -> str:
        """Return the instruction, with the bytes its pointer will have advanced by."""
        stride = data_stride if self.base == "r12" else weight_stride
        return f"\tldr\t{self.register}, [{self.base}, #{self.offset + stride}]"


@define
class Loop:
    """A trip: its multiplications, the loads behind each, and those before the first trip."""

    units: list[Unit]
    macs: list[Product]
    stride: int
    weight_bytes: int
    before: list[Load] = field(factory=list)
    behind: dict[int, list[Load]] = field(factory=dict)

    def strides(self, load: Load) -> tuple[int, int]:
        """Return what to add to the offset of a load that belongs to the next trip."""
        return (self.stride, self.weight_bytes) if load.is_next_trip else (0, 0)


@define
class _Order:
    """The multiplications of a trip in their order, and the loads of what they use."""

    registers: RegisterFile
    macs: list[Product] = field(factory=list)
    loads: list[Load] = field(factory=list)
    weight_bytes: int = 0
    _word_count: int = 0
    _fresh: set[int] = field(factory=set)

    def begin_point(self) -> None:
        """Let the sum of every row begin with its next multiplication."""
        self._fresh = set(range(len(self.registers.accumulators)))

    def add(self, unit: Unit) -> None:
        """Append the multiplications of `unit`."""
        found: dict[tuple[str, int], Load] = {}
        for mac in unit.group.macs:
            keys = (("lr", mac.tap), ("r12", mac.word))
            for key in keys:
                if key not in found:
                    found[key] = self._load(*key, unit)
                    self.loads.append(found[key])
                found[key].last_use = len(self.macs)
            accumulator = self.registers.accumulators[mac.row]
            weight, word = (found[key].register for key in keys)
            addend = None if mac.row in self._fresh else accumulator
            self.macs.append(Product(accumulator, weight, word, addend))
            self._fresh.discard(mac.row)
        self.weight_bytes += 4 * unit.group.tap_count

    def _load(self, base: str, number: int, unit: Unit) -> Load:
        """Return the load of weight (from lr) or window word (from r12) `number` of `unit`."""
        if base == "lr":
            register, offset = self.registers.weights[number], self.weight_bytes + 4 * number
        else:
            register = self.registers.words[self._word_count % len(self.registers.words)]
            offset = unit.offset + 4 * (number - unit.group.first_word)
            self._word_count += 1
        return Load(register, base, offset, len(self.macs), len(self.macs))


def place_loads(
    units: list[tuple[Group, int, bool]], registers: RegisterFile, stride: int | None
) -> Loop:
    """Return the plan of a trip over `units` (group, byte added to its offset, first of a point).

    `stride` is by how many bytes V advances a trip, None if there is only one.
    """
    order = _Order(registers)
    placed = []
    for group, shift, is_first in units:
        if is_first:
            order.begin_point()
        unit = Unit(group, group.offset + shift)
        placed.append(unit)
        order.add(unit)
    loop = Loop(placed, order.macs, stride or 0, order.weight_bytes)
    _place(loop, order.loads, is_loop=stride is not None)
    return loop


def _place(loop: Loop, loads: list[Load], *, is_loop: bool) -> None:
    """Put every load behind a multiplication, or before the first trip."""
    total = len(loop.macs)
    of_register: dict[str, list[Load]] = {}
    for load in loads:
        of_register.setdefault(load.register, []).append(load)
    windows = []
    for values in of_register.values():
        for position, load in enumerate(values):
            if position:
                windows.append((load.first_use, values[position - 1].last_use, load))
            elif is_loop:
                windows.append((total + load.first_use, values[-1].last_use, load))
            else:
                loop.before.append(load)
    for deadline, earliest, load in sorted(windows, key=lambda window: window[0]):
        slot = _free_slot(loop, earliest, deadline, total)
        load.is_next_trip = deadline >= total and slot < total
        if load.is_next_trip:
            loop.before.append(load)
        loop.behind.setdefault(slot % total, []).append(load)


def _free_slot(loop: Loop, earliest: int, deadline: int, total: int) -> int:
    """Return the first slot without a load, at a distance from the use if there is one."""
    for last in (deadline - _DISTANCE, deadline - 1):
        for slot in range(earliest, last + 1):
            if not loop.behind.get(slot % total):
                return slot
    return earliest
