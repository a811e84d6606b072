"""A machine that runs the assembler of row and column kernels on the host, and guards its memory.

It knows the instructions those kernels use and no others. Registers nobody has written, and memory
outside the arrays it was given, must not be read; what a kernel loads ahead of its use is noted.
"""

import re
from collections.abc import Callable, Iterable

from attrs import define, field

_REGISTERS = [*(f"r{i}" for i in range(13)), "sp", "lr", "pc"]
_ADDRESS = re.compile(r"^\[(\w+)(?:, #?(\w+))?\](?:, #(\d+))?$")
_STACK = 0x7000_0000
_WORD = 0xFFFF_FFFF


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (value >> (bits - 1) << bits)


@define
class Memory:
    """Words at `base`; `slack` words behind them may be read, for loads ahead of their use."""

    base: int
    words: list[int]
    slack: int = 0
    writable: bool = False
    beyond: int = 0

    def index(self, address: int, *, write: bool) -> int | None:
        """Return the word at `address` if it is one of these."""
        index = (address - self.base) >> 2
        limit = len(self.words) + (0 if write else self.slack)
        if not 0 <= index < limit or (write and not self.writable):
            return None
        self.beyond = max(self.beyond, index + 1 - len(self.words))
        return index

    def read(self, index: int) -> int:
        """Return a word; what lies beyond the array is nothing a result may depend on."""
        return self.words[index] if index < len(self.words) else 0xDEAD_BEEF


@define
class Machine:
    """Registers and memories; `run` runs a function from its label to its return."""

    memories: list[Memory]
    registers: dict[str, int] = field(factory=dict)
    zero: bool = False
    instructions: int = 0
    _stack: Memory = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._stack = Memory(_STACK - 256, [0] * 64, writable=True)
        self.memories.append(self._stack)

    def run(self, lines: Iterable[str], *arguments: int) -> None:
        """Run the function whose lines these are; raises AssertionError for what must not be."""
        code, labels = _assembled(lines)
        saved = {f"r{number}": 0x1111 * number for number in range(4, 12)}
        self.registers = {**saved, "sp": _STACK, "lr": 0xFFFF_FFFE}
        self.registers |= {f"r{number}": value for number, value in enumerate(arguments)}
        at = 0
        while at >= 0:
            name, operands = code[at]
            self.instructions += 1
            if name == "bne":
                at = at + 1 if self.zero else max(p for p in labels[operands[0][0]] if p <= at)
            else:
                _MEANING[name](self, operands)
                at = -1 if name == "pop" else at + 1
        assert self.registers["sp"] == _STACK
        assert saved == {name: self.registers[name] for name in saved}
        assert self.registers["pc"] == 0xFFFF_FFFE

    def value(self, operand: str) -> int:
        """Return a register or a number."""
        if operand.startswith("#"):
            return int(operand[1:])
        assert operand in self.registers, f"{operand} is read, but was never written"
        return self.registers[operand]

    def put(self, register: str, value: int) -> None:
        """Write a register."""
        assert register in _REGISTERS
        self.registers[register] = value & _WORD

    def load(self, address: int) -> int:
        """Read a word."""
        assert address % 4 == 0, f"a misaligned load at {address:#x}"
        for memory in self.memories:
            index = memory.index(address, write=False)
            if index is not None:
                return memory.read(index)
        raise AssertionError(f"a load outside of all memory at {address:#x}")

    def store(self, address: int, value: int, *, is_byte: bool = False) -> None:
        """Write a word or a byte."""
        assert is_byte or address % 4 == 0, f"a misaligned store at {address:#x}"
        for memory in self.memories:
            index = memory.index(address, write=True)
            if index is not None:
                shift = 8 * (address % 4) if is_byte else 0
                mask = (0xFF if is_byte else _WORD) << shift
                memory.words[index] = memory.words[index] & ~mask | value << shift & mask
                return
        raise AssertionError(f"a store outside of all memory at {address:#x}")

    def address(self, operand: str) -> int:
        """Return where an operand in brackets points, and move its pointer on."""
        match = _ADDRESS.match(operand)
        assert match, operand
        base, offset, step = match.groups()
        address = self.value(base)
        if offset is not None:
            address += int(offset) if offset.isdigit() else self.value(offset)
        if step is not None:
            self.put(base, address + int(step))
        return address


