"""The index of runs: one small file per finished run, written last, in `index/` beside the runs.

A row says what a run was and what its networks cost, and which files it was made from (size and
SHA-256): rows that do not agree with their run's files are not used. A run without a row is read
from its own folder, and a row whose run is gone is no run. Rows are only ever added, each a file of
its own that appears whole: any number of runs may write while others read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from qrig.errors import InputError, UsageError
from qrig.networks.files import read_text, write_text
from qrig.reports.index_cells import cells_of, is_cell, is_text
from qrig.reports.run_files import JOURNAL, RUN, RUNNING, TABLE, read_run, sync_folder

INDEX: Final = "index"
SCHEMA: Final = "qrig-index/1"

_LIMIT_BYTES: Final = 1 << 24
_SAID: Final = ("status", "verdict", "started", "finished", "error")
_CODE: Final = ("git_revision", "qrig_version")


@frozen(eq=False)
class IndexRow:
    """What the index knows of a run: its id, status, verdict and times, and its cells.

    A cell is a network on a target, with the columns of `CELL_COLUMNS`. `indexed` says whether the
    row was found in the index; `files` are sizes and checksums of what it was made from.
    """

    run_id: str
    run: Mapping[str, Any]
    cells: tuple[Mapping[str, Any], ...] = field(repr=False)
    files: Mapping[str, Mapping[str, Any]] = field(repr=False)
    indexed: bool = True

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end, good or bad."""
        return self.run.get("status") not in (None, RUNNING)


@frozen
class Unreadable:
    """A run that cannot be read, and why."""

    run_id: str
    reason: str


def write_row(folder: Path) -> IndexRow:
    """Make the row of the run in `folder` from its files and put it into the index.

    Raises UsageError if it cannot be written, FileFormatError for a run that cannot be read.
    """
    row = make_row(folder)
    index = folder.parent / INDEX
    document = {
        "schema": SCHEMA,
        "run_id": row.run_id,
        "run": row.run,
        "cells": row.cells,
        "files": row.files,
    }
    try:
        if not index.is_dir():
            index.mkdir(exist_ok=True)
            sync_folder(folder.parent)
        write_text(_place(folder), json.dumps(document) + "\n")
        sync_folder(index)
    except OSError as error:
        raise UsageError(
            f"{index}: expected a folder that takes the index of runs, found that it does not "
            f"({error.strerror}); make room or mend its permissions"
        ) from error
    return row


def make_row(folder: Path) -> IndexRow:
    """Make the row of the run in `folder` from its files; raises FileFormatError."""
    run = read_run(folder)
    stamps = run.get("stamps")
    stamp = stamps[0] if isinstance(stamps, list) and stamps else None
    said = {name: run.get(name) for name in _SAID}
    said |= {name: stamp.get(name) if isinstance(stamp, dict) else None for name in _CODE}
    said = {name: text if is_text(text) else None for name, text in said.items()}
    cells = tuple(cells_of(folder, run))
    return IndexRow(folder.name, said, cells, _files_of(folder), indexed=False)


def read_row(folder: Path) -> IndexRow:
    """Return the row of the run in `folder`: from the index, else from its files.

    Raises FileFormatError for a run that cannot be read.
    """
    found = _indexed(folder)
    return found if found is not None else make_row(folder)


def run_folders(runs: Path) -> Iterator[Path]:
    """Yield the folder of every run in the folder `runs`, by name; none if it is not there.

    Folders whose names are no text are none of ours.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(runs) if is_text(entry.name))
    except OSError:
        return
    for name in names:
        if _is_file(runs / name / RUN):
            yield runs / name


def read_rows(runs: Path) -> Iterator[IndexRow | Unreadable]:
    """Yield the row of every run in the folder `runs`, by name, and the runs that have none."""
    for folder in run_folders(runs):
        try:
            yield read_row(folder)
        except InputError as error:
            yield Unreadable(folder.name, str(error))
        except OSError as error:  # a run that is taken away meanwhile
            yield Unreadable(folder.name, f"{folder}: {error.strerror}")


def disagreements(runs: Path) -> Iterator[str]:
    """Yield a sentence for every row of the index that its run's files do not bear out.

    Reads every file; rows whose run is gone are named, too.
    """
    for path in sorted((runs / INDEX).glob("*.json")):
        if path.name.startswith("."):
            continue
        folder = runs / path.stem
        row = _read(path)
        if row is None:
            yield f"{path}: not a row of the index"
        elif not (folder / RUN).is_file():
            yield f"{path}: its run is gone"
        elif row.files != _files_of(folder):
            yield f"{path}: the files of the run are others"


def _indexed(folder: Path) -> IndexRow | None:
    """Return the run's row in the index if the sizes of its files are those of the row."""
    row = _read(_place(folder))
    if row is None:
        return None
    sizes = {name: entry.get("size_bytes") for name, entry in row.files.items()}
    found = {}
    for name in (RUN, TABLE):
        try:
            found[name] = (folder / name).stat().st_size
        except OSError:
            continue
    return row if sizes == found and not (folder / JOURNAL).exists() else None


def _read(path: Path) -> IndexRow | None:
    """Read a row; None if there is none, or none that can be used."""
    try:
        document = json.loads(read_text(path, what="a row", limit_bytes=_LIMIT_BYTES))
        if document["schema"] != SCHEMA:
            return None
        run, cells, files = (document[name] for name in ("run", "cells", "files"))
        whole = isinstance(run, dict) and isinstance(files, dict) and isinstance(cells, list)
        if not whole or not all(isinstance(one, dict) for one in (*cells, *files.values())):
            return None
        if not all(text is None or is_text(text) for text in run.values()):
            return None
        if not all(is_cell(cell) for cell in cells):
            return None
    except (InputError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return IndexRow(path.stem, run, tuple(cells), files)


def _place(folder: Path) -> Path:
    return folder.parent / INDEX / f"{folder.name}.json"


def _is_file(path: Path) -> bool:
    """Say whether there is a file; a link that leads nowhere, or what may not be seen, is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _files_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and checksum of the files that a row is made from."""
    return {
        name: {"size_bytes": (folder / name).stat().st_size, "sha256": _sha256(folder / name)}
        for name in (RUN, TABLE)
        if (folder / name).is_file()
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
