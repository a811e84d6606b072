"""Thumb machine code into instructions, by way of capstone.

Capstone's own lists of registers leave out shifted operands, saturated ones, accumulators of long
multiplications and half of the multiples (5.0.9), so they are completed here from the operands.
"""

from __future__ import annotations

from typing import Any

import capstone
from capstone import arm

from qrig.build.image import FirmwareImage
from qrig.errors import FileFormatError
from qrig.measure.timing import mnemonics as names
from qrig.measure.timing.instruction import (
    ALU,
    BRANCH,
    FLAGS,
    FLOAT,
    IT,
    LOAD,
    LOAD_MULTIPLE,
    MULTIPLY,
    STORE,
    STORE_MULTIPLE,
    UNKNOWN,
    Instruction,
)
from qrig.profiles import Block

_WIDE_PREFIX = 0x1D
_FLAG_REGISTERS = ("cpsr", "apsr", "apsr_nzcv", "fpscr_nzcv")
_HIDDEN = (*_FLAG_REGISTERS, "itstate", "fpscr", "pc")


class Decoder:
    """Decodes Thumb code of an ARMv7E-M core; remembers what it has decoded, by address."""

    def __init__(self) -> None:
        """Make a decoder for one firmware."""
        self._capstone = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        self._capstone.detail = True
        self._known: dict[tuple[int, bytes], tuple[Instruction, ...]] = {}

    def decode(self, code: bytes, address: int) -> tuple[Instruction, ...]:
        """Return the instructions of `code`, a straight run that starts at `address`.

        What is no instruction, or none with a known class, has the kind "unknown".
        """
        key = (address, code)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = tuple(self._decode(code, address))
        return found

    def _decode(self, code: bytes, address: int) -> list[Instruction]:
        instructions: list[Instruction] = []
        offset = 0
        while offset < len(code):
            for raw in self._capstone.disasm(code[offset:], address + offset):
                instructions.append(_instruction(raw))
                offset += raw.size
            if offset < len(code):  # capstone stops at what it does not know
                unknown = _undecoded(code[offset : offset + 4], address + offset)
                instructions.append(unknown)
                offset += unknown.size_bytes
        return instructions


def decode_block(
    image: FirmwareImage, block: Block, decoder: Decoder | None = None
) -> tuple[Instruction, ...]:
    """Return the instructions of a profile's block.

    Raises FileFormatError if `image` has no code there, or other code than was profiled.
    """
    code = image.code(block.address, block.size_bytes)
    instructions = (decoder or Decoder()).decode(code, block.address)
    if len(instructions) != block.instructions:
        raise FileFormatError(
            f"{image.path}: expected {block.instructions} instructions in {block.size_bytes} bytes "
            f"at address {block.address:#x}, as in the profile, found {len(instructions)}; take "
            "the profile again"
        )
    return instructions


def _undecoded(code: bytes, address: int) -> Instruction:
    first = int.from_bytes(code[:2], "little")
    data = code if first >> 11 >= _WIDE_PREFIX else code[:2]
    return Instruction(
        address=address, size_bytes=len(data), data=data, text="?", kind=UNKNOWN, mix=UNKNOWN
    )


def _instruction(raw: Any) -> Instruction:
    name = str(raw.insn_name())
    kind = names.kind_of(name)
    operands = _Operands(raw)
    if name in ("vldr", "vstr") and operands.words == 2:
        kind = LOAD_MULTIPLE if kind == LOAD else STORE_MULTIPLE
    facts: dict[str, Any] = {
        "address": int(raw.address),
        "size_bytes": int(raw.size),
        "data": bytes(raw.bytes),
        "text": f"{raw.mnemonic} {raw.op_str}".strip(),
        "kind": kind,
        "mix": names.mix_of(name, kind),
        "sets_flags": bool(raw.update_flags) or any(n in operands.written for n in _FLAG_REGISTERS),
        "predicated": kind != IT and name != "b" and raw.cc not in _ALWAYS,
    }
    if kind in (LOAD, STORE, LOAD_MULTIPLE, STORE_MULTIPLE):
        facts |= _access(name, kind, raw, operands)
    elif kind == BRANCH:
        facts |= _branch(name, raw, operands)
    elif kind == MULTIPLY:
        facts |= _multiply(name, operands)
    elif kind != UNKNOWN:
        facts |= _computation(name, kind, raw, operands)
    if facts["sets_flags"]:
        facts["writes"] = (*facts.get("writes", ()), FLAGS)
    if kind != BRANCH and "pc" in operands.written | set(facts.get("writes", ())):
        facts |= {"branch": True, "indirect": True, "conditional": facts["predicated"]}
    facts["writes"] = tuple(n for n in dict.fromkeys(facts.get("writes", ())) if n != "pc")
    return Instruction(**facts)


_ALWAYS = (arm.ARM_CC_INVALID, arm.ARM_CC_AL)


class _Operands:
    """The operands of one instruction of capstone, registers by name; doubles are two singles."""

    def __init__(self, raw: Any) -> None:
        read, written = raw.regs_access()
        self.name = raw.reg_name
        self.read = {self.name(register) for register in read}
        self.written = {self.name(register) for register in written}
        self.registers: list[str] = []
        self.shifted: list[str] = []
        self.base: str | None = None
        self.index: str | None = None
        self.immediate: int | None = None
        for operand in raw.operands:
            self._add(operand)

    @property
    def words(self) -> int:
        return len(_singles(self.registers))

    def _add(self, operand: Any) -> None:
        if operand.type == arm.ARM_OP_REG:
            self.registers.append(self.name(operand.reg))
            if operand.shift.type:
                self.shifted.append(self.registers[-1])
        elif operand.type == arm.ARM_OP_MEM:
            self.base = self.name(operand.mem.base) if operand.mem.base else None
            self.index = self.name(operand.mem.index) if operand.mem.index else None
        elif operand.type == arm.ARM_OP_IMM:
            self.immediate = operand.imm


