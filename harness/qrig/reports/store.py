"""The store of results: one folder per run.

    run.json            the run: schema, status, verdict, stamps, footprints, accuracy
    layers.parquet      one row per layer (see `qrig.measure.rows`)
    layers.jsonl        the same rows while the run lasts; gone once the parquet file is there
    report.html, *.png, *.svg

Rows go to the journal, flushed to the disk, as they are measured: a run that is killed keeps what
it had. Every other file is written beside its place and moved there whole.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pandas as pd

from qrig.errors import FileFormatError, UsageError
from qrig.measure.rows import COLUMNS, MODEL_COLUMNS, SCHEMA_VERSION
from qrig.networks.files import write_file, write_text
from qrig.resources import checkout_root

JOURNAL = "layers.jsonl"
TABLE = "layers.parquet"
RUN = "run.json"

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


def table_of(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a DataFrame with the columns and types of `COLUMNS`."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(COLUMNS)


class RunWriter:
    """Writes one run. Rows are safe as soon as `append` returns."""

    def __init__(self, folder: Path, run_id: str) -> None:
        """Make the run's folder; raises UsageError if it cannot be made."""
        self.run_id = run_id
        self.folder = folder / run_id
        self._rows: list[dict[str, Any]] = []
        try:
            self.folder.mkdir(parents=True)
            self._journal: IO[str] = (self.folder / JOURNAL).open("w", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{self.folder}: expected a new folder for the results, found that it cannot be "
                f"made ({error.strerror}); give another with --runs"
            ) from error

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Keep rows; they are on the disk when this returns."""
        for row in rows:
            self._rows.append(row)
            self._journal.write(json.dumps(row) + "\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())

    @property
    def verdict(self) -> str | None:
        """The verdict of the rows so far: "bit-exact" or "differs"; None without any."""
        if not self._rows:
            return None
        differs = any(row["verdict"] == "differs" for row in self._rows)
        return "differs" if differs else "bit-exact"

    def save_run(self, run: dict[str, Any]) -> None:
        """Write run.json."""
        document = {"schema_version": SCHEMA_VERSION, "run_id": self.run_id, **run}
        write_text(self.folder / RUN, json.dumps(document, indent=1) + "\n")

    def finish(self) -> pd.DataFrame:
        """Write the table, drop the journal, and return the rows."""
        frame = table_of(self._rows)
        write_file(self.folder / TABLE, lambda path: _write_parquet(path, frame))
        self.close()
        (self.folder / JOURNAL).unlink()
        return frame

    def close(self) -> None:
        """Let go of the journal, which stays; harmless the second time."""
        self._journal.close()


def load_run(folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a run's rows and run.json, also of a run that was killed.

    Raises FileFormatError if the folder holds no run, or one of a newer schema.
    """
    try:
        run = json.loads((folder / RUN).read_text(encoding="utf-8"))
        if not isinstance(run, dict):
            raise ValueError("not an object")  # noqa: TRY004  # what a broken file raises too
    except (OSError, ValueError) as error:
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
    return _load_rows(folder), run


def find_run(folder: Path, run_id: str | None) -> Path:
    """Return the folder of run `run_id`, or of the latest run; raises UsageError."""
    if run_id is not None:
        if Path(run_id).is_dir():
            return Path(run_id)
        if _RUN_ID.fullmatch(run_id) and (folder / run_id).is_dir():
            return folder / run_id
        raise UsageError(
            f"expected a run in {folder}, found no {run_id!r}; `qrig report` without a name takes "
            "the latest"
        )
    runs = sorted(path.parent for path in folder.glob(f"*/{RUN}"))
    if not runs:
        raise UsageError(f"{folder}: expected at least one run, found none; run `qrig bench` first")
    return runs[-1]


def _load_rows(folder: Path) -> pd.DataFrame:
    try:
        if (folder / TABLE).is_file():
            return _migrated(pd.read_parquet(folder / TABLE))
        with (folder / JOURNAL).open(encoding="utf-8") as journal:
            lines = journal.read().splitlines(keepends=True)
        # The last line of a killed run may be cut short.
        whole = [line for line in lines if line.endswith("\n")]
        return table_of(json.loads(line) for line in whole)
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"{folder}: expected the rows of a run, found them damaged ({error}); run it again"
        ) from error


def _migrated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of this or an older schema with today's columns; new ones are missing."""
    added = [name for name in COLUMNS if name not in frame.columns]
    if added and not set(added) <= {*MODEL_COLUMNS, "computed_with"}:
        raise ValueError(f"no column {added[0]}")
    return frame.reindex(columns=list(COLUMNS)).astype(COLUMNS)


def _write_parquet(path: Path, frame: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"qrig.schema_version": b"%d" % SCHEMA_VERSION}
    pq.write_table(table.replace_schema_metadata(metadata), path)
