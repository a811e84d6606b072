"""The history as a table for the terminal and as JSON; it needs no pandas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qrig.reports.history import History, moment_of

__all__ = ["history_document", "history_tables", "history_text"]

_NUMBERS: Final = {
    "instructions": "instructions",
    "model_cycles_m4": "model cycles M4",
    "model_cycles_m7": "model cycles M7",
    "cycles": "cycles",
    "latency_us": "latency µs",
    "energy_uj": "energy µJ",
    "model_energy_uj": "model energy µJ",
    "flash_bytes": "flash",
    "ram_bytes": "RAM",
}
_GAP: Final = 3
_REVISION: Final = "git_revision"
_HEADINGS: Final = {"run_id": "run", "verdict": "verdict", **_NUMBERS, _REVISION: "revision"}
_FIRST_LEFT_OUT: Final = (
    *(_REVISION, "ram_bytes", "flash_bytes", "model_energy_uj"),
    *("model_cycles_m7", "model_cycles_m4", "latency_us", "energy_uj"),
)
"""What is left out where there is no room, the least important first."""

_STYLES: Final = {"bit-exact": "green", "differs": "bold red", "failed": "bold red"}


def history_tables(cells: Sequence[Mapping[str, Any]], console: Console) -> Iterator[Table]:
    """Yield a table for each network on each target, a row per run, oldest first.

    A number that changed since the run before is bold. Columns that `console` has no room for are
    left out, the least important first, and named below.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for cell in cells:
        groups.setdefault((str(cell["network"]), str(cell["target"])), []).append(cell)
    for (network, target), group in sorted(groups.items()):
        yield _fitting_table(f"{network} on {target}", group, console)


def history_document(runs: str, history: History) -> dict[str, Any]:
    """Return the history as what JSON can hold; `runs` is the folder it is of."""
    return {
        "schema": "qrig-history/1",
        "runs": runs,
        "cells": [dict(cell) for cell in history.cells],
        "unreadable": [{"run_id": one.run_id, "reason": one.reason} for one in history.unreadable],
    }


def history_text(history: History) -> str:
    """Say in one line how much there is."""
    runs = len({cell["run_id"] for cell in history.cells})
    text = f"{runs} run{'s'[: runs != 1]}, {len(history.cells)} of a network on a target"
    lost = len(history.unreadable)
    return f"{text}; {lost} run{'s'[: lost != 1]} cannot be read" if lost else text


def _fitting_table(title: str, cells: Sequence[Mapping[str, Any]], console: Console) -> Table:
    """Make the table with as many columns as fit."""
    columns = dict(_columns(cells))
    left_out: list[str] = []
    for name in _FIRST_LEFT_OUT:
        if sum(width + _GAP for width, _ in columns.values()) <= console.width:
            break
        if columns.pop(name, None) is not None:
            left_out.insert(0, _HEADINGS[name])
    table = Table(
        title=Text(_printable(title), style="bold"),
        title_justify="left",
        caption=Text(f"no room for {', '.join(left_out)}; --json has them") if left_out else None,
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
    )
    for name in columns:
        side: Literal["left", "right"] = "right" if name in _NUMBERS else "left"
        heading = "\n".join(_HEADINGS[name].split())
        table.add_column(heading, justify=side, no_wrap=True, overflow="ellipsis")
    for row in zip(*(texts for _, texts in columns.values()), strict=True):
        table.add_row(*row)
    return table


def _columns(cells: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[int, list[Text]]]]:
    """Yield name, width and texts of every column that has something."""
    columns = {
        "run_id": [_name(cell) for cell in cells],
        "verdict": [_verdict(one) for one in cells],
    }
    for name in _NUMBERS:
        if any(cell[name] is not None for cell in cells):
            columns[name] = list(_numbers(cell[name] for cell in cells))
    columns[_REVISION] = [Text(_printable(str(cell[_REVISION] or ""))) for cell in cells]
    for name, texts in columns.items():
        words = (len(word) for word in _HEADINGS[name].split())
        yield name, (max(*words, *(text.cell_len for text in texts), 0), texts)


def _name(cell: Mapping[str, Any]) -> Text:
    """Return the run's name, and when it began if that is not the name's beginning."""
    name, moment = _printable(str(cell["run_id"])), moment_of(cell["started"])
    if moment is None or name.startswith(f"{moment:%Y%m%d-%H}"):
        return Text(name)
    return Text(f"{name}, {moment:%Y-%m-%d %H:%M}")


def _verdict(cell: Mapping[str, Any]) -> Text:
    """Write the verdict, and the status of a run that did not end well."""
    status, verdict = str(cell["status"] or "running"), str(cell["verdict"] or "")
    text = Text(_printable(verdict), style=_STYLES.get(verdict, ""))
    if status != "complete":
        text.append(f", {_printable(status)}", style=_STYLES.get(status, "yellow"))
    return text


def _numbers(values: Iterable[Any]) -> Iterator[Text]:
    """Write numbers, bold where they are not the one before."""
    before = None
    for value in values:
        if value is None:
            yield Text("")
            continue
        text = f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:,.4g}"
        yield Text(text, style="bold" if before is not None and before != value else "")
        before = value


def _printable(text: str) -> str:
    """Replace what is not printable, as `qrig.reports.tables.printable` does."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)
