"""The current of a run over time as a drawing: an area under the line, each layer in its tint.

The drawing stretches to its place; numbers and names stand beside it as text of the page. Cells
are drawn to one scale of time and one of current.
"""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import field, frozen
from markupsafe import Markup

from qrig.reports.grids import Cell, Grid
from qrig.reports.tables import cell_text, printable

__all__ = ["Band", "CurrentChart", "Tick", "current_charts"]

_WIDTH: Final = 1000.0
_HEIGHT: Final = 200.0
_POINTS: Final = 1200
_TICKS: Final = 5
_UNITS: Final = ((1e-3, "ms"), (1.0, "s"))
_CURRENTS: Final = ((1.0, "µA"), (1e3, "mA"), (1e6, "A"))
_QUIET: Final = "quiet"


@frozen
class Tick:
    """A number beside a scale; `place` is 0 to 100 from its beginning."""

    place: float
    text: str


@frozen
class Band:
    """One window: where it is (0 to 100), its number, its name, and its tint."""

    left: float
    width: float
    number: int
    name: str
    tint: str


@frozen
class CurrentChart:
    """The time line of one cell, with what each layer in it drew."""

    title: str
    drawing: Markup = field(repr=False)
    times: Sequence[Tick]
    currents: Sequence[Tick]
    time_unit: str
    current_unit: str
    bands: Sequence[Band]
    table: Grid


@frozen
class _Scales:
    """The ranges that all cells share: seconds and microamperes."""

    start_s: float
    stop_s: float
    top_ua: float

    def left(self, time_s: float) -> float:
        """Return the place of a time, 0 to 1."""
        return (time_s - self.start_s) / ((self.stop_s - self.start_s) or 1.0)

    def height(self, current_ua: float) -> float:
        """Return the height of a current, 0 to 1."""
        return current_ua / self.top_ua


@frozen(eq=False)
class _Part:
    """Neighbouring bins of one window, or between windows (then `layer` is empty)."""

    layer: str
    start_s: float
    stop_s: float
    time_s: npt.NDArray[np.float64]
    current_ua: npt.NDArray[np.float64]

    @property
    def mean_ua(self) -> float:
        """The mean current."""
        return float(self.current_ua.mean())


def current_charts(current: pd.DataFrame) -> Iterator[CurrentChart]:
    """Yield a chart for each cell of `current`, rows of `current.parquet`."""
    if current.empty:
        return
    lines = {str(cell): part.sort_values("time_s") for cell, part in current.groupby("cell")}
    parts = {cell: list(_parts(line)) for cell, line in lines.items()}
    every = [part for found in parts.values() for part in found]
    scales = _Scales(
        min(part.start_s for part in every),
        max(part.stop_s for part in every),
        _round_up(max(float(part.current_ua.max()) for part in every)),
    )
    for number, (cell, found) in enumerate(parts.items(), 1):
        yield _chart(printable(cell), found, scales, number)


def _chart(cell: str, parts: Sequence[_Part], scales: _Scales, number: int) -> CurrentChart:
    span_s = scales.stop_s - scales.start_s
    unit_s, time_unit = _unit(span_s, _UNITS)
    unit_ua, current_unit = _unit(scales.top_ua, _CURRENTS)
    bands = [band for _, band in _bands(parts, scales)]
    return CurrentChart(
        title=cell,
        drawing=_drawing(cell, parts, scales, number),
        times=[
            Tick(100 * scales.left(value * unit_s), f"{value:g}")
            for value in _steps(scales.start_s / unit_s, scales.stop_s / unit_s)
        ],
        currents=[
            Tick(100 * scales.height(value * unit_ua), f"{value:g}")
            for value in _steps(0.0, scales.top_ua / unit_ua)
        ],
        time_unit=time_unit,
        current_unit=current_unit,
        bands=bands,
        table=_table(cell, parts, (unit_s, time_unit), (unit_ua, current_unit)),
    )


def _parts(line: pd.DataFrame) -> Iterator[_Part]:
    """Cut a line where its layer changes; a part ends where the next begins."""
    times = line["time_s"].to_numpy("float64")
    currents = line["current_ua"].to_numpy("float64")
    layers = [printable(name) for name in line["layer"].fillna("").astype(str)]
    half = float(np.median(np.diff(times))) / 2 if len(times) > 1 else 0.0
    begins = [0, *(i for i in range(1, len(layers)) if layers[i] != layers[i - 1]), len(layers)]
    for first, last in itertools.pairwise(begins):
        yield _Part(
            layers[first],
            float(times[first]) - half,
            float(times[last - 1]) + half,
            times[first:last],
            currents[first:last],
        )


def _bands(parts: Sequence[_Part], scales: _Scales) -> Iterator[tuple[_Part, Band]]:
    """Number the windows from 1; neighbours have different tints."""
    layers = [part for part in parts if part.layer]
    for number, part in enumerate(layers, 1):
        left = 100 * scales.left(part.start_s)
        width = 100 * scales.left(part.stop_s) - left
        tint = _QUIET if part.layer.startswith("[") else ("odd", "even")[number % 2]
        yield part, Band(left, width, number, part.layer, tint)


