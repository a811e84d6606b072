"""All runs as tables for pandas, and for SQL where DuckDB is installed.

DuckDB reads the files of all runs at once; without it they are read one after the other, to the
same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pandas as pd

from qrig.errors import InputError, UsageError
from qrig.measure.rows import COLUMNS
from qrig.reports.history import HISTORY_COLUMNS, Choice, read_history, read_since
from qrig.reports.run_files import TABLE, read_run
from qrig.reports.run_folders import runs_folder
from qrig.reports.store import check_columns, load_run, migrated

LAYERS: Final = "layers"
CELLS: Final = "cells"

LAYER_COLUMNS: Final = {"run_id": "string", "started": "datetime64[us, UTC]", **COLUMNS}
"""The columns of the table of layers and their pandas types."""


def load(
    table: str = LAYERS,
    *,
    runs: str | Path | None = None,
    ids: Sequence[str] | None = None,
    network: str | None = None,
    target: str | None = None,
    layer: str | None = None,
    since: str | None = None,
    last: int | None = None,
) -> pd.DataFrame:
    """Return rows of all runs, oldest run first.

    `table` is "layers" (one row per run, target, network, input and layer; the columns of
    `qrig.measure.COLUMNS`, with `started` behind `run_id`) or "cells" (one row per run, target and
    network; `HISTORY_COLUMNS`). Times are in UTC, latencies in microseconds, energies in
    microjoules, currents in microamperes, sizes in bytes; a number that is not known is missing.

    `runs` is the folder of runs, by default that of the command line. `ids` names runs, `since` is
    a day or a time, `last` keeps that many of the latest runs; the others keep what is equal. Runs
    that cannot be read are left out. Raises UsageError for filters that mean nothing.
    """
    folder = runs_folder(None if runs is None else str(runs))
    choice = Choice(
        network=network,
        target=target,
        since=None if since is None else read_since(since),
        last=last,
        runs=ids,
    )
    if table not in (LAYERS, CELLS) or (table == CELLS and layer is not None):
        raise UsageError(
            f"expected the table {LAYERS!r}, or {CELLS!r} without a layer, found {table!r}; name "
            "one of these"
        )
    cells = read_history(folder, choice).cells
    if table == CELLS:
        return cells_frame(cells)
    started = started_of(cells)
    equal = {"network": network, "target": target, "layer": layer}
    wanted = {name: value for name, value in equal.items() if value is not None}
    rows = read_layers([folder / name for name in started], wanted)
    rows["started"] = rows["run_id"].map(started)
    return rows[list(LAYER_COLUMNS)].astype(LAYER_COLUMNS)


def query(sql: str, *, runs: str | Path | None = None) -> pd.DataFrame:
    """Return what DuckDB answers to `sql`, which may ask the tables `layers` and `cells`.

    `cells` is that of `load`; `layers` has the columns of `qrig.measure.COLUMNS`. Raises UsageError
    if DuckDB is not installed or does not take the question.
    """
    from qrig.reports.load_duckdb import answer

    folder = runs_folder(None if runs is None else str(runs))
    cells = cells_frame(read_history(folder).cells)
    folders = [folder / str(name) for name in cells["run_id"].unique()]
    finished = {one / TABLE: one.name for one in folders if _has_table(one)}
    others = [_one(one, {}) for one in folders if one / TABLE not in finished]
    rest = pd.concat([_no_rows(), *others], ignore_index=True).astype(COLUMNS)
    return answer(sql, finished, rest, cells)


def cells_frame(cells: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return cells of the history as a DataFrame with the types of HISTORY_COLUMNS."""
    frame = pd.DataFrame(list(cells), columns=list(HISTORY_COLUMNS))
    frame["started"] = pd.to_datetime(frame["started"], errors="coerce", utc=True, format="ISO8601")
    return frame.astype(HISTORY_COLUMNS)


def started_of(cells: Iterable[Mapping[str, Any]]) -> dict[str, pd.Timestamp]:
    """Return when each run of `cells` began, runs in their order."""
    frame = cells_frame(cells)
    return {str(name): at for name, at in zip(frame["run_id"], frame["started"], strict=True)}


def read_layers(folders: Sequence[Path], equal: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of the runs in `folders` whose columns are `equal`, run by run.

    Runs that cannot be read are left out.
    """
    parts: list[pd.DataFrame] = []
    for finished, group in groupby(folders, _has_table):
        some = list(group)
        together = _together(some, equal) if finished else None
        parts += [_one(folder, equal) for folder in some] if together is None else [together]
    frames = [part for part in parts if len(part)]
    return pd.concat(frames, ignore_index=True) if frames else _no_rows()


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)


def _has_table(folder: Path) -> bool:
    """Say whether the run in `folder` is one of this or an older schema with its table."""
    import pyarrow.parquet as pq

    try:
        read_run(folder)
        check_columns(pq.read_schema(folder / TABLE).names)
    except (InputError, OSError, ValueError):
        return False
    return True


def _together(folders: Sequence[Path], equal: Mapping[str, str]) -> pd.DataFrame | None:
    """Return the rows of whole runs at once; None if DuckDB cannot."""
    from qrig.reports.load_duckdb import read_tables

    rows = read_tables({folder / TABLE: folder.name for folder in folders}, equal)
    return None if rows is None else migrated(rows)


def _one(folder: Path, equal: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of one run; none if it cannot be read."""
    try:
        rows, _ = load_run(folder)
    except InputError:
        return _no_rows()
    for name, value in equal.items():
        rows = rows[rows[name] == value]
    return rows.assign(run_id=folder.name).astype(COLUMNS)
