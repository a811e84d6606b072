"""QEMU's own log of every instruction it executes, and the addresses of functions in it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

_TRACE = re.compile(r"Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
_STOPPED = "Stopped execution of TB chain before"


def logging_qemu(folder: Path, log: Path, version: str) -> Path:
    """Write a program that is QEMU, executes one instruction at a time, and logs each."""
    program = folder / "qemu"
    real = shutil.which("qemu-system-arm")
    # QEMU 8.1 renamed the option, QEMU 10 dropped the old name.
    old = re.search(r"version ([0-7]|8\.0)\.", version)
    single = "-singlestep" if old else "-accel tcg,one-insn-per-tb=on"
    program.write_text(f'#!/bin/sh\nexec {real} "$@" {single} -d exec,nochain -D {log}\n')
    program.chmod(0o755)
    return program


def executed(log: Path) -> Iterator[int]:
    """Yield the address of every executed instruction."""
    pending: int | None = None
    with log.open() as lines:
        for line in lines:
            if line.startswith(_STOPPED):
                pending = None  # it was announced, then put off: it will be announced again
                continue
            match = _TRACE.match(line)
            if match:
                if pending is not None:
                    yield pending
                pending = int(match.group(1), 16)
    if pending is not None:
        yield pending


def function_range(elf: Path, name: str) -> range:
    """Return the addresses of a function."""
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        (symbol,) = table.get_symbol_by_name(name) or []
        start = symbol["st_value"] & ~1
        return range(start, start + symbol["st_size"])
