"""Folders qrig writes to, and the room there is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from qrig.boards.state_folder import state_root
from qrig.reports.store import runs_folder
from qrig.resources import cache_root
from qrig.runs.doctor_checks.access import may_write_in
from qrig.runs.doctor_checks.finding import GOOD, MISSING, WARNING, Finding

LEAST_BYTES = 200 << 20
"""What a first run takes, builds and results, with some to spare."""

PLENTY_BYTES = 2 << 30
"""What a week of work takes."""

_AREA = "Storage"


def check_storage() -> Iterator[Finding]:
    """Yield whether cache, results and what is remembered of boards can be written."""
    yield _folder("cache", cache_root(), "QRIG_CACHE", needed=True)
    yield _folder("results", runs_folder(), "QRIG_RUNS", needed=True)
    yield _folder("state of boards", state_root(), "QRIG_STATE", needed=False)


def _folder(name: str, folder: Path, variable: str, *, needed: bool) -> Finding:
    """Return whether files can be made in `folder`, which need not be there yet."""
    there = nearest(folder)
    if not there.is_dir() or not may_write_in(there):
        what = "is no folder" if not there.is_dir() else "cannot be written"
        fix = (f"export {variable}=/a/folder/of/yours",)
        notes = (f"{there} {what}",)
        return Finding(_AREA, name, MISSING, str(folder), needed=needed, notes=notes, fix=fix)
    free_bytes = shutil.disk_usage(there).free
    found = f"{folder}, {free_bytes / (1 << 30):.1f} GiB free"
    if free_bytes >= PLENTY_BYTES:
        return Finding(_AREA, name, GOOD, found, needed=needed)
    verdict = WARNING if free_bytes >= LEAST_BYTES else MISSING
    notes = (f"a run needs {LEAST_BYTES >> 20} MiB, a week of them {PLENTY_BYTES >> 30} GiB",)
    fix = (f"free some room, or export {variable}=/a/folder/with/room",)
    return Finding(_AREA, name, verdict, found, needed=needed, notes=notes, fix=fix)


def nearest(folder: Path) -> Path:
    """Return `folder`, or what is there of the folders above it."""
    place = folder.absolute()
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    return place
