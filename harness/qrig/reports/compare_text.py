"""A comparison of runs for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qrig.reports.compare_result import (
    BETTER,
    INFERENCE,
    NO_BASELINE,
    SAME,
    TOO_FEW,
    TOO_NOISY,
    WORSE,
    CellComparison,
    LayerChange,
    RunsComparison,
    change_text,
    measure_text,
)
from qrig.reports.tables import cell_text, printable

__all__ = ["comparison_renderables", "layer_cells", "shown_layers"]

Renderable: TypeAlias = Padding | Table | Text

_STYLES: Final = {
    BETTER: "green",
    SAME: "green",
    WORSE: "bold red",
    NO_BASELINE: "yellow",
    TOO_NOISY: "yellow",
    TOO_FEW: "yellow",
}


def comparison_renderables(found: RunsComparison, *, every: bool = False) -> Iterator[Renderable]:
    """Yield a comparison as renderables of rich, the verdict first.

    Layers that stayed the same are left out unless `every` is set.
    """
    names = " against ".join(", ".join(side) for side in (found.new, found.base))
    yield Text.assemble((found.verdict, _STYLES[found.verdict]), f": {printable(names)}")
    for text in (*found.reasons, *found.notes):
        yield Text(f"  {printable(text)}")
    for cell in found.cells:
        yield Text.assemble(
            (printable(cell.name), "bold"), ": ", (cell.verdict, _STYLES[cell.verdict])
        )
        layers = shown_layers(cell, every=every)
        if layers:
            yield _table(layers)
        for text in _sentences(cell):
            yield Padding(Text(printable(text)), (0, 0, 0, 2))


def shown_layers(cell: CellComparison, *, every: bool = False) -> list[LayerChange]:
    """Return what is shown of a cell: what changed or cannot be told, and the whole inference."""
    return [
        change
        for change in cell.layers
        if every or change.verdict != SAME or change.layer == INFERENCE
    ]


def layer_cells(change: LayerChange) -> tuple[str, ...]:
    """Return a layer as texts: name, measure, before, after, change, interval, verdict."""
    percent = "" if change.percent is None else f"{change.percent:+.2f} %"
    bounds = ""
    if change.low_percent is not None and change.high_percent is not None:
        bounds = f"{change.low_percent:+.2f} to {change.high_percent:+.2f} %"
    return (
        printable(change.layer),
        measure_text(change.measure),
        cell_text(change.base, change.measure),
        cell_text(change.new, change.measure),
        percent,
        bounds,
        change.verdict,
    )


def _table(layers: Sequence[LayerChange]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    rows = [layer_cells(change) for change in layers]
    headings = ("layer", "measure", "before", "after", "change", "interval", "verdict")
    kept = [
        place for place in range(len(headings)) if any(row[place] for row in rows) or place == 0
    ]
    for place in kept:
        number = headings[place] in ("before", "after", "change", "interval")
        table.add_column(headings[place], justify="right" if number else "left", overflow="fold")
    for row in rows:
        style = _STYLES.get(row[-1], "")
        table.add_row(*(Text(row[place], style if place == 6 else "") for place in kept))
    return table


def _sentences(cell: CellComparison) -> Iterator[str]:
    """Yield why layers changed, why something is not known, and what else there is to know."""
    for change in cell.layers:
        if change.verdict in (WORSE, BETTER, TOO_NOISY) and (change.why or change.reason):
            yield change_text(change)
    yield from cell.reasons
    yield from cell.notes
    for name, (before, after) in cell.sizes.items():
        if before is not None and after is not None and before != after:
            yield f"{name.removesuffix('_bytes')}: {before:,} to {after:,} bytes"
