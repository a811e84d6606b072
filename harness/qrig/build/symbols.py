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

    def size_of(self, address: int, instructions: int) -> int | None:
        """Return the bytes of so many Thumb instructions at `address`, None outside the firmware.

        A first halfword from 0xe800 begins an instruction of 32 bits (Armv7-M ARM, A5.1).
        """
        for start, data in self.segments:
            offset = begin = address - start
            if not 0 <= begin < len(data):
                continue
            for _ in range(instructions):
                halfword = int.from_bytes(data[offset : offset + 2], "little")
                offset += 4 if halfword >= _FIRST_WIDE else 2
            return offset - begin
        return None


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
