"""How one cell of a night ended, as it is kept on the disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen
from attrs.validators import in_, instance_of, optional

from qrig.errors import FileFormatError
from qrig.networks.files import read_text, write_text
from qrig.runs.nightly.cell import NightCell, texts
from qrig.runs.nightly.verdict import DIFFERS, EXACT, EXIT_CODES, FAILED

SCHEMA = "qrig-night-cell/1"
"""The `schema` of a cell's file."""

_LIMIT_BYTES = 1 << 20


@frozen
class CellResult:
    """How a cell ended: `outcome` is bit-exact, differs or failed; `verdict` is one of EXIT_CODES.

    `findings` say why; `run` is the id of its run, None if nothing was measured, `base_run` that of
    the run it was compared with; `started` is ISO 8601, UTC.
    """

    name: str = field(validator=instance_of(str))
    outcome: str = field(validator=in_((EXACT, DIFFERS, FAILED)))
    verdict: str = field(validator=in_(tuple(EXIT_CODES)))
    findings: tuple[str, ...] = field(converter=texts)
    run: str | None = field(validator=optional(instance_of(str)))
    base_run: str | None = field(validator=optional(instance_of(str)))
    started: str = field(validator=instance_of(str))
    seconds: float = field(validator=instance_of((int, float)))


def not_started(cell: NightCell, problem: str) -> CellResult:
    """Return the result of a cell for which there could be no process."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return CellResult(cell.name, FAILED, FAILED, (problem,), None, None, started, 0.0)


def write_result(path: Path, result: CellResult) -> None:
    """Write a result, whole or not at all; raises UsageError."""
    write_text(path, json.dumps({"schema": SCHEMA, **attrs.asdict(result)}, indent=1) + "\n")


def read_result(path: Path) -> CellResult:
    """Read a result; raises FileFormatError."""
    text = read_text(path, what="the result of a cell", limit_bytes=_LIMIT_BYTES)
    try:
        document: dict[str, Any] = json.loads(text)
        if document.pop("schema") != SCHEMA:
            raise ValueError("another schema")
        return CellResult(**document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: expected the result of a cell, found another file ({error}); delete it, and "
            "the cell is run again"
        ) from error
