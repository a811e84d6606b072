"""What a power meter found out besides the energy of layers, as a table of the page.

run.json has an entry in `energy` for each network on each target that was measured: `source`,
`marked_uj`, `network_uj`, `idle_w`, `loop_uj`, `clock_drift` and `windows` by layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, Final

from qrig.reports.grids import Cell, Grid
from qrig.reports.stamps import one_line
from qrig.reports.tables import cell_text

__all__ = ["energy_grid"]


def energy_grid(entries: Sequence[Mapping[str, Any]]) -> Grid | None:
    """Lay out a row for each measurement; columns without any number are left out."""
    if not entries:
        return None
    texts = {name: [text(entry) for entry in entries] for name, text in _COLUMNS.items()}
    shown = [name for name, cells in texts.items() if any(cells)]
    headings = [Cell(name, name not in _NAMES) for name in shown]
    rows = [
        [Cell(texts[name][place], name not in _NAMES) for name in shown]
        for place in range(len(entries))
    ]
    return Grid("Power measurement", headings, rows)


def _words(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda entry: one_line(entry.get(key))


def _number(key: str, factor: float = 1.0) -> Callable[[Mapping[str, Any]], str]:
    def text(entry: Mapping[str, Any]) -> str:
        value = entry.get(key)
        return cell_text(float(value) * factor) if isinstance(value, Real) else ""

    return text


def _windows(entry: Mapping[str, Any]) -> str:
    found = entry.get("windows")
    counts = [value for value in found.values() if isinstance(value, int)] if found else []
    return cell_text(sum(counts)) if counts else ""


_NAMES: Final = ("network", "target", "meter")
_COLUMNS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "network": _words("network"),
    "target": _words("target"),
    "meter": _words("source"),
    "good windows": _windows,
    "idle, mW": _number("idle_w", 1e3),
    "empty layer, µJ": _number("loop_uj"),
    "inference as one, µJ": _number("network_uj"),
    "in all windows, µJ": _number("marked_uj"),
    "clock drift, %": _number("clock_drift", 100.0),
}
