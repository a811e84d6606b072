"""Plots of a profile: the mix of instructions per layer, and files of all that is drawn of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qrig.measure.profile_columns import MIX
from qrig.reports.figures import INK, LEGEND, MUTED, RC, file_stem, rendered, scale, shortened
from qrig.reports.profile_cells import MEASURES, CellProfile, Row, Tables, split_cells
from qrig.reports.profile_icicle import icicle
from qrig.reports.tables import cell_text

__all__ = ["MIX_COLOURS", "icicle", "mix_plot", "write_profile_plots"]

MIX_COLOURS: Final = {
    "load": "#3f7cac",
    "store": "#8fbbdb",
    "smlad": "#d9822b",
    "multiply": "#ecb97f",
    "simd": "#8d8741",
    "alu": "#4f9d69",
    "branch": "#7d6bb0",
    "other": "#a3a6a9",
    "unknown": "#b4577f",
}
"""The colour of each class of instructions, the same in every plot."""

_MAX_LAYERS: Final = 60
_NOTE: Final[dict[str, Any]] = {
    "xytext": (4, 0),
    "textcoords": "offset points",
    "va": "center_baseline",
    "fontsize": 8,
    "color": MUTED,
}
_ROW_IN: Final = 0.29
_HEAD_IN: Final = 0.66
_FOOT_IN: Final = 0.3
_CHARACTER_IN: Final = 0.07


def mix_plot(cell: CellProfile, *, width_in: float = 9.6) -> Figure:
    """Draw the executed instructions of each layer, stacked by class, first layer on top.

    Layers that executed nothing are left out, and of more than 60 all but the costliest. `width_in`
    is in inches, the height follows from the number of layers. Without any instruction the figure
    says so.
    """
    layers, hidden = _shown_layers(cell)
    classes = [name for name in MIX if any(row[f"mix_{name}"] for row in layers)]
    columns = max(1, int(width_in / 1.02))
    legend_in = -(-len(classes) // columns) * 0.2 + 0.08
    bars_in = len(layers) * _ROW_IN
    height_in = _HEAD_IN + legend_in + bars_in + _FOOT_IN if layers else 1.0
    with mpl.rc_context(RC):
        figure = Figure(figsize=(width_in, height_in), facecolor="white")
        FigureCanvasAgg(figure)
        if not layers:
            figure.text(0.5, 0.5, "no instructions were counted", color=MUTED, ha="center")
            return figure
        names = [shortened(str(row["layer"]), 34 if width_in > 6 else 15) for row in layers]
        left_in = 0.14 + _CHARACTER_IN * max(map(len, names))
        axes_in = width_in - left_in - 0.06
        place = (left_in / width_in, _FOOT_IN / height_in)
        axes = figure.add_axes((*place, axes_in / width_in, bars_in / height_in))
        _bars(axes, layers, classes, axes_in)
        axes.set_yticks(range(len(names)), names, fontsize=9, color=INK)
        _head(figure, axes, cell, columns, hidden=hidden > 0)
    return figure


def write_profile_plots(tables: Tables, folder: Path) -> list[Path]:
    """Write the plots of every network and target into `folder`; return the files, in order.

    `profile-mix-<network>-<target>.svg` and `.png`, and `profile-<measure>-<network>-<target>.svg`
    for each of `MEASURES` that is known of any layer.
    """
    written: list[Path] = []
    names: set[str] = set()
    folder.mkdir(parents=True, exist_ok=True)
    for cell in split_cells(tables):
        about = f"{cell.network}-{cell.target}"
        stem = file_stem(f"profile-mix-{about}", names)
        figure = mix_plot(cell)
        for suffix in (".png", ".svg"):
            written.append(folder / f"{stem}{suffix}")
            written[-1].write_bytes(rendered(figure, suffix[1:]))
        for measure in MEASURES:
            text = icicle(cell, measure, standalone=True)
            if text:
                written.append(folder / f"{file_stem(f'profile-{measure}-{about}', names)}.svg")
                written[-1].write_text(text, encoding="utf-8")
    return written


def _shown_layers(cell: CellProfile) -> tuple[list[Row], int]:
    """Choose the layers to draw, in order, and count those that are left out for their number."""
    layers = [row for row in cell.layers if _executed(row)]
    costliest = sorted(range(len(layers)), key=lambda n: (-_executed(layers[n]), n))[:_MAX_LAYERS]
    return [layers[n] for n in sorted(costliest)], len(layers) - len(costliest)


def _executed(row: Row) -> int:
    """Add up the classes of a layer."""
    return sum(int(row[f"mix_{name}"]) for name in MIX)


def _bars(axes: Axes, layers: list[Row], classes: list[str], axes_in: float) -> None:
    """Draw the bars with the number of instructions at their ends, on a linear scale from 0."""
    places = list(range(len(layers)))
    ends = [0.0] * len(layers)
    for name in classes:
        widths = [float(row[f"mix_{name}"]) for row in layers]
        axes.barh(places, widths, left=ends, height=0.62, color=MIX_COLOURS[name], label=name)
        ends = [end + width for end, width in zip(ends, widths, strict=True)]
    for place, end in zip(places, ends, strict=True):
        axes.annotate(cell_text(end), (end, place), **_NOTE)
    label_in = _CHARACTER_IN * len(cell_text(max(ends))) + 0.1
    axes.set(xlim=(0, max(ends) * axes_in / (axes_in - label_in)), ylim=(len(layers) - 0.5, -0.5))
    scale(axes, axes_in)


def _head(figure: Figure, axes: Axes, cell: CellProfile, columns: int, *, hidden: bool) -> None:
    """Write what is drawn above the bars, and what the colours mean."""
    width_in, height_in = figure.get_size_inches()
    x, wide = 0.04 / width_in, width_in > 6
    name = shortened(f"{cell.network}  {cell.target}", 70 if wide else 30)
    title = "executed instructions per inference, by class"
    if hidden:
        title += f"; the {_MAX_LAYERS} costliest layers"
    figure.text(x, 1 - 0.22 / height_in, name, fontsize=12, fontweight="bold", color=INK)
    figure.text(x, 1 - 0.44 / height_in, title, fontsize=9 if wide else 8, color=MUTED)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="upper left",
        bbox_to_anchor=(x, 1 - 0.57 / height_in),
        ncols=columns,
        labelcolor=MUTED,
        **LEGEND,
    )