def _assembled(lines: Iterable[str]) -> tuple[list[tuple[str, list[str]]], dict[str, list[int]]]:
    """Return instructions as name and operands, and where each numbered label stands."""
    code: list[tuple[str, list[str]]] = []
    labels: dict[str, list[int]] = {}
    for line in lines:
        text = line.strip()
        if text.endswith(":"):
            labels.setdefault(text[:-1], []).append(len(code))
        elif text and not text.startswith("."):
            name, _, rest = text.partition("\t")
            operands = re.findall(r"\{[^}]*\}|\[[^\]]*\](?:, #\d+)?|#?\w+!?(?: #\d+)?", rest)
            code.append((name.removesuffix(".w"), operands))
    return code, labels


def _listed(operand: str) -> list[str]:
    """Return the registers of a list like {r4-r11, lr}."""
    found: list[str] = []
    for part in operand.strip("{}").split(", "):
        first, _, last = part.partition("-")
        low, high = _REGISTERS.index(first), _REGISTERS.index(last or first)
        found += _REGISTERS[low : high + 1]
    return found


def _push(machine: Machine, operands: list[str]) -> None:
    names = _listed(operands[0])
    address = machine.value("sp") - 4 * len(names)
    machine.put("sp", address)
    for number, name in enumerate(names):
        machine.store(address + 4 * number, machine.registers.get(name, 0))


def _pop(machine: Machine, operands: list[str]) -> None:
    for name in _listed(operands[0]):
        machine.put(name, machine.load(machine.value("sp")))
        machine.put("sp", machine.value("sp") + 4)


def _load_many(machine: Machine, operands: list[str]) -> None:
    base = operands[0].rstrip("!")
    for name in _listed(operands[1]):
        machine.put(name, machine.load(machine.value(base)))
        machine.put(base, machine.value(base) + 4)


def _store_many(machine: Machine, operands: list[str]) -> None:
    base = operands[0].rstrip("!")
    for name in _listed(operands[1]):
        machine.store(machine.value(base), machine.value(name))
        machine.put(base, machine.value(base) + 4)


def _load(machine: Machine, operands: list[str]) -> None:
    address = machine.address(operands[-1])
    for number, name in enumerate(operands[:-1]):
        machine.put(name, machine.load(address + 4 * number))


def _multiply(machine: Machine, operands: list[str]) -> None:
    a, b = (machine.value(name) for name in operands[1:3])
    total = machine.value(operands[3]) if len(operands) > 3 else 0
    for shift in (0, 16):
        total += _signed(a >> shift, 16) * _signed(b >> shift, 16)
    machine.put(operands[0], total)


def _saturate(low: int, high: int) -> Callable[[Machine, list[str]], None]:
    def saturate(machine: Machine, operands: list[str]) -> None:
        shift = int(operands[3].removeprefix("asr #")) if len(operands) > 3 else 0
        value = _signed(machine.value(operands[2]), 32) >> shift
        machine.put(operands[0], max(low, min(high, value)))

    return saturate


def _add(machine: Machine, operands: list[str]) -> None:
    machine.put(operands[0], machine.value(operands[-2]) + machine.value(operands[-1]))


def _subtract(machine: Machine, operands: list[str]) -> None:
    machine.put(operands[0], machine.value(operands[-2]) - machine.value(operands[-1]))


def _count_down(machine: Machine, operands: list[str]) -> None:
    _subtract(machine, operands)
    machine.zero = machine.value(operands[0]) == 0


def _test(machine: Machine, operands: list[str]) -> None:
    machine.zero = machine.value(operands[0]) & machine.value(operands[1]) == 0


def _compare(machine: Machine, operands: list[str]) -> None:
    machine.zero = machine.value(operands[0]) == machine.value(operands[1])


def _move(machine: Machine, operands: list[str]) -> None:
    machine.put(operands[0], machine.value(operands[1]))


def _move_and_test(machine: Machine, operands: list[str]) -> None:
    _move(machine, operands)
    machine.zero = machine.value(operands[0]) == 0


_MEANING: dict[str, Callable[[Machine, list[str]], None]] = {
    "add": _add,
    "cmp": _compare,
    "ldmia": _load_many,
    "ldr": _load,
    "ldrd": _load,
    "mov": _move,
    "movs": _move_and_test,
    "movw": _move,
    "pop": _pop,
    "push": _push,
    "smlad": _multiply,
    "smuad": _multiply,
    "ssat": _saturate(-128, 127),
    "stmia": _store_many,
    "str": lambda machine, operands: machine.store(
        machine.address(operands[1]), machine.value(operands[0])
    ),
    "strb": lambda machine, operands: machine.store(
        machine.address(operands[1]), machine.value(operands[0]), is_byte=True
    ),
    "sub": _subtract,
    "subs": _count_down,
    "tst": _test,
    "usat": _saturate(0, 127),
}
