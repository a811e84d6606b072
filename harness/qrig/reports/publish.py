"""The end of every run: its table, plots and page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from qrig.reports.profile_source import ReadSource, source_reader
from qrig.reports.profile_store import write_tables
from qrig.reports.store import RunWriter
from qrig.resources import firmware_root

PAGE = "report.html"
"""The file of a run's page."""
INTERRUPTED = "interrupted"
"""The error of a run that the user ended."""


def status_of(error: str | None) -> str:
    """Return the status of a run that ended with `error`, None if it ended well."""
    if error is None:
        return "complete"
    return INTERRUPTED if error == INTERRUPTED else "failed"


def publish(
    writer: RunWriter,
    document: Mapping[str, Any],
    profile: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Write what is left of a run and return its rows.

    `document` is run.json without run id and schema; `profile` are the tables of a profiled run.
    The journal goes when the table is there; run.json comes before plots and page, so that a page
    that cannot be made loses nothing.
    """
    from qrig.reports.plots import write_plots
    from qrig.reports.profile_plots import write_profile_plots

    rows = writer.finish()
    if profile:
        write_tables(writer.folder, profile)
    writer.save_run(dict(document))
    write_plots(rows, writer.folder, document.get("models"))
    if profile:
        write_profile_plots(profile, writer.folder)
    write_page(writer.folder, rows, {"run_id": writer.run_id, **document}, profile)
    return rows


def write_page(
    folder: Path,
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    profile: Mapping[str, pd.DataFrame] | None = None,
) -> Path:
    """Write a run's page and return its path; arguments as for `render_report`.

    The runs before it are looked for beside `folder`, its current over time in it.
    """
    from qrig.reports.current_line import read_current
    from qrig.reports.html import write_report
    from qrig.reports.previous import previous_runs

    page = folder / PAGE
    write_report(
        rows,
        run,
        page,
        profile or None,
        models=run.get("models") or {},
        read_source=firmware_source(),
        previous=previous_runs(folder, rows, run),
        current=read_current(folder),
    )
    return page


def run_text(
    folder: Path,
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    profile: Mapping[str, pd.DataFrame] | None = None,
) -> str:
    """Return a run as Markdown; arguments as for `write_page`."""
    from qrig.reports.previous import previous_runs
    from qrig.reports.run_markdown import run_markdown

    page = f"{PAGE} of run {run.get('run_id') or folder.name}"
    previous = previous_runs(folder, rows, run)
    return run_markdown(rows, run, page=page, previous=previous, profile=profile or None)


def firmware_source() -> ReadSource:
    """Return what finds the lines of the firmware's own sources, which go by name alone."""
    root = firmware_root()
    return source_reader(root, *(path for path in sorted(root.rglob("*")) if path.is_dir()))
