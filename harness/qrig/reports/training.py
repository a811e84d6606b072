"""The curve of a training: losses above, accuracies below, over the iterations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qrig.networks.files import write_bytes
from qrig.reports.figures import INK, LEGEND, MUTED, RC, RULE, rendered, shortened

__all__ = ["training_curve", "write_training_curve"]

_COLOURS: Final = ("#3f7cac", "#d9822b", "#4f9d69", "#b4577f", "#7d6bb0", "#8d8741")
_PLACES: Final = frozenset({"stage", "iteration", "elapsed_s", "learning_rate"})
_MARKED_BELOW: Final = 60

Row = Mapping[str, float]


def training_curve(rows: Sequence[Row], title: str) -> Figure:
    """Draw the history rows of a training (see `qrig.training.records`).

    Quantities with "loss" in their name are in the upper panel, the others in the lower one, which
    is left out if there are none. A solver that starts again at iteration 0 is drawn behind the one
    before it.
    """
    names = sorted({name for row in rows for name in row} - _PLACES)
    losses = [name for name in names if "loss" in name]
    others = [name for name in names if "loss" not in name]
    groups = [(losses, "loss")] + ([(others, ", ".join(_kinds(others)))] if others else [])
    with mpl.rc_context(RC):
        figure = Figure(figsize=(8.6, 1.2 + 2.5 * len(groups)), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(shortened(title, 80), color=INK, fontsize=11, x=0.01, ha="left")
        panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
        places, starts = _places(rows)
        for axes, (members, label) in zip(panels, groups, strict=True):
            for start in starts:
                axes.axvline(start, color=MUTED, linewidth=0.8, linestyle="--", zorder=0)
            _draw(axes, rows, places, members)
            axes.set_ylabel(shortened(label, 40), color=MUTED, fontsize=9)
        panels[-1].set_xlabel("iteration", color=MUTED, fontsize=9)
    return figure


def write_training_curve(rows: Sequence[Row], title: str, prefix: Path) -> tuple[Path, ...]:
    """Write the curve to `<prefix>_curve.png` and `.svg` and return both; raises UsageError."""
    figure = training_curve(rows, title)
    written = []
    for kind in ("png", "svg"):
        path = prefix.with_name(f"{prefix.name}_curve.{kind}")
        data = rendered(figure, kind)
        write_bytes(path, data)
        written.append(path)
    return tuple(written)


def _kinds(names: Sequence[str]) -> list[str]:
    """Return what quantities are called without the net they are of."""
    return list(dict.fromkeys(name.partition("_")[2] for name in names))


def _places(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Return where each row is drawn, and where another solver begins."""
    offset, places, starts = 0.0, [], []
    for before, row in pairwise([None, *rows]):
        if row is None:
            continue
        if before is not None and row["iteration"] < before["iteration"]:
            offset += before["iteration"]
        if before is not None and row["stage"] != before["stage"]:
            starts.append(offset + row["iteration"])
        places.append(offset + row["iteration"])
    return places, starts


def _draw(axes: Axes, rows: Sequence[Row], places: Sequence[float], names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        points = [
            (place, row[name]) for place, row in zip(places, rows, strict=True) if name in row
        ]
        marked = name.startswith("test") and len(points) < _MARKED_BELOW
        axes.plot(
            [place for place, _ in points],
            [value for _, value in points],
            color=_COLOURS[index % len(_COLOURS)],
            label=shortened(name.replace("_", " "), 30),
            linewidth=1.3,
            marker="o" if marked else "",
            markersize=3,
        )
    if names:
        axes.legend(**LEGEND)
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.grid(visible=True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
