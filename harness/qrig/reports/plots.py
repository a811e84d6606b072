"""Plots of a run: what every layer costs, as bars, one panel per network.

Instructions and cycles never share a panel. Figures are drawn without pyplot, so that nothing is
shared between threads or left behind, and equal rows give equal SVG text.
"""

from __future__ import annotations

import io
import math
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qrig.reports.tables import cell_text, layer_table, printable, quantities_present

__all__ = [
    "INK",
    "MUTED",
    "RULE",
    "counted_networks",
    "counter_plot",
    "inline_svg",
    "instructions_plot",
    "quantity_text",
    "write_plots",
]

INK: Final = "#1f2429"
"""The colour of names and numbers in a plot."""
MUTED: Final = "#6a7178"
"""The colour of what explains them."""
RULE: Final = "#d9d6cf"
"""The colour of grid lines."""

_PALETTE: Final = ("#3f7cac", "#d9822b", "#4f9d69", "#b4577f", "#7d6bb0", "#8d8741")
_MAX_LAYERS: Final = 60
_DPI: Final = 160
_ROW_IN: Final = 0.17
_GAP_IN: Final = 0.12
_HEAD_IN: Final = 0.66
_FOOT_IN: Final = 0.3
_CHARACTER_IN: Final = 0.07
_RC: Final[dict[Any, Any]] = {
    "axes.unicode_minus": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "svg.fonttype": "none",
    "svg.hashsalt": "qrig",
    "text.parse_math": False,
    "text.usetex": False,
}
_LEGEND: Final[dict[str, Any]] = {
    "borderaxespad": 0,
    "borderpad": 0,
    "fontsize": 9,
    "frameon": False,
    "handleheight": 0.7,
    "handlelength": 0.9,
    "handletextpad": 0.5,
    "labelspacing": 0.45,
}
_SVG: Final = "{http://www.w3.org/2000/svg}"


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
    with mpl.rc_context(_RC):
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
            stem = _stem(f"{counter}-{network}", names)
            figure = counter_plot(rows, counter, network=network, models=models)
            folder.mkdir(parents=True, exist_ok=True)
            for suffix in (".png", ".svg"):
                path = folder / f"{stem}{suffix}"
                path.write_bytes(_rendered(figure, suffix[1:]))
                written.append(path)
    return written


def inline_svg(figure: Figure, prefix: str, colours: Mapping[str, str]) -> str:
    """Render `figure` to an `<svg>` element to put into an HTML page, on a transparent ground.

    Every id starts with `prefix`, so that several fit on one page; `colours` replaces drawn
    colours by others (or by CSS variables). It holds no style sheet, metadata or address.
    """
    root = ET.fromstring(_rendered(figure, "svg", transparent=True))  # noqa: S314 - drawn above
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{_SVG}style" or child.tag.endswith("metadata"):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        element.attrib.clear()
        for name, value in attributes.items():
            element.set(name, _rewritten(name, value, prefix, colours))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    return ET.tostring(root, encoding="unicode")


def _rewritten(name: str, value: str, prefix: str, colours: Mapping[str, str]) -> str:
    """Give one SVG attribute the ids and colours of the page it goes to."""
    if name == "id":
        return prefix + value
    if name == "href":
        return value.replace("#", f"#{prefix}", 1)
    if name == "style":
        for drawn, wanted in colours.items():
            value = value.replace(drawn, wanted)
    return value.replace("url(#", f"url(#{prefix}")


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
    names = [_shortened(str(layer), 34 if panel.wide else 15) for _, layer in panel.medians.index]
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
    name = _shortened(panel.network, 70 if panel.wide else 30)
    figure.text(x, (top_in - 0.22) * y, name, fontsize=12, fontweight="bold", color=INK)
    size = 9 if panel.wide else 8
    figure.text(x, (top_in - 0.44) * y, panel.title, fontsize=size, color=MUTED)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="upper left",
        bbox_to_anchor=(x, (top_in - 0.57) * y),
        ncols=panel.legend_columns,
        labelcolor=MUTED,
        **_LEGEND,
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
    axes.xaxis.set_major_locator(MaxNLocator(6 if axes_in > 5 else 3))
    axes.xaxis.set_major_formatter(lambda value, _: _compact(value))
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.grid(visible=True, axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_facecolor("none")
    axes.spines[:].set_visible(False)


def _colours(rows: pd.DataFrame) -> dict[str, str]:
    """Choose a colour for every target, the same for every counter and network of these rows."""
    targets = sorted(rows["target"].unique()) if "target" in rows.columns else []
    return {str(name): _PALETTE[i % len(_PALETTE)] for i, name in enumerate(targets)}


def _compact(value: float) -> str:
    """Write a number of the scale: 250 k, 1.5 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _shortened(text: str, length: int) -> str:
    """Cut `text` to `length` printable characters; the ends tell names apart, so both stay."""
    text = printable(text)
    tail = length // 3
    return text if len(text) <= length else f"{text[: length - tail - 1]}…{text[-tail:]}"


def _stem(text: str, taken: set[str]) -> str:
    """Make a file name of `text` that no other in `taken` has; add it there."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:80].strip(".-")
    stem, number = plain, 1
    while stem.casefold() in taken:
        number += 1
        stem = f"{plain}-{number}"
    taken.add(stem.casefold())
    return stem


@contextmanager
def _without_glyph_warnings() -> Iterator[None]:
    """Silence what is no news: a letter the drawing font lacks (it becomes a box in a PNG)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        yield


def _rendered(figure: Figure, kind: str, *, transparent: bool = False) -> bytes:
    """Render `figure` to the bytes of a `png` or `svg` file; equal figures give equal bytes."""
    nothing = dict.fromkeys(("Date", "Creator") if kind == "svg" else ("Software",))
    buffer = io.BytesIO()
    with mpl.rc_context(_RC), _without_glyph_warnings():
        figure.savefig(buffer, format=kind, dpi=_DPI, metadata=nothing, transparent=transparent)
    return buffer.getvalue()
