"""nightly.toml: tables [matrix.NAME], whose cells together are a night."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen
from attrs.validators import in_

from qrig.boards.toml import structure
from qrig.errors import FileFormatError, InputError, UsageError
from qrig.networks.files import read_text
from qrig.resources import checkout_root
from qrig.runs.nightly.cell import NightCell
from qrig.runs.nightly.matrix import Matrix

SCHEMA = "qrig-nightly/1"
"""The `schema` of nightly.toml."""

FILE = "nightly.toml"
"""What the file is called if nobody says otherwise."""

MAX_CELLS = 1000
"""How many cells a night may have."""

_LIMIT_BYTES = 1 << 20
_MAX_TABLES = 64
_TABLE = re.compile(r"\s*\[")
_HEADER = re.compile(r"\s*\[\s*matrix\s*\.\s*[\"']?([^\"'\]]+?)[\"']?\s*\]")


@frozen
class _Head:
    """What nightly.toml has beside its tables."""

    schema: str = field(validator=in_((SCHEMA,)))


def find_config(explicit: Path | None) -> Path:
    """Return `explicit`, else nightly.toml here or in the checkout; raises UsageError."""
    if explicit is not None:
        return explicit
    root = checkout_root()
    for folder in (Path.cwd(), *([] if root is None else [root])):
        if (folder / FILE).is_file():
            return folder / FILE
    raise UsageError(
        f"expected {FILE} in the working directory, found none; write one, as docs/nightly.md "
        "shows, or name it with --config"
    )


def read_config(path: Path) -> tuple[NightCell, ...]:
    """Return all cells of a nightly.toml; raises FileFormatError with file, line and key."""
    text = read_text(path, what=f"the matrix of a night ({FILE})", limit_bytes=_LIMIT_BYTES)
    cells: dict[str, NightCell] = {}
    for name, values in _tables(path, text).items():
        section = _section(text, name)
        for cell in _cells(path, section, name, values):
            if cell.name in cells:
                problem = f"expected each cell once, found {cell.name!r} again; leave one out"
                raise _mistake(path, section, name, problem)
            cells[cell.name] = cell
            if len(cells) > MAX_CELLS:
                problem = f"expected at most {MAX_CELLS:,} cells, found more; leave some out"
                raise _mistake(path, section, name, problem)
    return tuple(cells.values())


def _tables(path: Path, text: str) -> dict[str, dict[str, Any]]:
    """Return the tables by name; raises FileFormatError."""
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: expected TOML, found a mistake: {error}; correct it"
        ) from error
    tables = document.pop("matrix", {})
    structure(document, _Head, path, text)
    if (
        not isinstance(tables, dict)
        or not 1 <= len(tables) <= _MAX_TABLES
        or not all(isinstance(each, dict) for each in tables.values())
    ):
        raise FileFormatError(
            f"{path}: matrix: expected 1 to {_MAX_TABLES} tables [matrix.NAME], found "
            f"{tables!r:.80}; correct it"
        )
    return tables


def _cells(path: Path, section: str, name: str, values: dict[str, Any]) -> tuple[NightCell, ...]:
    """Return the cells of one table; raises FileFormatError."""
    for attribute in attrs.fields(Matrix):
        if attribute.default is attrs.NOTHING and attribute.name not in values:
            problem = f"{attribute.name}: expected this key, found none; correct it"
            raise _mistake(path, section, name, problem)
    matrix = structure(values, Matrix, path, section)
    try:
        return tuple(matrix.cells(path.resolve().parent))
    except InputError as error:
        raise _mistake(path, section, name, str(error)) from error


def _section(text: str, name: str) -> str:
    """Return the text with all lines blank but those of table `name`, for the lines of mistakes.

    A file that writes its tables in another way is returned as it is.
    """
    kept, inside, found = [], False, False
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header or _TABLE.match(line):
            inside = header is not None and header.group(1) == name
            found |= inside
            kept.append("")
        else:
            kept.append(line if inside else "")
    return "\n".join(kept) if found else text


def _mistake(path: Path, section: str, name: str, problem: str) -> FileFormatError:
    """Return the error at the header of the table, which is the line before its first."""
    lines = section.splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip()), 1)
    return FileFormatError(f"{path}:{max(1, first)}: matrix.{name}: {problem}")
