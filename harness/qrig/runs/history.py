"""What `qrig history` asks: the history of a folder of runs, its trends, its index."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from qrig.errors import QrigError, UsageError
from qrig.reports.history import Choice, History, choose
from qrig.reports.index import (
    IndexRow,
    Unreadable,
    disagreements,
    read_rows,
    run_folders,
    write_row,
)

if TYPE_CHECKING:
    import pandas as pd


def history(runs: Path, choice: Choice) -> History:
    """Return the history of the folder `runs`, oldest run first.

    Finished runs that the index lacks (of an older qrig, or killed before their row was written)
    get their row, if it can be written. Raises UsageError if there is no such folder.
    """
    if not runs.is_dir():
        raise UsageError(
            f"{runs}: expected a folder of runs, found none; run `qrig bench` first, or name "
            "another with --runs"
        )
    rows: list[IndexRow] = []
    unreadable: list[Unreadable] = []
    for row in read_rows(runs):
        if isinstance(row, Unreadable):
            unreadable.append(row)
            continue
        rows.append(row)
        if row.finished and not row.indexed:
            with contextlib.suppress(QrigError, OSError):
                write_row(runs / row.run_id)
    return History(tuple(choose(rows, choice)), tuple(unreadable))


def layer_history_of(runs: Path, choice: Choice, layer: str | None = None) -> pd.DataFrame:
    """Return what layers cost in the runs that `choice` leaves, see `layer_history`."""
    from qrig.reports.history_layers import layer_history
    from qrig.reports.load_tables import read_layers, started_of

    cells = history(runs, choice).cells
    started = started_of(cells)
    equal = {"network": choice.network, "target": choice.target, "layer": layer}
    wanted = {name: value for name, value in equal.items() if value is not None}
    rows = read_layers([runs / name for name in started], wanted)
    return layer_history(rows.assign(started=rows["run_id"].map(started)))


def write_history_plots(runs: Path, choice: Choice, folder: Path) -> list[Path]:
    """Write trends of networks, layers and footprints into `folder` and return the files.

    Raises UsageError if `folder` cannot be made or written, or if there is nothing to draw.
    """
    from qrig.reports.load_tables import cells_frame
    from qrig.reports.trend_plots import (
        footprint_trends,
        layer_trends,
        network_trends,
        write_trends,
    )

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder}: expected a folder for plots, found that it cannot be made "
            f"({error.strerror}); give another with --plot"
        ) from error
    cells = cells_frame(history(runs, choice).cells)
    layers = layer_history_of(runs, choice)
    trends = chain(network_trends(cells), footprint_trends(cells), layer_trends(layers))
    written = write_trends(trends, folder)
    if not written:
        raise UsageError(
            f"{runs}: expected runs with numbers to draw, found none that are asked for; run "
            "`qrig bench` on a target that counts, or ask for others"
        )
    return written


def check_index(runs: Path) -> Iterator[str]:
    """Yield a sentence for every disagreement of the index with the files of the runs.

    Every run is read as a whole: one that is damaged is named, too, and so is a finished one that
    the index lacks.
    """
    from qrig.reports.store import load_run

    yield from disagreements(runs)
    for row in read_rows(runs):
        if isinstance(row, Unreadable):
            yield row.reason
        elif row.finished and not row.indexed:
            yield f"{runs / row.run_id}: the index lacks this run"
    for folder in run_folders(runs):
        try:
            load_run(folder)
        except QrigError as error:
            yield str(error)
