"""A night on the disk: its plan, the results of its cells, its summary.

    <runs>/nightly/<night id>/night.json       the plan: cells, revision, when it began
    <runs>/nightly/<night id>/cells/NNN-*.json the result of a cell, written when it has ended
    <runs>/nightly/<night id>/cells/NNN-*.log  what the cell's process said
    <runs>/nightly/<night id>/summary.*        json, md and html
    <runs>/nightly/<night id>/accepted.json    somebody has accepted what got worse

Every file is written whole, so that a night that was killed at any moment can be resumed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import field, frozen
from filelock import FileLock, Timeout

from qrig import __version__
from qrig.errors import FileFormatError, InputError, UsageError
from qrig.networks.files import read_text, write_text
from qrig.reports.figures import file_stem
from qrig.reports.store import new_run_id
from qrig.runs.nightly.baseline import Baseline, baseline_of, read_baseline
from qrig.runs.nightly.cell import NightCell, cell_of
from qrig.runs.nightly.result import CellResult, read_result, write_result
from qrig.runs.stamp import git_revision

SCHEMA = "qrig-night/1"
"""The `schema` of night.json."""

NIGHTS = "nightly"
"""The folder of nights in the folder of runs."""

LAST = "last"
"""Stands for the latest night where one is named."""

SAME_NIGHT_H = 20
"""How many hours after its beginning a night that was interrupted is still tonight's."""

_PLAN, _ACCEPTED = "night.json", "accepted.json"
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
_SECOND = len("20260131-023000")
_LIMIT_BYTES = 1 << 24


@frozen
class Night:
    """A night: where it is kept, when it began, what code and which cells it is of.

    `baseline` is the night it is compared with, which stays the same when it is resumed.
    """

    folder: Path
    started: datetime
    revision: str | None
    version: str
    baseline: Baseline = field(repr=False)
    cells: tuple[NightCell, ...] = field(repr=False)

    @property
    def id(self) -> str:
        """The night's id, which sorts by time."""
        return self.folder.name

    def mark(self, cell: NightCell | None = None) -> str:
        """Return what marks the processes of `cell`, or what the marks of all cells begin with."""
        return f"{self.id}/" if cell is None else f"{self.id}/{self.cells.index(cell) + 1}/"

    def path(self, cell: NightCell, suffix: str) -> Path:
        """Return the file of `cell` with `suffix` (.json, .log)."""
        number = self.cells.index(cell) + 1
        return self.folder / "cells" / f"{number:03}-{file_stem(cell.name, set())}{suffix}"

    def keep(self, cell: NightCell, result: CellResult) -> None:
        """Keep the result of a cell; raises UsageError."""
        write_result(self.path(cell, ".json"), result)

    def results(self) -> dict[str, CellResult]:
        """Return the results there are by name of cell; a broken one counts as none."""
        found = {}
        for cell in self.cells:
            with contextlib.suppress(FileFormatError):
                result = read_result(self.path(cell, ".json"))
                if result.name == cell.name:
                    found[cell.name] = result
        return found

    @property
    def is_complete(self) -> bool:
        """Whether every cell has a result."""
        return len(self.results()) == len(self.cells)

    @property
    def is_accepted(self) -> bool:
        """Whether somebody has accepted it as it is."""
        return (self.folder / _ACCEPTED).is_file()

    def accept(self) -> None:
        """Make it a good night, whatever got worse; raises UsageError if it is not complete."""
        if not self.is_complete:
            raise UsageError(
                f"{self.id}: expected a complete night to accept, found cells that have not been "
                f"run; finish it with --resume {self.id}"
            )
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        write_text(self.folder / _ACCEPTED, json.dumps({"accepted": moment}) + "\n")


