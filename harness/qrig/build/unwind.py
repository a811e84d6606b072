"""Backtraces of a stopped core: from registers and stack to the functions that called each other.

Frames are found by the call frame information that the compiler leaves in .debug_frame (DWARF,
section 6.4). Functions of assembly have none: behind one of those the next return address is looked
for on the stack, and a frame found so is marked as a guess.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from elftools.common.exceptions import DWARFError, ELFError
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

from qrig.build.image import FirmwareImage

MAX_FRAMES = 32
"""The deepest backtrace; a broken stack ends somewhere."""

_SP, _LR = 13, 14
_NAMES = {f"r{n}": n for n in range(13)} | {"sp": _SP, "lr": _LR}
_EXCEPTION_RETURN = 0xFF00_0000


@frozen
class CallFrame:
    """One function of a backtrace: an address in it, its name and source line if known.

    `is_guess` says that the frame was found by looking through the stack.
    """

    address: int
    function: str | None
    file: str | None
    line: int | None
    is_guess: bool = False

    def __str__(self) -> str:
        """Return `function (file:line)`."""
        where = f"{self.file}:{self.line}" if self.file else f"{self.address:#010x}"
        return f"{self.function or 'unknown code'} ({where}{', a guess' if self.is_guess else ''})"


@frozen
class _State:
    """Registers by their DWARF number, and where execution is."""

    pc: int
    registers: Mapping[int, int]


class Unwinder:
    """Backtraces through one firmware."""

    def __init__(self, image: FirmwareImage) -> None:
        """Read the call frame information of `image`."""
        self._image = image
        self._entries = _call_frames(image.path)

    def unwind(self, registers: Mapping[str, int], stack: bytes) -> tuple[CallFrame, ...]:
        """Return the frames from the innermost outwards; `stack` begins at `registers["sp"]`."""
        state = _State(
            registers["pc"] & ~1,
            {number: registers[name] for name, number in _NAMES.items() if name in registers},
        )
        frames = [self.locate(state.pc)]
        memory = _Stack(registers.get("sp", 0), stack)
        while len(frames) < MAX_FRAMES:
            following, is_guess = self._caller(state, memory, innermost=len(frames) == 1)
            if following is None:
                break
            state = following
            # A return address is behind the call, which may be the last of its function.
            frames.append(evolve(self.locate(state.pc - 2), is_guess=is_guess))
        return tuple(frames)

    def locate(self, address: int) -> CallFrame:
        """Return what the code at `address` is."""
        line = self._image.line_at(address)
        return CallFrame(
            address,
            self._image.function_at(address),
            line.file if line else None,
            line.line if line else None,
        )

    def _caller(
        self, state: _State, memory: _Stack, *, innermost: bool
    ) -> tuple[_State | None, bool]:
        row = self._row(state.pc if innermost else state.pc - 2)
        if row is not None:
            return self._by_rules(row, state, memory), False
        link = state.registers.get(_LR, 0)
        if innermost and self._is_return(link):
            return _State(link & ~1, {**state.registers, _LR: 0}), True
        return self._by_looking(state, memory), True

    def _row(self, pc: int) -> Mapping[Any, Any] | None:
        """Return the unwinding rules that hold at `pc`."""
        for entry in self._entries:
            start = entry["initial_location"]
            if start <= pc < start + entry["address_range"]:
                found = None
                for row in entry.get_decoded().table:
                    if row["pc"] <= pc:
                        found = row
                return found
        return None

    def _by_rules(self, row: Mapping[Any, Any], state: _State, memory: _Stack) -> _State | None:
        rule = row["cfa"]
        base = state.registers.get(rule.reg) if rule.expr is None else None
        if base is None:
            return None
        cfa = base + rule.offset
        restored = dict(state.registers)
        for number, saved in row.items():
            if isinstance(number, int) and saved.type == "OFFSET":
                word = memory.word(cfa + saved.arg)
                if word is None:
                    return None
                restored[number] = word
        restored[_SP] = cfa
        link = restored.get(_LR, 0)
        if not self._is_return(link) or (cfa, link) == (state.registers.get(_SP), state.pc | 1):
            return None
        return _State(link & ~1, restored)

    def _by_looking(self, state: _State, memory: _Stack) -> _State | None:
        address = state.registers.get(_SP, 0)
        while (word := memory.word(address)) is not None:
            address += 4
            if self._is_return(word):
                return _State(word & ~1, {_SP: address})
        return None

    def _is_return(self, value: int) -> bool:
        """Whether `value` can be a return address: odd, behind a call, in a known function."""
        if not value & 1 or value >= _EXCEPTION_RETURN:
            return False
        address = value & ~1
        return self._image.function_at(address - 2) is not None and self._is_call(address)

    def _is_call(self, address: int) -> bool:
        """Whether a BL or BLX instruction ends at `address` (Arm DDI 0403, A7.7.18, A7.7.19)."""
        for origin, data in self._image.segments:
            if origin + 4 <= address <= origin + len(data):
                first, second = struct.unpack_from("<HH", data, address - origin - 4)
                is_long = first & 0xF800 == 0xF000 and second & 0xD000 == 0xD000
                return bool(is_long or second & 0xFF87 == 0x4780)
        return False


@frozen
class _Stack:
    """A piece of memory that begins at an address."""

    origin: int
    data: bytes

    def word(self, address: int) -> int | None:
        """Return the word at `address`, None if it is not in here."""
        offset = address - self.origin
        if address & 3 or offset < 0 or offset + 4 > len(self.data):
            return None
        return int.from_bytes(self.data[offset : offset + 4], "little")


def _call_frames(elf: Path) -> tuple[FDE, ...]:
    """Return the frame descriptions of `elf`; none if there are none, or broken ones."""
    try:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            if not file.has_dwarf_info():
                return ()
            dwarf = file.get_dwarf_info()
            if not dwarf.has_CFI():
                return ()
            return tuple(entry for entry in dwarf.CFI_entries() if isinstance(entry, FDE))
    except (ELFError, DWARFError, OSError, ValueError, KeyError, AssertionError):
        return ()
