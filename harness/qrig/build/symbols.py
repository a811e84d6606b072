"""Addresses of a firmware's functions and variables."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from qrig.errors import BuildError


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