def new_night(runs: Path, cells: tuple[NightCell, ...], baseline: Baseline) -> Night:
    """Make the folder of a new night; raises UsageError."""
    moment = datetime.now(UTC)
    folder = runs / NIGHTS / new_run_id(moment)
    night = Night(folder, moment, git_revision(), __version__, baseline, cells)
    document = {
        "schema": SCHEMA,
        "started": moment.isoformat(timespec="microseconds"),
        "revision": night.revision,
        "version": night.version,
        "baseline": baseline.document(),
        "cells": [cell.document() for cell in cells],
    }
    try:
        (night.folder / "cells").mkdir(parents=True)
    except OSError as error:
        raise UsageError(
            f"{night.folder}: expected a new folder for the night, found that it cannot be made "
            f"({error.strerror}); give another with --runs"
        ) from error
    write_text(night.folder / _PLAN, json.dumps(document, indent=1) + "\n")
    return night


def read_night(folder: Path) -> Night:
    """Read the plan of a night; raises FileFormatError."""
    path = folder / _PLAN
    text = read_text(path, what="the plan of a night", limit_bytes=_LIMIT_BYTES)
    try:
        document: dict[str, Any] = json.loads(text)
        if document["schema"] != SCHEMA:
            raise ValueError(f"expected {SCHEMA}, found {document['schema']!r}")
        started = datetime.fromisoformat(document["started"])
        if started.tzinfo is None:
            raise ValueError("a time without a zone")
        cells = tuple(cell_of(each) for each in document["cells"])
        code = document["revision"], document["version"]
        return Night(folder, started, *code, baseline_of(document["baseline"]), cells)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        FileFormatError,
    ) as error:
        raise FileFormatError(
            f"{path}: expected the plan of a night, found another file ({error}); begin a new "
            "night with --fresh"
        ) from error


def find_night(runs: Path, text: str) -> Night:
    """Return the night `text` names, an id or `last`; raises InputError."""
    if text == LAST:
        found = next(nights(runs), None)
        if found is None:
            raise UsageError(f"{runs / NIGHTS}: expected a night, found none; run `qrig nightly`")
        return found
    if not _ID.fullmatch(text) or not (runs / NIGHTS / text).is_dir():
        raise UsageError(
            f"expected a night in {runs / NIGHTS} (an id, or {LAST}), found no {text!r}; its id is "
            "on the first line of its summary"
        )
    return read_night(runs / NIGHTS / text)


def nights(runs: Path) -> Iterator[Night]:
    """Yield the nights that can be read, the latest first."""
    folders = [path for path in (runs / NIGHTS).glob("*") if _ID.fullmatch(path.name)]
    folders.sort(key=lambda path: path.name, reverse=True)
    for _, same_second in itertools.groupby(folders, key=lambda path: path.name[:_SECOND]):
        yield from sorted(_readable(same_second), key=lambda night: night.started, reverse=True)


def _readable(folders: Iterable[Path]) -> Iterator[Night]:
    for folder in folders:
        with contextlib.suppress(InputError):
            yield read_night(folder)


def last_good(runs: Path) -> Baseline:
    """Return the last good night in the folder `runs`; an empty baseline if there is none."""
    for night in nights(runs):
        found = read_baseline(night.folder, accepted=night.is_accepted)
        if found is not None:
            return found
    return Baseline()


def unfinished_night(runs: Path, cells: tuple[NightCell, ...]) -> Night | None:
    """Return the night to go on with: of these cells and this code, begun lately, interrupted."""
    since = datetime.now(UTC) - timedelta(hours=SAME_NIGHT_H)
    code = (git_revision(), __version__)
    for night in nights(runs):
        if night.started < since:
            return None
        if night.cells == cells and (night.revision, night.version) == code:
            return None if night.is_complete else night
    return None


@contextlib.contextmanager
def only_night(runs: Path) -> Iterator[None]:
    """Keep other nights out of this folder of runs; raises UsageError if one is at work there."""
    folder = runs / NIGHTS
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"{folder}: expected no other night at work there, found one; wait for its end, or "
            "give another folder with --runs"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{folder}: expected a folder for nights, found that it cannot be used "
            f"({error.strerror}); give another with --runs"
        ) from error
    try:
        yield
    finally:
        lock.release()
