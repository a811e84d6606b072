"""The files of a run as they lie on the disk, read without pandas: also by what has to be quick."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from qrig.errors import FileFormatError, InputError
from qrig.measure.rows import SCHEMA_VERSION
from qrig.networks.files import read_text

JOURNAL: Final = "layers.jsonl"
TABLE: Final = "layers.parquet"
RUN: Final = "run.json"

RUNNING: Final = "running"
"""The status of a run that goes on, or was killed."""

_LIMIT_BYTES: Final = 1 << 28


def read_run(folder: Path) -> dict[str, Any]:
    """Read a run's run.json; raises FileFormatError if there is none or one of a newer schema."""
    try:
        run = json.loads(read_text(folder / RUN, what="a run", limit_bytes=_LIMIT_BYTES))
        if not isinstance(run, dict):
            raise ValueError("not an object")  # noqa: TRY004  # what a broken file raises too
    except (InputError, ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{folder}: expected a run with {RUN}, found none that can be read ({error}); name the "
            "folder of a run"
        ) from error
    version = run.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise FileFormatError(
            f"{folder}: expected results of schema {SCHEMA_VERSION} or older, found {version}; "
            "read them with a newer qrig"
        )
    return run


def whole_lines(journal: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a journal up to the first line that is not whole.

    A run that is killed, or whose disk is full, may leave a last line cut short.
    """
    with journal.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                row = json.loads(line) if line.endswith("\n") else None
            except (ValueError, RecursionError):
                return
            if not isinstance(row, dict):
                return
            yield row


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk when this returns; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
