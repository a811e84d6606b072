"""A run as Markdown, for a comment on a pull request: verdict, totals, the costliest layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from qrig.reports.compare_result import BETTER, NO_BASELINE, SAME, WORSE
from qrig.reports.compare_runs import RunData
from qrig.reports.cost_charts import Bar, Chart, cost_charts
from qrig.reports.headline import headline
from qrig.reports.markdown_text import html_text, markdown_table, markdown_text
from qrig.reports.previous import Pair
from qrig.reports.previous_verdict import Versus, compared_with_previous
from qrig.reports.profile_cells import Tables
from qrig.reports.recoveries import recoveries_text
from qrig.reports.tables import first_differences, summary_table

__all__ = ["run_markdown"]

_MARKS: Final = {"good": "✅", "bad": "❌", "warn": "⚠️", "quiet": "⚪"}
_VERDICTS: Final = {"bit-exact": "✅ bit-exact", "differs": "❌ differs"}
_VERSUS: Final = {
    BETTER: "✅ better",
    SAME: "✅ same",
    WORSE: "❌ worse",
    NO_BASELINE: "⚪ unknown",
}
_MOST_LAYERS: Final = 5
_MOST_CELLS: Final = 60
_MOST_NOTES: Final = 10


def run_markdown(
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    *,
    page: str,
    previous: Mapping[Pair, RunData] | None = None,
    profile: Tables | None = None,
) -> str:
    """Render a run: the verdict of each network on each target, what it costs, what is new.

    `page` says where the whole report is; `previous` are the runs before this one, `profile` the
    tables of a profiled run, which tell why a layer changed. Text of others is escaped.
    """
    summary = summary_table(rows).sort_values(["network", "target"])
    versus = compared_with_previous(rows, run, previous or {}, profile)
    charts = list(cost_charts(rows, previous or {}, versus, run.get("models") or {}))
    found = headline(summary, run)
    lines = [f"## qrig: {_MARKS[found.tone]} {markdown_text(found.word)}", "", found.sentence]
    if versus is not None:
        sentence = f"{versus.word} {versus.rest}"
        lines += ["", f"{_MARKS[versus.tone]} {markdown_text(sentence)}"]
    if run.get("error"):
        lines += ["", f"> {markdown_text(str(run['error']))}"]
    lines += ["", *_cells(summary, versus, charts)]
    lines += [f"- {markdown_text(text)}" for text in _differences(rows)]
    for chart in charts:
        lines += ["", *_layers(chart)]
    notes = (*recoveries_text(run.get("recoveries") or ()), *map(str, run.get("notices") or ()))
    lines += ["", *(f"- {markdown_text(text)}" for text in notes[:_MOST_NOTES])]
    lines += ["", f"All of it: {markdown_text(page)}"]
    return "\n".join(lines).rstrip() + "\n"


def _cells(summary: pd.DataFrame, versus: Versus | None, charts: Sequence[Chart]) -> Iterator[str]:
    """Yield a table of networks on targets: verdict, totals, and their change."""
    totals = _totals(charts)
    if summary.empty:
        return
    measures = list(dict.fromkeys(name for found in totals.values() for name in found))
    compared = versus is not None
    headings = ["network", "target", "verdict", *(["compared"] if compared else []), *measures]
    numbers = [False] * (len(headings) - len(measures)) + [True] * len(measures)
    table = []
    for target, network, verdict in summary[["target", "network", "verdict"]].itertuples(
        index=False
    ):
        pair = str(target), str(network)
        known = None if versus is None else versus.verdict_of(pair)
        word = [_VERSUS[known] if known is not None else ""] if compared else []
        found = totals.get(pair, {})
        costs = [_cost(found[name]) if name in found else "" for name in measures]
        shown = _VERDICTS.get(str(verdict), f"⚪ {verdict}")
        table.append([str(network), str(target), shown, *word, *costs])
    yield from markdown_table(headings, numbers, table[:_MOST_CELLS])
    if len(table) > _MOST_CELLS:
        yield ""
        yield f"and {len(table) - _MOST_CELLS} more"
    yield ""


def _totals(charts: Sequence[Chart]) -> dict[Pair, dict[str, Bar]]:
    """Return the cost of a whole inference of each pair, by its name and unit."""
    found: dict[Pair, dict[str, Bar]] = {}
    for chart in charts:
        for bar in chart.total.bars:
            found.setdefault((bar.target, chart.network), {})[chart.quantity.words] = bar
    return found


def _cost(bar: Bar) -> str:
    return f"{bar.value} ({bar.change})" if bar.change not in ("", "=") else bar.value


def _differences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield where each network on a target first differs from the reference."""
    for one in first_differences(rows).to_dict("records"):
        yield (
            f"{one['network']} on {one['target']}: {one['layer']} is the first layer that differs, "
            f"of input {one['input']}: {one['first_difference']}"
        )


def _layers(chart: Chart) -> Iterator[str]:
    """Yield the layers that got worse, else the costliest, folded away."""
    every = [(row.name, bar) for row in chart.rows for bar in row.bars]
    worse = [(name, bar) for name, bar in every if bar.tone == "bad"]
    ranked = sorted(worse or every, key=lambda one: -one[1].width)[:_MOST_LAYERS]
    what = "layers that got worse" if worse else "costliest layers"
    yield f"<details{' open' if worse else ''}>"
    about = f"{chart.network}, {chart.quantity.words}: {what}"
    yield f"<summary>{html_text(about)}</summary>"
    yield ""
    headings = ["layer", "target", chart.quantity.unit]
    headings += ["before", "change"] if chart.has_ghosts else []
    table = [
        [name, bar.target, bar.value, *([bar.before, bar.change] if chart.has_ghosts else [])]
        for name, bar in ranked
    ]
    yield from markdown_table(headings, [place >= 2 for place in range(len(headings))], table)
    yield ""
    yield f"{markdown_text(chart.note)}"
    yield ""
    yield "</details>"
