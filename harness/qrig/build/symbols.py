"""Addresses of a firmware's functions and variables, and the code behind an address."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from qrig.errors import BuildError

_FIRST_WIDE = 0xE800


@frozen
class Symbol:
    """A function or variable; the Thumb bit of a function's address is cleared."""

    name: str
    address: int
    size_bytes: int


def find_symbols(elf: Path, names: tuple[str, ...]) -> tuple[Symbol, ...]:
    """Return the symbols called `names`, in that order; raises BuildError if one is missing."""
    try:
        with elf.open("rb") as stream:
            table = ELFFile(stream).get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                raise BuildError(
                    f"{elf}: expected a symbol table, found none; build without -s and strip"
                )
            return tuple(_find(table, name, elf) for name in names)
    except (ELFError, OSError) as error:
        raise BuildError(
            f"{elf}: expected the linked firmware, found {error}; build again"
        ) from error


def _find(table: SymbolTableSection, name: str, elf: Path) -> Symbol:
    found = table.get_symbol_by_name(name)
    if not found:
        raise BuildError(f"{elf}: expected a symbol {name}, found none; build again")
    value = found[0]["st_value"]
    if found[0]["st_info"]["type"] == "STT_FUNC":
        value &= ~1
    return Symbol(name, value, found[0]["st_size"])


@frozen
class Code:
    """The bytes of a firmware's load segments: pairs of address and bytes."""

    segments: tuple[tuple[int, bytes], ...]

    def halfwords(self, address: int, instructions: int) -> list[tuple[int, ...]] | None:
        """Return the halfwords of so many Thumb instructions, None outside the firmware.

        A first halfword from 0xe800 begins an instruction of 32 bits (Armv7-M ARM, A5.1).
        """
        for start, data in self.segments:
            offset = address - start
            if not 0 <= offset < len(data):
                continue
            found: list[tuple[int, ...]] = []
            for _ in range(instructions):
                first = int.from_bytes(data[offset : offset + 2], "little")
                second = int.from_bytes(data[offset + 2 : offset + 4], "little")
                wide = first >= _FIRST_WIDE
                found.append((first, second) if wide else (first,))
                offset += 4 if wide else 2
            return found
        return None


def may_branch(halfwords: tuple[int, ...]) -> bool:
    """Whether an instruction may change the program counter; in doubt, it may.

    Encodings: Armv7-M ARM, A5.2 and A5.3. What loads or moves into registers in general, branches
    and miscellaneous control of 32 bits all count.
    """
    first = halfwords[0]
    if len(halfwords) == 1:
        return (
            first & 0xF000 == 0xD000  # B<c>, SVC
            or first & 0xF800 == 0xE000  # B
            or first & 0xF500 == 0xB100  # CBZ, CBNZ
            or first & 0xFF00 in (0x4400, 0x4600, 0x4700, 0xBD00, 0xBE00)  # to pc, BX, POP, BKPT
        )
    second = halfwords[1]
    return (
        (first & 0xF800 == 0xF000 and bool(second & 0x8000))  # branches, miscellaneous control
        or (first & 0xFE40 == 0xE800 and bool(second & 0x8000))  # load multiple with pc
        or (first & 0xFFF0 == 0xE8D0)  # TBB, TBH
        or (first & 0xFE50 == 0xF850 and second >= 0xF000)  # LDR pc
    )


def read_code(elf: Path) -> Code:
    """Return the code of `elf`; raises BuildError."""
    try:
        with elf.open("rb") as stream:
            return Code(
                tuple(
                    (segment["p_vaddr"], segment.data())
                    for segment in ELFFile(stream).iter_segments("PT_LOAD")
                )
            )
    except (ELFError, OSError) as error:
        raise BuildError(
            f"{elf}: expected the linked firmware, found {error}; build again"
        ) from error
