"""The history: every network on every target of every run, oldest first, chosen by filters.

It comes from the index, without pandas: what has to be quick. Rows of layers over all runs are what
`qrig.reports.load` returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from qrig.errors import UsageError
from qrig.reports.index import IndexRow, Unreadable, read_rows
from qrig.reports.index_cells import CELL_COLUMNS

RUN_COLUMNS: Final = {
    "run_id": "string",
    "started": "datetime64[us, UTC]",
    "status": "string",
    "git_revision": "string",
    "qrig_version": "string",
}
"""What is said of the run of a cell, and the pandas types."""

HISTORY_COLUMNS: Final = {**RUN_COLUMNS, **CELL_COLUMNS}
"""The columns of the history: of the run, then of the network on the target.

`instructions`, `model_cycles_m4`, `model_cycles_m7`, `cycles`, `latency_us` (microseconds),
`energy_uj` and `model_energy_uj` (microjoules) are of one inference: the sum over its layers, the
median over the inputs. `flash_bytes` and `ram_bytes` are what the deployment takes.
"""


@frozen
class Choice:
    """Which part of the history: equal to each text that is given, begun at `since` or later.

    `last` keeps that many of the latest runs of what is left.
    """

    network: str | None = None
    target: str | None = None
    verdict: str | None = None
    status: str | None = None
    since: datetime | None = None
    last: int | None = None
    runs: Sequence[str] | None = None


@frozen(eq=False)
class History:
    """The cells that were chosen, with the columns of HISTORY_COLUMNS, and runs without any row."""

    cells: tuple[Mapping[str, Any], ...] = field(repr=False)
    unreadable: tuple[Unreadable, ...] = ()


def read_history(runs: Path, choice: Choice | None = None) -> History:
    """Return the history of the folder `runs`, oldest run first."""
    found: list[IndexRow] = []
    unreadable: list[Unreadable] = []
    for row in read_rows(runs):
        if isinstance(row, Unreadable):
            unreadable.append(row)
        else:
            found.append(row)
    return History(tuple(choose(found, choice or Choice())), tuple(unreadable))


def choose(rows: Iterable[IndexRow], choice: Choice) -> list[dict[str, Any]]:
    """Return the cells of `rows` that `choice` asks for, oldest run first."""
    cells: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: (started_text(row), row.run_id)):
        cells += [cell for one in row.cells if _is_chosen(cell := cell_of(row, one), choice)]
    if choice.last is None:
        return cells
    latest = list(dict.fromkeys(cell["run_id"] for cell in cells))[-choice.last :]
    return [cell for cell in cells if cell["run_id"] in set(latest)]


def cell_of(row: IndexRow, cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell with what is said of its run."""
    run = {name: row.run.get(name) for name in RUN_COLUMNS}
    return {**run, "run_id": row.run_id, **{name: cell.get(name) for name in CELL_COLUMNS}}


def started_text(row: IndexRow) -> str:
    """Return when a run began, as text that sorts by time; its id if it does not say."""
    moment = moment_of(row.run.get("started"))
    return f"{moment:%Y%m%d-%H%M%S}" if moment is not None else row.run_id


def moment_of(text: Any) -> datetime | None:
    """Return the time of an ISO 8601 text, UTC where it names no zone; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def read_since(text: str) -> datetime:
    """Read a day or a time, UTC where it names no zone; raises UsageError."""
    moment = moment_of(text)
    if moment is None:
        raise UsageError(
            f"expected a day or a time like {date(2026, 1, 31)} or 2026-01-31T20:00, found "
            f"{text[:60]!r}; give one of these"
        )
    return moment


def _is_chosen(cell: Mapping[str, Any], choice: Choice) -> bool:
    for name in ("network", "target", "verdict", "status"):
        wanted = getattr(choice, name)
        if wanted is not None and cell[name] != wanted:
            return False
    if choice.runs is not None and cell["run_id"] not in choice.runs:
        return False
    if choice.since is None:
        return True
    moment = moment_of(cell["started"])
    return moment is not None and moment >= choice.since
