"""Where runs are: the folder of all of them, the names of new ones, and one by its name."""

from __future__ import annotations

import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from qrig.errors import UsageError
from qrig.reports.run_files import RUN
from qrig.resources import checkout_root

LATEST: Final = "last"
"""Stands for the latest run where one is named."""

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def runs_folder(explicit: str | None = None) -> Path:
    """Return the folder of runs: `explicit`, else QRIG_RUNS, else reports/runs (see below).

    Inside a checkout that is the checkout's reports folder, elsewhere one in the working directory.
    """
    chosen = explicit or os.environ.get("QRIG_RUNS")
    if chosen:
        return Path(chosen)
    root = checkout_root()
    inside = root is not None and Path.cwd().is_relative_to(root)
    base = root if inside and root is not None else Path.cwd()
    return base / "reports" / "runs"


def new_runs_folder(explicit: str | None = None) -> Path:
    """Return the folder of runs for a new one; raises UsageError if none can be made there."""
    folder = runs_folder(explicit)
    there = folder.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UsageError(
            f"{folder}: expected a folder for the results that is there or can be made, found that "
            f"{there} is none that can be written; give another with --runs"
        )
    return folder


def new_run_id(now: datetime | None = None) -> str:
    """Return a run id that sorts by time: UTC date and time, and four hex digits."""
    moment = now or datetime.now(UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def find_run(folder: Path, run_id: str | None) -> Path:
    """Return the folder of run `run_id`, the latest for None or `last`; raises UsageError."""
    if run_id is not None and run_id != LATEST:
        if Path(run_id).is_dir():
            return Path(run_id)
        if _RUN_ID.fullmatch(run_id) and (folder / run_id).is_dir():
            return folder / run_id
        raise UsageError(
            f"expected a run in {folder} (an id, a folder, or {LATEST}), found no {run_id!r}; "
            "`qrig history` lists the runs"
        )
    runs = sorted(path.parent for path in folder.glob(f"*/{RUN}"))
    if not runs:
        raise UsageError(f"{folder}: expected at least one run, found none; run `qrig bench` first")
    return runs[-1]
