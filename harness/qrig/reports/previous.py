"""The run before this one, for each network on each target: the latest that it compares with.

It is complete, lies in the same folder of runs, began earlier, has the same kernel choices and a
stamp that is like this one's (see `qrig.reports.compare_stamps`), and ran all inputs of this run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import pandas as pd
from attrs import frozen

from qrig.errors import InputError
from qrig.reports.compare_runs import RunData
from qrig.reports.compare_stamps import differences, stamps_of
from qrig.reports.history import moment_of
from qrig.reports.index import IndexRow, read_row, run_folders
from qrig.reports.profile_store import has_profile, load_tables
from qrig.reports.store import load_run

__all__ = ["Pair", "named_inputs", "pairs_of", "previous_runs", "rows_of_pair"]

Pair: TypeAlias = tuple[str, str]
"""A target and a network."""

_LOOK_BACK: Final = 500
_CHOICES: Final = "kernel_choices"
_QUICK: Final = ("core", "compiler", "network_sha256", "board_serial")


@frozen(eq=False)
class _Wanted:
    """A cell that looks for its previous run: its stamps, and the names of its inputs."""

    pair: Pair
    stamps: Sequence[Mapping[str, Any]]
    inputs: frozenset[str]


def previous_runs(folder: Path, rows: pd.DataFrame, run: Mapping[str, Any]) -> dict[Pair, RunData]:
    """Find the previous run of each target and network in `rows`, the rows of the run in `folder`.

    What is found holds the rows of that pair alone, of the inputs both have. Pairs without a
    previous run are left out; at most the 500 runs before this one are looked at.
    """
    every = {pair: _wanted(pair, rows, run) for pair in pairs_of(rows)}
    wanted = {pair: one for pair, one in every.items() if one.stamps}
    found: dict[Pair, RunData] = {}
    for earlier, row in islice(_earlier(folder, run), _LOOK_BACK):
        if len(found) == len(wanted):
            break
        for cell in row.cells:
            one = wanted.get((str(cell.get("target")), str(cell.get("network"))))
            if one is not None and one.pair not in found and _may_fit(cell, one):
                data = _fitting(earlier, one)
                if data is not None:
                    found[one.pair] = data
    return found


def pairs_of(rows: pd.DataFrame) -> list[Pair]:
    """Return the targets and networks of `rows`, in their order."""
    if rows.empty:
        return []
    pairs = rows[["target", "network"]].drop_duplicates()
    return [(str(target), str(network)) for target, network in pairs.itertuples(index=False)]


def rows_of_pair(rows: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    """Return the rows of a target and network."""
    return rows[(rows["target"] == pair[0]) & (rows["network"] == pair[1])]


def named_inputs(rows: pd.DataFrame) -> pd.Series[Any]:
    """Return the name of the input of each row, its number if it has none."""
    return rows["input"].astype("string").fillna(rows["input_index"].astype("string"))


def _wanted(pair: Pair, rows: pd.DataFrame, run: Mapping[str, Any]) -> _Wanted:
    names = named_inputs(rows_of_pair(rows, pair))
    return _Wanted(pair, stamps_of(run, *pair), frozenset(map(str, names.unique())))


def _earlier(folder: Path, run: Mapping[str, Any]) -> Iterator[tuple[Path, IndexRow]]:
    """Yield the complete runs that began before this one, latest first; names sort by time."""
    began = moment_of(run.get("started"))
    names = [path for path in run_folders(folder.parent) if path.name < folder.name]
    for path in reversed(names):
        try:
            row = read_row(path)
        except (InputError, OSError):
            continue
        earlier = moment_of(row.run.get("started"))
        late = began is not None and earlier is not None and earlier > began
        if row.run.get("status") == "complete" and not late:
            yield path, row


def _may_fit(cell: Mapping[str, Any], one: _Wanted) -> bool:
    """Say whether what the index knows of a cell speaks against it."""
    return all(cell.get(key) == stamp.get(key) for stamp in one.stamps for key in _QUICK)


def _fitting(folder: Path, one: _Wanted) -> RunData | None:
    """Return the run in `folder` if its cell is like the wanted one."""
    try:
        rows, run = load_run(folder)
        profile = load_tables(folder) if has_profile(folder) else None
    except (InputError, OSError):
        return None
    stamps = stamps_of(run, *one.pair)
    if not stamps or differences(stamps, one.stamps, frozenset()) or _choices_differ(stamps, one):
        return None
    mine = rows_of_pair(rows, one.pair)
    names = named_inputs(mine)
    if not one.inputs <= set(map(str, names.unique())):
        return None
    return RunData(folder.name, mine[names.isin(list(one.inputs))], run, profile)


def _choices_differ(stamps: Sequence[Mapping[str, Any]], one: _Wanted) -> bool:
    """Say whether any layer is computed by other kernels in one of the two runs."""
    choices = [
        {key: value for key, value in stamp.items() if key.partition(".")[0] == _CHOICES}
        for stamp in (*stamps, *one.stamps)
    ]
    return any(other != choices[0] for other in choices)
