"""A run as one HTML page that needs nothing but itself: no script, no address, no other file.

The template beside this file only lays out; what it shows is prepared here. All text is escaped,
for the names of networks, layers and inputs come from files that anybody may have written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from qrig.networks.files import write_text
from qrig.reports.accuracy_views import accuracy_grid, confusions
from qrig.reports.compare_runs import RunData
from qrig.reports.cost_charts import Chart, cost_charts
from qrig.reports.current_chart import current_charts
from qrig.reports.energy_grid import energy_grid
from qrig.reports.figures import PALETTE, PALETTE_DARK
from qrig.reports.footprints import footprint_view
from qrig.reports.headline import facts, headline, moment_text
from qrig.reports.layer_grids import difference_grid, layer_grids, library_grids, summary_grid
from qrig.reports.previous import Pair
from qrig.reports.previous_verdict import compared_with_previous
from qrig.reports.profile_html import profile_sections
from qrig.reports.profile_source import ReadSource
from qrig.reports.recoveries import recoveries_grid
from qrig.reports.stamps import one_line, sorted_stamps
from qrig.reports.tables import first_differences, layer_table, printable, summary_table

__all__ = ["render_report", "write_report"]

_MOST_NOTICES: Final = 200


def render_report(
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    profile: Mapping[str, pd.DataFrame] | None = None,
    *,
    models: Mapping[str, str] | None = None,
    read_source: ReadSource | None = None,
    previous: Mapping[Pair, RunData] | None = None,
    current: pd.DataFrame | None = None,
) -> str:
    """Render the rows of a run and its run.json to one self-contained HTML page.

    Whatever `run` lacks is left out, and `rows` may be empty: a run that failed early has a page
    that says why. `profile` holds the tables of a profiled run; `models` and `read_source` are
    those of `qrig.reports.profile_html.profile_sections`. `previous` are the runs before this one
    (see `qrig.reports.previous`), None if nobody looked for them; `current` is the current over
    time (see `qrig.reports.current_line`).
    """
    summary = summary_table(rows).sort_values(["network", "target"])
    versus = compared_with_previous(rows, run, previous or {}, profile)
    charts = list(cost_charts(rows, previous or {}, versus, models or run.get("models") or {}))
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            headline=headline(summary, run),
            versus=versus,
            alone=previous is not None and not previous and not rows.empty,
            facts=[*facts(summary, run), *_previous_facts(previous or {})],
            summary=summary_grid(summary, versus),
            differences=difference_grid(first_differences(rows)),
            libraries=list(library_grids(rows)),
            charts=_by_network(charts),
            currents=[] if current is None else list(current_charts(current)),
            layers=list(layer_grids(layer_table(rows), summary)),
            footprints=list(_footprints(rows, run)),
            profile=profile_sections(profile, models or {}, read_source) if profile else (),
            colours=list(zip(PALETTE, PALETTE_DARK, strict=True)),
            **_said(run),
        )
    )


def write_report(
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    path: Path,
    profile: Mapping[str, pd.DataFrame] | None = None,
    *,
    models: Mapping[str, str] | None = None,
    read_source: ReadSource | None = None,
    previous: Mapping[Pair, RunData] | None = None,
    current: pd.DataFrame | None = None,
) -> None:
    """Write the page of `render_report` to `path`, which holds the old page or the whole new one.

    Raises UsageError when it cannot be written.
    """
    page = render_report(
        rows,
        run,
        profile,
        models=models,
        read_source=read_source,
        previous=previous,
        current=current,
    )
    write_text(path, page)


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("qrig", "reports/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _said(run: Mapping[str, Any]) -> dict[str, Any]:
    """Prepare what run.json alone says."""
    return {
        "problem": _lines(run.get("error")),
        "status": one_line(run.get("status") or "unknown"),
        "energy": energy_grid(run.get("energy") or ()),
        "accuracy": accuracy_grid(run.get("accuracy") or ()),
        "confusions": list(confusions(run.get("accuracy") or ())),
        "recoveries": recoveries_grid(run.get("recoveries") or ()),
        "skips": _texts(run.get("skips")),
        "notices": _texts(run.get("notices")),
        "stamps": sorted_stamps(run.get("stamps") or ()),
    }


def _previous_facts(previous: Mapping[Pair, RunData]) -> Iterator[tuple[str, str]]:
    """Yield which runs the bars of before are from."""
    runs = {data.name: data.run for data in previous.values()}
    if runs:
        said = (
            f"{one_line(name)}, {moment_text(run.get('started'))}" for name, run in runs.items()
        )
        yield "Compared with", "; ".join(said)


def _by_network(charts: Sequence[Chart]) -> list[tuple[str, list[Chart]]]:
    """Group charts, which come network by network."""
    return [(name, list(found)) for name, found in groupby(charts, lambda chart: chart.network)]


def _footprints(rows: pd.DataFrame, run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Prepare the memories of every deployment; `rows` tell the order of a network's stages."""
    for number, entry in enumerate(run.get("footprints") or (), 1):
        stages: list[str] = []
        if not rows.empty:
            layers = rows.loc[rows["network"] == entry.get("network"), ["layer_index", "layer"]]
            stages = [
                str(name) for name in layers.drop_duplicates().sort_values("layer_index")["layer"]
            ]
        yield footprint_view(entry, stages, f"m{number}-")


def _texts(found: Any) -> list[str]:
    """Return the sentences of a list in run.json, each once."""
    texts = [_lines(text) for text in found] if isinstance(found, list) else []
    return list(dict.fromkeys(text for text in texts if text))[:_MOST_NOTICES]


def _lines(text: Any) -> str:
    """Make `text` printable, line by line."""
    return "\n".join(printable(line) for line in str(text or "").splitlines())
