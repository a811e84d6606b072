"""The lines of C and assembler files, for listings that show what an instruction came from.

The paths come from a table that anybody may have written, so files are read from given folders
only, and only those that look like sources.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

__all__ = ["ReadSource", "source_reader"]

ReadSource: TypeAlias = Callable[[str], Sequence[str] | None]
"""Returns the lines of the file at a path, or None if they are not to be had."""

_SUFFIXES: Final = frozenset({".c", ".cc", ".cpp", ".h", ".hpp", ".inc", ".s", ".S"})
_MAX_BYTES: Final = 4 << 20


def source_reader(*roots: Path) -> ReadSource:
    """Return a function that reads sources below `roots`, each file at most once.

    A relative path is looked for in every root. What lies elsewhere (also by way of a link), is
    larger than 4 MiB or not called like a source gives None.
    """
    inside = [root.resolve() for root in roots]
    known: dict[str, Sequence[str] | None] = {}

    def read(path: str) -> Sequence[str] | None:
        if path not in known:
            found = (_lines(root / path, inside) for root in inside)
            known[path] = next((lines for lines in found if lines is not None), None)
        return known[path]

    return read


def _lines(path: Path, roots: Sequence[Path]) -> Sequence[str] | None:
    """Read one file, or return None."""
    try:
        real = path.resolve()
        if real.suffix not in _SUFFIXES or not any(real.is_relative_to(root) for root in roots):
            return None
        if not real.is_file() or real.stat().st_size > _MAX_BYTES:
            return None
        return real.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError, RuntimeError):  # ValueError: a NUL in a path
        return None
