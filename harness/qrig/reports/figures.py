"""What all figures share: colours, settings, and how they become PNG, SVG or part of a page.

Figures are drawn without pyplot, so that nothing is shared between threads or left behind, and
equal rows give equal SVG text.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qrig.reports.tables import printable

__all__ = [
    "INK",
    "LEGEND",
    "MUTED",
    "PALETTE",
    "PALETTE_DARK",
    "RC",
    "RULE",
    "file_stem",
    "inline_svg",
    "rendered",
    "scale",
    "shortened",
]

INK: Final = "#1f2429"
"""The colour of names and numbers in a plot."""
MUTED: Final = "#6a7178"
"""The colour of what explains them."""
RULE: Final = "#d9d6cf"
"""The colour of grid lines."""
PALETTE: Final = ("#2f6fa7", "#d3720f", "#0aa2a0", "#6e1770", "#a171f5", "#2a4416")
"""Colours of bars and lines, told apart on white by every kind of colour vision."""
PALETTE_DARK: Final = ("#6aa5d8", "#e8923c", "#628c71", "#a756b3", "#a0cedd", "#efd672")
"""The same for dark pages."""

RC: Final[dict[Any, Any]] = {
    "axes.unicode_minus": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "svg.fonttype": "none",
    "svg.hashsalt": "qrig",
    "text.parse_math": False,
    "text.usetex": False,
}
"""Settings of matplotlib while a figure is drawn or rendered."""
LEGEND: Final[dict[str, Any]] = {
    "borderaxespad": 0,
    "borderpad": 0,
    "fontsize": 9,
    "frameon": False,
    "handleheight": 0.7,
    "handlelength": 0.9,
    "handletextpad": 0.5,
    "labelspacing": 0.45,
}
"""How a legend looks."""
_SVG: Final = "{http://www.w3.org/2000/svg}"
_DPI: Final = 160


def scale(axes: Axes, axes_in: float) -> None:
    """Give horizontal bars their scale: short numbers, thin lines, nothing else."""
    axes.xaxis.set_major_locator(MaxNLocator(6 if axes_in > 5 else 3))
    axes.xaxis.set_major_formatter(lambda value, _: _compact(value))
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.grid(visible=True, axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_facecolor("none")
    axes.spines[:].set_visible(False)


def inline_svg(figure: Figure, prefix: str, colours: Mapping[str, str]) -> str:
    """Render `figure` to an `<svg>` element to put into an HTML page, on a transparent ground.

    Every id starts with `prefix`, so that several fit on one page; `colours` replaces drawn
    colours by others (or by CSS variables). It holds no style sheet, metadata or address.
    """
    root = ET.fromstring(rendered(figure, "svg", transparent=True))  # noqa: S314 - drawn above
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


def _compact(value: float) -> str:
    """Write a number of the scale: 250 k, 1.5 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def shortened(text: str, length: int) -> str:
    """Cut `text` to `length` printable characters; the ends tell names apart, so both stay."""
    text = printable(text)
    tail = length // 3
    return text if len(text) <= length else f"{text[: length - tail - 1]}…{text[-tail:]}"


def file_stem(text: str, taken: set[str]) -> str:
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


def rendered(figure: Figure, kind: str, *, transparent: bool = False) -> bytes:
    """Render `figure` to the bytes of a `png` or `svg` file; equal figures give equal bytes."""
    nothing = dict.fromkeys(("Date", "Creator") if kind == "svg" else ("Software",))
    buffer = io.BytesIO()
    with mpl.rc_context(RC), _without_glyph_warnings():
        figure.savefig(buffer, format=kind, dpi=_DPI, metadata=nothing, transparent=transparent)
    return buffer.getvalue()