def _singles(registers: list[str]) -> tuple[str, ...]:
    """Return the registers with every double as the two singles it consists of."""
    singles: list[str] = []
    for name in registers:
        if name[0] == "d" and name[1:].isdigit() and int(name[1:]) < 16:
            singles += [f"s{2 * int(name[1:])}", f"s{2 * int(name[1:]) + 1}"]
        else:
            singles.append(name)
    return tuple(singles)


def _visible(registers: set[str]) -> frozenset[str]:
    return frozenset(name for name in _singles(sorted(registers)) if name not in _HIDDEN)


def _access(name: str, kind: str, raw: Any, operands: _Operands) -> dict[str, Any]:
    registers = list(operands.registers)
    base, index = operands.base, operands.index
    written: list[str] = []
    updates = bool(raw.writeback)
    if name in names.STACK_MULTIPLES:
        base, updates = "sp", True
    elif name in names.MULTIPLES:
        base = registers.pop(0)
    elif name in names.EXCLUSIVE_STORES:
        written = [registers.pop(0)]
    transferred = _singles(registers)
    loads = kind in (LOAD, LOAD_MULTIPLE)
    addresses = _visible({part for part in (base, index) if part is not None})
    back = base if updates else None
    multiple = kind in (LOAD_MULTIPLE, STORE_MULTIPLE)
    stored = frozenset() if loads else frozenset(transferred)
    writes = (*(transferred if loads else written), *([back] if back else []))
    return {
        "reads": addresses | stored,
        "writes": writes,
        "addresses": addresses,
        "stored": stored,
        "write_back": back,
        "words": len(transferred) if multiple else 0,
        "access_bytes": 1
        if name in names.BYTE_ACCESSES
        else 2
        if name in names.HALF_ACCESSES
        else 4,
        "register_offset": index is not None,
    }


def _branch(name: str, raw: Any, operands: _Operands) -> dict[str, Any]:
    compares = name in names.COMPARING_BRANCHES
    indirect = operands.immediate is None
    registers = operands.registers + [
        part for part in (operands.base, operands.index) if part is not None
    ]
    reads = _visible(set(registers))
    return {
        "branch": True,
        "reads": reads,
        "writes": ("lr",) if name in ("bl", "blx") else (),
        "addresses": reads if indirect else frozenset(),
        "conditional": compares or raw.cc not in _ALWAYS,
        "compares": compares,
        "indirect": indirect,
        "table": name in names.TABLE_BRANCHES,
        "target": None if indirect else operands.immediate,
    }


def _multiply(name: str, operands: _Operands) -> dict[str, Any]:
    registers = operands.registers
    results = 2 if name in names.LONG_MULTIPLIES else 1
    accumulators: list[str] = []
    if name in names.LONG_ACCUMULATES:
        accumulators = registers[:2]
    elif name in names.ACCUMULATES:
        accumulators = registers[3:]
    return {
        "reads": _visible(set(registers[results:] + accumulators) | operands.read),
        "writes": tuple(registers[:results]),
        "accumulators": frozenset(accumulators) - set(registers[results:][:2]),
    }


def _computation(name: str, kind: str, raw: Any, operands: _Operands) -> dict[str, Any]:
    registers = list(_singles(operands.registers)) if kind == FLOAT else operands.registers
    written = _singles([n for n in operands.registers if n in operands.written])
    reads = set(registers) - set(written) | operands.read
    flags = {FLAGS} if reads & set(_FLAG_REGISTERS) else set()
    facts: dict[str, Any] = {"reads": _visible(reads) | flags, "writes": written}
    if "pc" in operands.written or operands.base is not None:  # PLD is no load
        facts["addresses"] = facts["reads"]
    if kind != ALU:
        return facts
    dsp = name in names.DSP
    constant = not dsp and _shifted_constant(bytes(raw.bytes))
    shifted = not dsp and bool(operands.shifted)
    return facts | {
        "shifted": _through_shifter(name, operands, dsp),
        "shifted_operand": shifted or constant,
        "plain_shift": name in names.SHIFTS,
        "adds": name in names.ADDITIONS and not shifted and not constant,
        "dsp": dsp,
        "bit_field": name in names.BIT_FIELDS,
        "saturates": name in names.LATE_RESULTS,
    }


def _through_shifter(name: str, operands: _Operands, dsp: bool) -> frozenset[str]:
    """Return the registers that pass the shifter before the ALU, as [J7] and [L] list them."""
    registers = operands.registers
    if not dsp:
        return frozenset(operands.shifted)
    if name in names.REVERSALS | names.EXTRACTS | names.SATURATIONS or name == "bfi":
        return frozenset(registers[1:2])
    if name == "pkhtb":
        return frozenset(registers[1:])
    if name == "pkhbt" or name in names.EXTEND_AND_ADD:
        return frozenset(registers[2:])
    return frozenset()


def _shifted_constant(data: bytes) -> bool:
    """Return whether a constant is an 8-bit one, shifted (DDI 0403E, A5.3.1 and A5.3.2)."""
    if len(data) != 4:
        return False
    first, second = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:], "little")
    modified = first & 0xFA00 == 0xF000 and not second & 0x8000
    return modified and bool(first & 0x0400 or second & 0x4000)
