"""The linked firmware as a profile needs it: bytes by address, functions, source lines.

Reads ELF and its DWARF line tables (version 2 to 5) with pyelftools.
"""

from __future__ import annotations

import bisect
import hashlib
import io
import itertools
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import evolve, frozen
from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes

_LIMIT_BYTES = 1 << 28
_BROKEN = (  # what pyelftools raises for files that are cut or overwritten
    ELFError,
    DWARFError,
    ConstructError,
    struct.error,
    AssertionError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
_FUNCTION, _OBJECT, _UNTYPED = "STT_FUNC", "STT_OBJECT", "STT_NOTYPE"


@frozen
class Symbol:
    """A named address, without the Thumb bit; `size_bytes` is 0 where the ELF does not say."""

    name: str
    address: int
    size_bytes: int


@frozen
class SourceLine:
    """A line of a source file; `file` is its name without folders."""

    file: str
    line: int


@frozen
class _Lines:
    """Source lines of the addresses from `starts[i]` up to `ends[i]`, sorted, without overlaps."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    lines: tuple[SourceLine, ...]


class FirmwareImage:
    """A linked firmware for an Arm Cortex-M; `read_image` makes one.

    `sha256` are the 64 hex digits of the file; `segments` address and bytes of all it loads;
    `symbols` its functions by ascending address, one for each address. A function of assembly
    without a size reaches to the next one.
    """

    def __init__(self, path: Path, data: bytes) -> None:
        """Read the ELF file `data` of `path`; raises FileFormatError."""
        self.path = path
        self.sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._elf = ELFFile(io.BytesIO(data))
            self._check()
            self.segments = tuple(self._loaded())
            functions, self._named = self._read_symbols()
        except _BROKEN as error:
            raise self._wrong(error) from error
        self.symbols: tuple[Symbol, ...] = functions
        self._starts = [symbol.address for symbol in self.symbols]

    def code(self, address: int, size_bytes: int) -> bytes:
        """Return `size_bytes` bytes at the address; raises FileFormatError if they are not in it.

        Addresses are those the firmware runs at (virtual addresses of the loaded segments).
        """
        for origin, data in self.segments:
            if origin <= address and address + size_bytes <= origin + len(data):
                return data[address - origin : address - origin + size_bytes]
        raise FileFormatError(
            f"{self.path}: expected {size_bytes} bytes of the firmware at address {address:#x}, "
            "found that none are loaded there; use the firmware that was run"
        )

    def function_at(self, address: int) -> str | None:
        """Return the name of the function that holds `address`."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._starts[index] + self.symbols[index].size_bytes:
            return None
        return self.symbols[index].name

    def find_symbol(self, name: str) -> Symbol | None:
        """Return the function or object called `name`; of several the first in the ELF."""
        return self._named.get(name)

    def line_at(self, address: int) -> SourceLine | None:
        """Return the source line that the code at `address` came from.

        None without debug information. Raises FileFormatError if that is broken.
        """
        table = self._lines
        index = bisect.bisect_right(table.starts, address) - 1
        return table.lines[index] if index >= 0 and address < table.ends[index] else None

    def _wrong(self, error: BaseException) -> FileFormatError:
        found = " ".join(str(error).split())[:120] or type(error).__name__
        return FileFormatError(
            f"{self.path}: expected a linked firmware (ELF for 32-bit Arm), found {found}; build "
            "it again"
        )

    def _check(self) -> None:
        machine = self._elf["e_machine"]
        if machine != "EM_ARM" or self._elf.elfclass != 32 or not self._elf.little_endian:
            raise ValueError(f"one of {self._elf.elfclass} bits for {machine}")

    def _loaded(self) -> Iterator[tuple[int, bytes]]:
        for segment in self._elf.iter_segments():
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                data = bytes(segment.data())
                if len(data) != segment["p_filesz"]:
                    raise ValueError("a segment that ends behind the file")
                yield segment["p_vaddr"], data

    def _read_symbols(self) -> tuple[tuple[Symbol, ...], dict[str, Symbol]]:
        functions: dict[int, Symbol] = {}
        named: dict[str, Symbol] = {}
        ends: dict[int, int] = {}
        for entry in self._defined():
            kind, section = entry["st_info"]["type"], entry["st_shndx"]
            thumb = 1 if kind == _FUNCTION else 0
            symbol = Symbol(entry.name, entry["st_value"] & ~thumb, entry["st_size"])
            named.setdefault(symbol.name, symbol)
            if kind != _FUNCTION:
                continue
            known = functions.get(symbol.address)
            if known is None or _rank(symbol) < _rank(known):
                functions[symbol.address] = symbol
                ends[symbol.address] = self._section_end(section)
        return _disjoint(functions, ends), named

    def _defined(self) -> Iterator[Any]:
        for table in self._elf.iter_sections():
            if not isinstance(table, SymbolTableSection):
                continue
            for entry in table.iter_symbols():
                kind = entry["st_info"]["type"]
                defined = entry["st_shndx"] != "SHN_UNDEF"
                # Mapping symbols ($t, $a, $d) tell code from data; they name nothing.
                named = entry.name and not entry.name.startswith("$")
                if kind in (_FUNCTION, _OBJECT, _UNTYPED) and defined and named:
                    yield entry

    def _section_end(self, index: int | str) -> int:
        if not isinstance(index, int):
            return 0
        section = self._elf.get_section(index)
        return int(section["sh_addr"] + section["sh_size"])

    @cached_property
    def _lines(self) -> _Lines:
        try:
            return _line_table(list(self._rows()))
        except _BROKEN as error:
            raise self._wrong(error) from error

    def _rows(self) -> Iterator[tuple[int, int, SourceLine]]:
        """Yield (start, end, line) of all line tables, in the order of the file."""
        if not self._elf.has_dwarf_info():
            return
        dwarf = self._elf.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            names = _file_names(program)
            sequence: list[Any] = []
            for entry in program.get_entries():
                if entry.state is None:
                    continue
                sequence.append(entry.state)
                if entry.state.end_sequence:
                    yield from self._rows_of(sequence, names)
                    sequence = []

    def _rows_of(
        self, sequence: list[Any], names: dict[int, str]
    ) -> Iterator[tuple[int, int, SourceLine]]:
        # The linker leaves the lines of functions it dropped, at address 0.
        if sequence[0].address == 0 and self.function_at(0) is None:
            return
        for row, following in itertools.pairwise(sequence):
            if following.address > row.address and row.line:
                line = SourceLine(names.get(row.file, "?"), row.line)
                yield row.address, following.address, line


def read_image(path: Path) -> FirmwareImage:
    """Read a linked firmware; raises FileFormatError if it is none, or broken."""
    return FirmwareImage(path, read_bytes(path, what="a linked firmware", limit_bytes=_LIMIT_BYTES))


def _rank(symbol: Symbol) -> tuple[bool, str]:
    """Return what chooses between names of one address: a known size first, then the name."""
    return symbol.size_bytes == 0, symbol.name


def _disjoint(functions: dict[int, Symbol], ends: dict[int, int]) -> tuple[Symbol, ...]:
    """Return the functions by address; each ends where the next one starts at the latest."""
    addresses = sorted(functions)
    symbols = []
    for address, following in itertools.pairwise([*addresses, 1 << 32]):
        symbol = functions[address]
        end = address + symbol.size_bytes if symbol.size_bytes else ends[address]
        symbols.append(evolve(symbol, size_bytes=max(0, min(end, following) - address)))
    return tuple(symbols)


def _file_names(program: Any) -> dict[int, str]:
    """Return the names of a line program's files by their number (DWARF 5 counts from 0)."""
    first = 0 if program["version"] >= 5 else 1
    return {
        number: PurePosixPath(entry.name.decode("utf-8", "replace")).name
        for number, entry in enumerate(program["file_entry"], start=first)
    }


def _line_table(rows: list[tuple[int, int, SourceLine]]) -> _Lines:
    """Return the rows sorted; of rows that overlap the one that starts later wins."""
    rows.sort(key=lambda row: row[:2])
    starts, ends, lines = [], [], []
    for index, (start, end, line) in enumerate(rows):
        limit = rows[index + 1][0] if index + 1 < len(rows) else end
        if min(end, limit) > start:
            starts.append(start)
            ends.append(min(end, limit))
            lines.append(line)
    return _Lines(tuple(starts), tuple(ends), tuple(lines))
