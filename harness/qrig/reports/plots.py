"""Plots of a run: what every layer costs, as bars, one panel per network.

Instructions, cycles and models' latencies never share a panel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qrig.reports.figures import (
    INK,
    LEGEND,
    MUTED,
    PALETTE,
    RC,
    file_stem,
    rendered,
    scale,
    shortened,
)
from qrig.reports.tables import cell_text, layer_table, printable, quantities_present

__all__ = [
    "counted_networks",
    "counter_plot",
    "instructions_plot",
    "quantity_text",
    "write_plots",
]

_MAX_LAYERS: Final = 60
_ROW_IN: Final = 0.17
_GAP_IN: Final = 0.12
_HEAD_IN: Final = 0.66
_FOOT_IN: Final = 0.3
_CHARACTER_IN: Final = 0.07


@attrs.frozen
class _Panel:
    """One network: medians of `counter` per layer (index) and target (columns)."""

    network: str
    counter: str
    medians: pd.DataFrame
    inputs: str
    hidden: int
    width_in: float
    model: str = ""

    @property
    def wide(self) -> bool:
        """Whether there is room for whole names."""
        return self.width_in > 6

    @property
    def bars_in(self) -> float:
        """Height of the bars, in inches."""
        rows, columns = self.medians.shape
        return float(rows * (columns * _ROW_IN + _GAP_IN))

    @property
    def legend_columns(self) -> int:
        """How many targets are named in a line."""
        longest = max(len(str(target)) for target in self.medians.columns)
        return max(1, int(self.width_in / (0.4 + longest * 0.085)))

    @property
    def legend_in(self) -> float:
        """Height of the lines that name the targets, in inches."""
        return math.ceil(self.medians.shape[1] / self.legend_columns) * 0.2 + 0.08

    @property
    def height_in(self) -> float:
        """Height of all, in inches."""
        return _HEAD_IN + self.legend_in + self.bars_in + _FOOT_IN

    @property
    def title(self) -> str:
        """What is counted, as a sentence fragment."""
        what = quantity_text(self.counter)
        if self.model:
            what = f"{what} ({self.model})" if self.wide else what
        text = f"{what} per inference, median of {self.inputs}"
        return f"{text}; the {len(self.medians)} costliest layers" if self.hidden else text


def instructions_plot(rows: pd.DataFrame, *, width_in: float = 9.6) -> Figure:
    """Draw bars per layer, a panel per network: instructions if any were counted, otherwise cycles.

    Rows without either give a figure that says so. `width_in` is in inches, the height follows
    from the number of layers (at most the 60 costliest per network).
    """
    return counter_plot(rows, (quantities_present(rows) or ["instructions"])[0], width_in=width_in)


def quantity_text(quantity: str) -> str:
    """Say what a counter or a model's latency is called in a title."""
    if quantity.startswith("model_latency_us_"):
        return f"model latency {quantity.rpartition('_')[2].upper()}, µs"
    return quantity


def counter_plot(
    rows: pd.DataFrame,
    counter: str,
    *,
    network: str | None = None,
    width_in: float = 9.6,
    models: Mapping[str, str] | None = None,
) -> Figure:
    """Do as `instructions_plot`, for one of `quantities_present`, maybe one network.

    `models` says what each timing model stands for, by its suffix ("m4", "m7"); it is in the title.
    A target has the same colour in every figure that is drawn from the same rows.
    """
    colours = _colours(rows)
    model = (models or {}).get(counter.rpartition("_")[2], "")
    panels = _panels(rows, counter, width_in, model) if counter in quantities_present(rows) else []
    panels = [panel for panel in panels if network in (None, panel.network)]
    height_in = sum(panel.height_in for panel in panels) or 1.0
    with mpl.rc_context(RC):
        figure = Figure(figsize=(width_in, height_in), facecolor="white")
        FigureCanvasAgg(figure)
        if not panels:
            figure.text(0.5, 0.5, f"no {counter} were counted", color=MUTED, ha="center")
        for panel in panels:
            _draw(figure, panel, height_in, colours)
            height_in -= panel.height_in
    return figure


def counted_networks(rows: pd.DataFrame, counter: str) -> list[str]:
    """Name the networks for which `rows` hold any number of `counter`, sorted."""
    if counter not in quantities_present(rows):
        return []
    return sorted(str(name) for name in rows[rows[counter].notna()]["network"].unique())


