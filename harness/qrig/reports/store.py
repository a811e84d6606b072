"""The store of results: one folder per run.

    run.json            the run: schema, status, verdict, stamps, footprints, accuracy
    layers.parquet      one row per layer (see `qrig.measure.rows`)
    layers.jsonl        the same rows while the run lasts; gone once the parquet file is there
    report.html, *.png, *.svg

Rows go to the journal, flushed to the disk, as they are measured: a run that is killed keeps what
it had. Every other file is written beside its place and moved there whole. The last thing is the
run's row in the index (see `qrig.reports.index`), which only finished runs have.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Final

import pandas as pd

from qrig.errors import FileFormatError, UsageError
from qrig.measure.rows import COLUMNS, ENERGY_COLUMNS, MODEL_COLUMNS, SCHEMA_VERSION
from qrig.networks.files import write_file, write_text
from qrig.reports.index import write_row
from qrig.reports.run_files import JOURNAL, RUN, RUNNING, TABLE, read_run, sync_folder, whole_lines
from qrig.reports.run_folders import find_run, new_run_id, new_runs_folder, runs_folder

__all__ = [
    "JOURNAL",
    "RUN",
    "TABLE",
    "RunWriter",
    "check_columns",
    "find_run",
    "load_run",
    "migrated",
    "new_run_id",
    "new_runs_folder",
    "runs_folder",
    "table_of",
]

_ADDED: Final = frozenset((*MODEL_COLUMNS, "computed_with", *ENERGY_COLUMNS))
"""Columns that came after the first schema."""


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
        self._finished = False
        try:
            self.folder.mkdir(parents=True)
            self._journal: IO[str] = (self.folder / JOURNAL).open("w", encoding="utf-8")
            sync_folder(self.folder)
            sync_folder(folder)
        except OSError as error:
            raise UsageError(
                f"{self.folder}: expected a new folder for the results, found that it cannot be "
                f"made ({error.strerror}); give another with --runs"
            ) from error

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Keep rows; they are on the disk when this returns.

        Raises UsageError if the disk does not take them: those before are safe, and what is left of
        these ends in a line cut short, which readers leave out. Nothing more goes to the journal
        then, but `finish` writes all rows.
        """
        new = list(rows)
        self._rows += new
        try:
            if self._journal.closed:
                raise OSError(errno.EIO, "it did not take those before")
            self._journal.write("".join(json.dumps(row) + "\n" for row in new))
            self._journal.flush()
            os.fsync(self._journal.fileno())
        except OSError as error:
            self.close()
            raise UsageError(
                f"{self.folder / JOURNAL}: expected a disk that takes the results, found that it "
                f"does not ({error.strerror}); make room or give another folder with --runs"
            ) from error

    @property
    def verdict(self) -> str | None:
        """The verdict of the rows so far: "bit-exact" or "differs"; None without any."""
        if not self._rows:
            return None
        differs = any(row["verdict"] == "differs" for row in self._rows)
        return "differs" if differs else "bit-exact"

    def save_run(self, run: dict[str, Any]) -> None:
        """Write run.json, and the row in the index if the table is there and the status final."""
        document = {"schema_version": SCHEMA_VERSION, "run_id": self.run_id, **run}
        write_text(self.folder / RUN, json.dumps(document, indent=1) + "\n")
        sync_folder(self.folder)
        if self._finished and document.get("status", RUNNING) != RUNNING:
            write_row(self.folder)

    def finish(self) -> pd.DataFrame:
        """Write the table, drop the journal, and return the rows."""
        self.close()
        frame = table_of(self._rows)
        write_file(self.folder / TABLE, lambda path: _write_parquet(path, frame))
        sync_folder(self.folder)
        (self.folder / JOURNAL).unlink()
        self._finished = True
        return frame

    def close(self) -> None:
        """Let go of the journal, which stays; harmless the second time."""
        with contextlib.suppress(OSError):  # what a full disk did not take before
            self._journal.close()


def load_run(folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a run's rows and run.json, also of a run that was killed.

    Raises FileFormatError if the folder holds no run, or one of a newer schema.
    """
    run = read_run(folder)
    return _load_rows(folder), run


def _load_rows(folder: Path) -> pd.DataFrame:
    try:
        if (folder / TABLE).is_file():
            return migrated(pd.read_parquet(folder / TABLE))
        return table_of(whole_lines(folder / JOURNAL))
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"{folder}: expected the rows of a run, found them damaged ({error}); run it again"
        ) from error


def migrated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of this or an older schema with today's columns; new ones are missing.

    Raises ValueError for rows without a column that every schema has.
    """
    check_columns(frame.columns)
    return frame.reindex(columns=list(COLUMNS)).astype(COLUMNS)


def check_columns(names: Iterable[str]) -> None:
    """Raise ValueError if rows with the columns `names` lack one that every schema has."""
    there = set(names)
    absent = [name for name in COLUMNS if name not in there and name not in _ADDED]
    if absent:
        raise ValueError(f"no column {absent[0]}")


def _write_parquet(path: Path, frame: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"qrig.schema_version": b"%d" % SCHEMA_VERSION}
    pq.write_table(table.replace_schema_metadata(metadata), path)
