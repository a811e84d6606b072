"""Trends over runs: what networks and their layers cost, and what they take of flash and RAM.

One step of the horizontal axis is one run; days are written where they begin. Lines are named at
their right end, costliest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs
import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qrig.reports.figures import INK, MUTED, PALETTE, RC, RULE, file_stem, rendered, shortened
from qrig.reports.index_cells import FOOTPRINT, MEASURES
from qrig.reports.plots import quantity_text
from qrig.reports.tables import cell_text, printable

__all__ = ["Trend", "footprint_trends", "layer_trends", "network_trends", "trend_figure"]

_MAX_LINES: Final = 12
_MAX_DAYS: Final = 8
_WIDTH_IN: Final = 9.6
_HEIGHT_IN: Final = 3.6
_NAME_IN: Final = 2.5
_LABEL: Final = 0.062  # the height of a line's name, as part of the axes
_WORDS: Final = {
    "flash_bytes": "flash, bytes",
    "ram_bytes": "RAM, bytes",
    "energy_uj": "energy, µJ",
}


@attrs.frozen(eq=False)
class Trend:
    """Lines over runs: `values` has a run per row, oldest first, and a line per column.

    `days` are the runs' days as text; `kind` is what the file of its plot begins with.
    """

    kind: str
    title: str
    what: str
    values: pd.DataFrame
    days: Sequence[str]


def network_trends(cells: pd.DataFrame) -> Iterator[Trend]:
    """Yield for each network and measure what an inference costs on each target."""
    for network, part in cells.groupby("network", sort=True):
        for measure in MEASURES:
            if bool(part[measure].notna().any()):
                what = f"{_measure_text(measure)} per inference"
                yield _trend(f"{measure}-{network}", str(network), what, part, "target", measure)


def layer_trends(layers: pd.DataFrame) -> Iterator[Trend]:
    """Yield for each network on each target and each measure what its layers cost.

    `layers` comes from `layer_history`. Of many layers the costliest are drawn.
    """
    for (network, target), part in layers.groupby(["network", "target"], sort=True):
        for measure in MEASURES:
            if measure in part.columns and bool(part[measure].notna().any()):
                yield _trend(
                    f"{measure}-{network}-{target}-layers",
                    f"{network} on {target}",
                    f"{_measure_text(measure)} per layer",
                    part,
                    "layer",
                    measure,
                )


def footprint_trends(cells: pd.DataFrame) -> Iterator[Trend]:
    """Yield for each network what its deployments take of flash and of RAM on each target."""
    for network, part in cells.groupby("network", sort=True):
        for measure in FOOTPRINT:
            if bool(part[measure].notna().any()):
                kind = f"{measure.removesuffix('_bytes')}-{network}"
                yield _trend(kind, str(network), _WORDS[measure], part, "target", measure)


def write_trends(trends: Iterator[Trend], folder: Path) -> list[Path]:
    """Write `trend-<kind>.png` and `.svg` of each trend into `folder` and return the files."""
    from qrig.networks.files import write_bytes

    written: list[Path] = []
    names: set[str] = set()
    for trend in trends:
        stem = file_stem(f"trend-{trend.kind}", names)
        figure = trend_figure(trend)
        for suffix in (".png", ".svg"):
            write_bytes(folder / f"{stem}{suffix}", rendered(figure, suffix[1:]))
            written.append(folder / f"{stem}{suffix}")
    return written


def trend_figure(trend: Trend) -> Figure:
    """Draw a trend."""
    ends = trend.values.ffill().iloc[-1].sort_values(ascending=False)
    lines = [str(name) for name in ends.index[:_MAX_LINES]]
    with mpl.rc_context(RC):
        figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN), facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes(
            (0.09, 0.13, 1 - 0.09 - _NAME_IN / _WIDTH_IN, 0.87 - 0.62 / _HEIGHT_IN)
        )
        _draw(axes, trend, lines)
        hidden = len(trend.values.columns) - len(lines)
        said = f"{trend.what}, {len(trend.values)} runs" + (
            f"; the {len(lines)} costliest of {len(lines) + hidden}" if hidden else ""
        )
        height = 1 / _HEIGHT_IN
        title = shortened(trend.title, 90)
        figure.text(0.01, 1 - 0.24 * height, title, fontsize=12, fontweight="bold", color=INK)
        figure.text(0.01, 1 - 0.46 * height, said, fontsize=9, color=MUTED)
    return figure


def _trend(kind: str, title: str, what: str, part: pd.DataFrame, line: str, measure: str) -> Trend:
    """Lay out the rows of `part` as a run per row and a value of `line` per column."""
    runs = part.drop_duplicates("run_id")
    values = part.pivot_table(
        index="run_id", columns=line, values=measure, aggfunc="last", sort=False, observed=True
    )
    kept = runs[runs["run_id"].isin(values.index)]
    days = [f"{moment:%Y-%m-%d}" if pd.notna(moment) else "" for moment in kept["started"]]
    ordered = values.reindex(kept["run_id"]).astype("float64")
    return Trend(kind, printable(title), what, ordered, days)


def _draw(axes: Axes, trend: Trend, lines: Sequence[str]) -> None:
    heights = _label_heights(trend, lines)
    for number, name in enumerate(lines):
        values = trend.values[name]
        colour = PALETTE[number % len(PALETTE)]
        style = "-" if number < len(PALETTE) else "--"
        axes.plot(
            range(len(values)), values, style, color=colour, linewidth=1.4, marker=".", markersize=4
        )
        axes.annotate(
            f"{shortened(name, 24)} {cell_text(float(values.dropna().iloc[-1]))}",
            (1.012, heights[number]),
            xycoords="axes fraction",
            va="center",
            fontsize=8,
            color=colour,
            annotation_clip=False,
        )
    axes.set_ylim(*_limits(trend, lines))
    _scales(axes, trend)


def _scales(axes: Axes, trend: Trend) -> None:
    """Write the days below and the numbers beside, with thin lines and nothing else."""
    days = trend.days
    begins = [place for place, day in enumerate(days) if not place or day != days[place - 1]]
    shown = begins[:: -(-len(begins) // _MAX_DAYS)]
    axes.set_xticks(shown, [days[place] for place in shown])
    axes.set_xlim(-0.3, max(len(trend.values) - 0.7, 0.7))
    axes.yaxis.set_major_formatter(lambda value, _: cell_text(float(value)))
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.grid(visible=True, axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _limits(trend: Trend, lines: Sequence[str]) -> tuple[float, float]:
    """Return the vertical range: from 0, or around a single line so that its changes show."""
    shown = trend.values[list(lines)]
    low, high = float(shown.min().min()), float(shown.max().max())
    if len(lines) > 1:
        return 0.0, high * 1.05 or 1.0
    room = max((high - low) * 0.25, abs(high) * 0.01, 1e-9)
    return low - room, high + room


def _label_heights(trend: Trend, lines: Sequence[str]) -> list[float]:
    """Return the heights of the lines' names, as parts of the axes, none on top of another."""
    low, high = _limits(trend, lines)
    heights: list[float] = []
    for name in lines:  # from the highest downwards
        ends = (float(trend.values[name].dropna().iloc[-1]) - low) / (high - low)
        heights.append(min(ends, heights[-1] - _LABEL if heights else 1.0))
    for place in range(len(heights) - 1, -1, -1):
        least = 0.0 if place == len(heights) - 1 else heights[place + 1] + _LABEL
        heights[place] = max(heights[place], least)
    return heights


def _measure_text(measure: str) -> str:
    return _WORDS.get(measure, quantity_text(measure).replace("_", " "))
