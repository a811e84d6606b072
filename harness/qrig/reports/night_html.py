"""The summary of a night as one HTML page: the verdict first, then what to look at, then all.

The page needs nothing but itself; it links to the pages of the runs beside it. All text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from qrig.reports.night_words import QUIET, TONES, counted, findings_of, grouped, headline
from qrig.reports.stamps import one_line

__all__ = ["night_page"]

_FINDINGS: Final = 12


def night_page(summary: Mapping[str, Any]) -> str:
    """Render summary.json of a night to a page."""
    environment = Environment(
        loader=PackageLoader("qrig", "reports/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    groups = [
        {
            "verdict": verdict,
            "title": counted(verdict, len(cells)),
            "tone": TONES.get(verdict, "warn"),
            "quiet": verdict in QUIET,
            "cells": [_cell(cell) for cell in cells],
        }
        for verdict, cells in grouped(summary["cells"]).items()
    ]
    return environment.get_template("night.html.j2").render(
        headline=headline(summary), groups=groups, overview=_overview(summary["cells"])
    )


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Prepare one cell: text of others on one line, what was found line by line."""
    seconds = cell["seconds"]
    return {
        "name": one_line(cell["name"]),
        "findings": [_lines(text) for text in findings_of(cell, _FINDINGS)],
        "report": cell["report"],
        "run": one_line(cell["run"]),
        "seconds": "" if seconds is None else f"{seconds:,.0f} s",
    }


def _overview(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Lay out a table of verdicts: a row per network and options, a column per target."""
    targets = list(dict.fromkeys(one_line(cell["target"]) for cell in cells))
    networks = list(dict.fromkeys(one_line(cell["network"]) for cell in cells))
    rows: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for cell in cells:
        key = (one_line(cell["network"]), one_line(", ".join(cell["options"])))
        verdict = one_line(cell["verdict"])
        rows.setdefault(key, {})[one_line(cell["target"])] = {
            "verdict": verdict,
            "tone": TONES.get(verdict, "warn"),
            "report": cell["report"],
        }
    return {
        "targets": targets,
        "rows": [
            {"network": network, "options": options, "cells": [rows[key].get(t) for t in targets]}
            for key in sorted(rows, key=lambda key: networks.index(key[0]))
            for network, options in [key]
        ],
    }


def _lines(text: Any) -> list[str]:
    return [one_line(line) for line in str(text).splitlines() if line.strip()]