def _drawing(cell: str, parts: Sequence[_Part], scales: _Scales, number: int) -> Markup:
    """Draw the areas and the line."""
    label = f"c{number}-title c{number}-about"
    svg = ET.Element(
        "svg",
        {
            "viewBox": f"0 0 {_WIDTH:g} {_HEIGHT:g}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-labelledby": label,
        },
    )
    ET.SubElement(svg, "title", {"id": f"c{number}-title"}).text = f"Current of {cell} over time"
    ET.SubElement(svg, "desc", {"id": f"c{number}-about"}).text = _about(parts)
    for value in _steps(0.0, scales.top_ua):
        y = f"{_HEIGHT * (1 - scales.height(value)):.1f}"
        ET.SubElement(svg, "line", {"class": "rule", "x2": f"{_WIDTH:g}", "y1": y, "y2": y})
    tints = {id(part): band.tint for part, band in _bands(parts, scales)}
    share = max(1, math.ceil(sum(len(part.time_s) for part in parts) / _POINTS))
    for part in parts:
        points = _points(part, scales, share)
        kind = f"area {tints.get(id(part), _QUIET)}"
        group = ET.SubElement(svg, "g", {"class": kind})
        if part.layer:
            ET.SubElement(group, "title").text = f"{part.layer}: {_mean_text(part)}"
        ground = f"{points[-1][0]:.1f},{_HEIGHT:g} {points[0][0]:.1f},{_HEIGHT:g}"
        outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        ET.SubElement(group, "polygon", {"points": f"{outline} {ground}"})
        ET.SubElement(group, "polyline", {"points": outline})
    return Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704 - it escapes all names


def _points(part: _Part, scales: _Scales, share: int) -> list[tuple[float, float]]:
    """Return the corners of a line through the means of `share` bins each."""
    starts = np.arange(0, len(part.time_s), share)
    counts = np.diff([*starts, len(part.time_s)])
    times = np.add.reduceat(part.time_s, starts) / counts
    currents = np.add.reduceat(part.current_ua, starts) / counts
    times = np.concatenate([[part.start_s], times, [part.stop_s]])
    currents = np.concatenate([currents[:1], currents, currents[-1:]])
    return [
        (_WIDTH * scales.left(float(time_s)), _HEIGHT * (1 - scales.height(max(0.0, float(ua)))))
        for time_s, ua in zip(times, currents, strict=True)
    ]


def _about(parts: Sequence[_Part]) -> str:
    """Say what is drawn to those who do not see it."""
    layers = [f"{part.layer} {_mean_text(part)}" for part in parts if part.layer]
    return "; ".join(layers) or "no window is marked"


def _mean_text(part: _Part) -> str:
    duration, unit = _unit(part.stop_s - part.start_s, _UNITS)
    ua, name = _unit(part.mean_ua, _CURRENTS)
    took = (part.stop_s - part.start_s) / duration
    return f"{part.mean_ua / ua:.3g} {name} for {took:.3g} {unit}"


def _table(
    cell: str, parts: Sequence[_Part], time: tuple[float, str], current: tuple[float, str]
) -> Grid:
    """Lay out what each window took and drew."""
    layers = [part for part in parts if part.layer]
    charges = [part.mean_ua * (part.stop_s - part.start_s) for part in layers]
    whole = sum(charges) or 1.0
    headings = ["window", f"time, {time[1]}", f"mean, {current[1]}", f"peak, {current[1]}"]
    headings += ["charge, µC", "share"]
    rows = [
        [
            Cell(part.layer, before=str(number)),
            Cell(cell_text((part.stop_s - part.start_s) / time[0]), True),
            Cell(cell_text(part.mean_ua / current[0]), True),
            Cell(cell_text(float(part.current_ua.max()) / current[0]), True),
            Cell(cell_text(charge), True),
            Cell(f"{charge / whole:.1%}", True, share=max(0.0, charge / whole)),
        ]
        for number, (part, charge) in enumerate(zip(layers, charges, strict=True), 1)
    ]
    cells = [Cell(text, place > 0) for place, text in enumerate(headings)]
    return Grid(f"Current of {cell}, window by window", cells, rows)


def _unit(value: float, units: Sequence[tuple[float, str]]) -> tuple[float, str]:
    """Return the largest unit in which `value` is at least 1, else the first."""
    return next((one for one in reversed(units) if value >= one[0]), units[0])


def _step(span: float) -> float:
    """Return a round step that gives a handful of ticks."""
    raw = span / _TICKS
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)


def _steps(low: float, high: float) -> list[float]:
    """Return round numbers from `low` to `high`."""
    step = _step(high - low)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _round_up(value: float) -> float:
    """Return the top of a scale that holds `value`."""
    step = _step(max(value, 1e-9))
    return math.ceil(value / step - 1e-9) * step if value > 0 else 1.0
