"""A profile as tables that fit a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qrig.reports.grids import Cell, Grid
from qrig.reports.profile_cells import Tables, split_cells
from qrig.reports.profile_notes import model_notes, unknown_notice
from qrig.reports.profile_views import (
    TOP,
    cost_grid,
    function_grid,
    loop_grid,
    placement_grid,
    work_grid,
)
from qrig.reports.tables import printable

__all__ = ["profile_tables", "render_grid"]

Renderable: TypeAlias = Padding | Table | Text

_STYLES: Final = {"good": "green", "bad": "bold red"}
_LEAST_WIDTH: Final = 16
_HEADING_WIDTH: Final = 9
_WRAP: Final[Any] = {"break_long_words": False, "break_on_hyphens": False}


def profile_tables(
    tables: Tables, models: Mapping[str, str], count: int = TOP
) -> Iterator[Renderable]:
    """Yield what a profile says of each network and target, as renderables of rich.

    Per layer what it costs and does, then the `count` costliest functions and loops. `models` says
    what "m4" and "m7" stand for; it is named before any number.
    """
    for name, text in model_notes(models):
        yield Text(f"{name}: model of {text}", style="dim")
    for cell in split_cells(tables):
        name = printable(f"{cell.network} on {cell.target}")
        notice = unknown_notice(cell)
        if notice:
            yield Text(f"{name}: {notice}", style="yellow")
        yield render_grid(cost_grid(cell, wide=False), f"{name}: cost of one inference")
        yield render_grid(work_grid(cell, wide=False), f"{name}: what the layers do")
        placement = placement_grid(cell)
        if placement is not None:
            yield render_grid(placement, f"{name}: over placements of the code")
        if cell.functions:
            yield render_grid(function_grid(cell, count), f"{name}: functions")
        if cell.loops:
            yield render_grid(loop_grid(cell, count), f"{name}: hottest loops")


def render_grid(grid: Grid, title: str) -> Table:
    """Lay out `grid` for a terminal: numbers right, totals last and bold, no text as markup."""
    table = Table(
        title=Text(printable(title), style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
        collapse_padding=True,
        show_footer=bool(grid.foot),
    )
    foot: Sequence[Cell] = grid.foot or [Cell("") for _ in grid.headings]
    for place, (head, last) in enumerate(zip(grid.headings, foot, strict=True)):
        words = [*head.text.split(), last.text, *(row[place].text for row in grid.rows)]
        longest = max(map(len, words), default=0)
        table.add_column(
            Text("\n".join(wrap(head.text, _HEADING_WIDTH, **_WRAP))),
            Text(last.text, style="bold"),
            justify="right" if head.number else "left",
            min_width=None if head.number else min(longest, _LEAST_WIDTH),
            no_wrap=head.number,
            overflow="ellipsis" if head.number else "fold",
        )
    for row in grid.rows:
        table.add_row(*map(_text, row))
    return table


def _text(cell: Cell) -> Text:
    """Make rich text of a cell, what explains it on a line of its own."""
    text = Text(cell.text, style=_STYLES.get(cell.tone, ""))
    if cell.below:
        text.append(f"\n{cell.below}", style="dim")
    return text
