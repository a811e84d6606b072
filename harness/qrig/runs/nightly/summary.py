"""The summary of a night: what became of every cell, as JSON, Markdown and one HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qrig.networks.files import write_text
from qrig.reports.night_html import night_page
from qrig.reports.night_markdown import night_markdown
from qrig.runs.nightly.baseline import SUMMARY
from qrig.runs.nightly.cell import NightCell
from qrig.runs.nightly.night import Night
from qrig.runs.nightly.result import CellResult
from qrig.runs.nightly.verdict import BAD, EXIT_CODES, NOT_RUN, worst

SCHEMA = "qrig-night-summary/1"
"""The `schema` of summary.json."""

MARKDOWN, PAGE = "summary.md", "summary.html"
"""The summary for a pull request or a mail, and for a browser."""


def summarise(night: Night, results: Mapping[str, CellResult]) -> dict[str, Any]:
    """Return summary.json of a night, whose cells without a result have not been run."""
    cells = [_cell(night, cell, results.get(cell.name)) for cell in night.cells]
    verdicts = [cell["verdict"] for cell in cells]
    verdict = worst(verdicts)
    complete = NOT_RUN not in verdicts
    return {
        "schema": SCHEMA,
        "night": night.id,
        "verdict": verdict,
        "exit_code": EXIT_CODES[verdict] if complete else EXIT_CODES[NOT_RUN],
        "complete": complete,
        "good": not any(each in BAD for each in verdicts),
        "counts": {each: verdicts.count(each) for each in EXIT_CODES if each in verdicts},
        "baseline": night.baseline.night,
        "started": night.started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "cell_seconds": round(sum(result.seconds for result in results.values()), 1),
        "revision": night.revision,
        "version": night.version,
        "cells": cells,
    }


def write_summary(night: Night, document: Mapping[str, Any]) -> None:
    """Write the three files, the one for programs last; raises UsageError."""
    write_text(night.folder / MARKDOWN, night_markdown(document))
    write_text(night.folder / PAGE, night_page(document))
    write_text(night.folder / SUMMARY, json.dumps(document, indent=1) + "\n")


def _cell(night: Night, cell: NightCell, result: CellResult | None) -> dict[str, Any]:
    what = {
        "name": cell.name,
        "network": cell.network,
        "target": cell.place,
        "options": list(cell.options),
    }
    if result is None:
        nothing = dict.fromkeys(("outcome", "run", "report", "base_run", "seconds"))
        return {**what, "verdict": NOT_RUN, "findings": [], **nothing}
    return {
        **what,
        "verdict": result.verdict,
        "findings": list(result.findings),
        "outcome": result.outcome,
        "run": result.run,
        "report": _report(night, result.run),
        "base_run": result.base_run,
        "seconds": result.seconds,
    }


def _report(night: Night, run: str | None) -> str | None:
    """Return the place of a run's page, seen from the night's folder; None if it has none."""
    place = Path("..", "..", run or "", "report.html")
    return place.as_posix() if run and (night.folder / place).is_file() else None