def write_plots(
    rows: pd.DataFrame, folder: Path, models: Mapping[str, str] | None = None
) -> list[Path]:
    """Write `<quantity>-<network>.png` and `.svg` into `folder`, for each quantity and network.

    `models` is that of `counter_plot`. A network or quantity without numbers gives no file.
    Characters of a network's name that do not belong in a file name become "-"; what was written is
    returned, in order.
    """
    written: list[Path] = []
    names: set[str] = set()
    for counter in quantities_present(rows):
        for network in counted_networks(rows, counter):
            stem = file_stem(f"{counter}-{network}", names)
            figure = counter_plot(rows, counter, network=network, models=models)
            folder.mkdir(parents=True, exist_ok=True)
            for suffix in (".png", ".svg"):
                path = folder / f"{stem}{suffix}"
                path.write_bytes(rendered(figure, suffix[1:]))
                written.append(path)
    return written


def _panels(rows: pd.DataFrame, counter: str, width_in: float, model: str) -> list[_Panel]:
    """Make a panel for every network in which `counter` was counted, sorted by name."""
    counted = rows[rows[counter].notna()]
    layers = layer_table(counted)
    panels: list[_Panel] = []
    for network, part in layers.groupby("network", sort=True):
        medians = part.pivot_table(
            index=["layer_index", "layer"], columns="target", values=f"{counter}_median"
        )
        costliest = medians.max(axis=1).nlargest(_MAX_LAYERS).index
        shown = medians[medians.index.isin(costliest)]
        inputs = part.groupby("target")["inputs"].max()
        least, most = int(inputs.min()), int(inputs.max())
        text = f"{least} to {most} inputs" if least < most else f"{most} input{'s'[: most > 1]}"
        hidden = len(medians) - len(shown)
        panels.append(_Panel(str(network), counter, shown, text, hidden, width_in, model))
    return panels


def _draw(figure: Figure, panel: _Panel, top_in: float, colours: Mapping[str, str]) -> None:
    """Draw `panel` into `figure`, its upper edge `top_in` inches above the lower edge."""
    width_in, height_in = figure.get_size_inches()
    names = [shortened(str(layer), 34 if panel.wide else 15) for _, layer in panel.medians.index]
    left_in = 0.14 + _CHARACTER_IN * max(len(name) for name in names)
    axes_in = width_in - left_in - 0.06
    bottom_in = top_in - panel.height_in + _FOOT_IN
    axes = figure.add_axes(
        (
            left_in / width_in,
            bottom_in / height_in,
            axes_in / width_in,
            panel.bars_in / height_in,
        )
    )
    _bars(axes, panel, axes_in, colours)
    axes.set_yticks(range(len(names)), names, fontsize=9, color=INK)
    x, y = 0.04 / width_in, 1 / height_in
    name = shortened(panel.network, 70 if panel.wide else 30)
    figure.text(x, (top_in - 0.22) * y, name, fontsize=12, fontweight="bold", color=INK)
    size = 9 if panel.wide else 8
    figure.text(x, (top_in - 0.44) * y, panel.title, fontsize=size, color=MUTED)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="upper left",
        bbox_to_anchor=(x, (top_in - 0.57) * y),
        ncols=panel.legend_columns,
        labelcolor=MUTED,
        **LEGEND,
    )


def _bars(axes: Axes, panel: _Panel, axes_in: float, colours: Mapping[str, str]) -> None:
    """Draw the bars, first layer on top, each with its number, on a linear scale from 0."""
    largest = float(panel.medians.max().max()) or 1.0
    label_in = _CHARACTER_IN * len(cell_text(largest)) + 0.1
    rows, columns = panel.medians.shape
    share = _ROW_IN / (columns * _ROW_IN + _GAP_IN)
    for column, target in enumerate(panel.medians.columns):
        values = panel.medians[target]
        places = [row + (column - (columns - 1) / 2) * share for row in range(rows)]
        widths = [float(value) if pd.notna(value) else 0.0 for value in values]
        colour = colours[str(target)]
        axes.barh(places, widths, height=share * 0.86, color=colour, label=printable(str(target)))
        for place, value in zip(places, values, strict=True):
            axes.annotate(
                cell_text(value),
                (float(value) if pd.notna(value) else 0.0, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center_baseline",
                fontsize=8,
                color=MUTED,
            )
    axes.set(xlim=(0, largest * axes_in / (axes_in - label_in)), ylim=(rows - 0.5, -0.5))
    scale(axes, axes_in)


def _colours(rows: pd.DataFrame) -> dict[str, str]:
    """Choose a colour for every target, the same for every counter and network of these rows."""
    targets = sorted(rows["target"].unique()) if "target" in rows.columns else []
    return {str(name): PALETTE[i % len(PALETTE)] for i, name in enumerate(targets)}
