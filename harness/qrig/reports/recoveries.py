"""What it took to measure: every retry, resend and recovery of a run, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qrig.reports.grids import Cell, Grid
from qrig.reports.stamps import one_line
from qrig.reports.tables import cell_text

_NAMES = ("network", "target")
_USUAL = ("requests", "flashed")
_FIRST = ("resends", "damaged", "restarts", "hangs")


def recoveries_grid(entries: Sequence[Mapping[str, Any]]) -> Grid | None:
    """Lay out one row per network and target; None if nothing was out of the ordinary."""
    counted = [_counts(entry) for entry in entries]
    found = {key for counts in counted for key, count in counts.items() if count}
    keys = [key for key in _FIRST if key in found] + sorted(found - set(_FIRST))
    if not keys:
        return None
    headings = [Cell(name) for name in _NAMES]
    headings += [Cell(one_line(key).replace("_", " "), True) for key in keys]
    rows = [
        [Cell(one_line(entry.get(name))) for name in _NAMES]
        + [Cell(cell_text(counts.get(key, 0)), True) for key in keys]
        for entry, counts in zip(entries, counted, strict=True)
    ]
    return Grid("Recoveries", headings, rows)


def recoveries_text(entries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return one sentence per network and target that needed anything out of the ordinary."""
    sentences = []
    for entry in entries:
        counts = {key: count for key, count in _counts(entry).items() if count}
        if counts:
            told = ", ".join(f"{key.replace('_', ' ')} {count}" for key, count in counts.items())
            names = " on ".join(str(entry.get(name)) for name in _NAMES)
            sentences.append(f"{names}: {told}")
    return tuple(sentences)


def _counts(entry: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts of an entry; lists count by their length."""
    counts = {}
    for key, value in entry.items():
        if key in _NAMES or key in _USUAL:
            continue
        if isinstance(value, list):
            counts[key] = len(value)
        elif isinstance(value, int):
            counts[key] = value
    return counts
