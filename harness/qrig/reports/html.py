"""A run as one HTML page that needs nothing but itself: no script, no address, no other file.

The template beside this file only lays out; what it shows is prepared here. All text is escaped,
for the names of networks, layers and inputs come from files that anybody may have written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import attrs
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from qrig.measure.rows import MODEL_COLUMNS
from qrig.networks.files import write_text
from qrig.reports.figures import INK, MUTED, RULE, inline_svg
from qrig.reports.footprints import footprint_view
from qrig.reports.grids import Cell, Grid
from qrig.reports.libraries import library_tables
from qrig.reports.plots import counted_networks, counter_plot, quantity_text
from qrig.reports.profile_html import profile_sections
from qrig.reports.profile_source import ReadSource
from qrig.reports.recoveries import recoveries_grid
from qrig.reports.stamps import kernel_libraries, one_line, sorted_stamps
from qrig.reports.tables import (
    cell_text,
    counters_present,
    first_differences,
    heading,
    layer_table,
    present_columns,
    printable,
    quantities_present,
    summary_table,
)

__all__ = ["render_report", "write_report"]

_TONES: Final = {"bit-exact": "good", "differs": "bad", "not-traced": "quiet"}
_WORDS: Final = {"bit-exact": "Bit-exact", "differs": "Differs", "not-traced": "Not compared"}
_CSS_COLOURS: Final = {INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)"}
_WIDTHS_IN: Final = {"wide": 9.6, "narrow": 3.9}
_SUMMARY: Final = ["network", "target", "verdict", "inputs", "layers_checked", "bit_exact", "mac"]
_DIFFERENCES: Final = ["network", "target", "input", "layer", "type", "shape", "differing"]
_COUNTED: Final = {
    "instructions": "Instructions retired, counted by the emulator. They are not cycles.",
    "cycles": "Cycles of the core, counted on silicon.",
    "model": "An estimate from executed instructions, not a measurement",
}


def render_report(
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    profile: Mapping[str, pd.DataFrame] | None = None,
    *,
    models: Mapping[str, str] | None = None,
    read_source: ReadSource | None = None,
) -> str:
    """Render the rows of a run and its run.json to one self-contained HTML page.

    Whatever `run` lacks is left out, and `rows` may be empty: a run that failed early has a page
    that says why. `profile` holds the tables of a profiled run; `models` and `read_source` are
    those of `qrig.reports.profile_html.profile_sections`.
    """
    environment = Environment(
        loader=PackageLoader("qrig", "reports/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    summary = summary_table(rows).sort_values(["network", "target"])
    return environment.get_template("report.html.j2").render(
        headline=_headline(summary, run),
        problem=_lines(run.get("error")),
        status=one_line(run.get("status") or "unknown"),
        facts=_facts(summary, run),
        summary=_summary_grid(summary),
        differences=_difference_grid(first_differences(rows)),
        libraries=list(_library_grids(rows)),
        plots=list(_plots(rows, models or run.get("models") or {})),
        layers=list(_layer_grids(layer_table(rows), summary)),
        footprints=[footprint_view(entry) for entry in run.get("footprints") or ()],
        accuracy=_accuracy_grid(run.get("accuracy") or ()),
        recoveries=recoveries_grid(run.get("recoveries") or ()),
        stamps=sorted_stamps(run.get("stamps") or ()),
        profile=profile_sections(profile, models or {}, read_source) if profile else (),
    )


def write_report(
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    path: Path,
    profile: Mapping[str, pd.DataFrame] | None = None,
    *,
    models: Mapping[str, str] | None = None,
    read_source: ReadSource | None = None,
) -> None:
    """Write the page of `render_report` to `path`, which holds the old page or the whole new one.

    Raises UsageError when it cannot be written.
    """
    page = render_report(rows, run, profile, models=models, read_source=read_source)
    write_text(path, page)


def _headline(summary: pd.DataFrame, run: Mapping[str, Any]) -> dict[str, str]:
    """Put the verdict into a word, a tone and a sentence; what the rows show outranks run.json."""
    verdict, status = str(run.get("verdict") or ""), run.get("status")
    checked, exact = int(summary["layers_checked"].sum()), int(summary["bit_exact"].sum())
    if exact < checked:
        verdict = "differs"
        sentence = f"{checked - exact:,} of {checked:,} layer outputs differ from the reference."
    elif checked:
        sentence = (
            f"All {checked:,} layer outputs that were compared equal the reference, bit for bit."
        )
    else:
        sentence = "No layer output was compared with the reference."
    word, tone = _WORDS.get(verdict, one_line(verdict).capitalize()), _TONES.get(verdict, "quiet")
    if status == "interrupted" and verdict == "bit-exact":
        word, tone = "Bit-exact so far", "warn"
    elif status == "failed" and verdict != "differs":
        word, tone = "Run failed", "bad"
    elif status == "interrupted" and verdict != "differs":
        word, tone = "Interrupted", "warn"
    elif verdict == "bit-exact" and not checked:
        tone = "warn"
    return {"word": word or "No verdict", "tone": tone, "sentence": sentence}


def _facts(summary: pd.DataFrame, run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List what identifies the run: name and value; unknown ones are left out."""
    started, finished = (_moment(run.get(key)) for key in ("started", "finished"))
    took = ""
    if isinstance(started, datetime) and isinstance(finished, datetime):
        aware = (started.tzinfo is None) == (finished.tzinfo is None)
        took = _duration((finished - started).total_seconds()) if aware else ""
    networks, targets = (sorted(summary[key].unique()) for key in ("network", "target"))
    facts = {
        "Run": one_line(run.get("run_id")),
        "Started": _when(started),
        "Took": took,
        "Network" if len(networks) == 1 else "Networks": one_line(", ".join(networks)),
        "Target" if len(targets) == 1 else "Targets": one_line("; ".join(targets)),
        "Kernels": one_line("; ".join(kernel_libraries(run.get("stamps") or ()))),
    }
    return [(name, value) for name, value in facts.items() if value]


def _summary_grid(summary: pd.DataFrame) -> Grid | None:
    """Lay out one row per network and target."""
    rest = [
        name
        for name in summary.columns
        if name not in (*_SUMMARY, "layers") and not name.startswith("model_cycles")
    ]
    return _grid(summary[[*_SUMMARY, *rest]], "Summary")


def _library_grids(rows: pd.DataFrame) -> Iterator[Grid]:
    """Lay out our kernels and an original side by side, the sums in the foot."""
    for table in library_tables(rows):
        grid = _grid(table.frame, table.title)
        if grid is not None:
            *layers, foot = grid.rows
            network, target = printable(table.network), printable(table.target)
            yield attrs.evolve(grid, rows=layers, foot=foot, title=network, subtitle=target)


def _difference_grid(differences: pd.DataFrame) -> Grid | None:
    """Lay out where each network and target first differs; nothing if none does."""
    return _grid(differences[[*_DIFFERENCES, "first_difference"]], "First differences")


def _grid(frame: pd.DataFrame, label: str) -> Grid | None:
    """Lay out `frame` without its blank columns; None if it has no rows."""
    if frame.empty:
        return None
    frame = frame[present_columns(frame)]
    numbers = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns]
    kinds = list(zip(frame.columns, numbers, strict=True))
    rows = [
        [
            _verdict(value) if name == "verdict" else Cell(cell_text(value, name), number)
            for (name, number), value in zip(kinds, record, strict=True)
        ]
        for record in frame.itertuples(index=False, name=None)
    ]
    return Grid(label, [Cell(heading(name), number) for name, number in kinds], rows)


def _verdict(verdict: str, differs: int = 0, inputs: int = 0) -> Cell:
    """Make the cell of a verdict; a layer says in how many of its inputs it differs."""
    text = verdict.replace("-traced", " traced")
    if differs and inputs > 1:
        text = f"{differs:,} of {inputs:,} differ"
    return Cell(printable(text), tone=_TONES.get(verdict, "quiet"))


def _layer_grids(layers: pd.DataFrame, summary: pd.DataFrame) -> Iterator[Grid]:
    """Lay out a table of layers for every network and target, in the order of the summary."""
    for total in summary.to_dict("records"):
        mine = (layers["network"] == total["network"]) & (layers["target"] == total["target"])
        part = layers[mine]
        columns = _layer_columns(part)
        shares = _shares(part)
        rows = [
            [_layer_cell(name, record, share) for name in columns]
            for record, share in zip(part.to_dict("records"), shares, strict=True)
        ]
        numbers = [pd.api.types.is_numeric_dtype(part.get(name, shares)) for name in columns]
        headings = map(Cell, map(heading, columns), numbers)
        foot = [Cell(cell_text(total.get(name), name), True) for name in columns]
        foot[:2] = [Cell("inference"), Cell("")]
        network, target = printable(total["network"]), printable(total["target"])
        inputs = int(total["inputs"])
        subtitle = f"{target}, {inputs:,} input{'s'[: inputs != 1]}"
        label = f"Layers of {network} on {target}"
        yield Grid(label, list(headings), rows, foot, title=network, subtitle=subtitle)


def _layer_columns(part: pd.DataFrame) -> list[str]:
    """Choose the columns of a layer table: no blank ones, no spread where nothing varies."""
    columns = ["layer", "verdict", "type", "shape", "mac"]
    columns += ["computed_with"] if bool(part["computed_with"].notna().any()) else []
    for counter in counters_present(part.rename(columns=lambda name: name.removesuffix("_median"))):
        columns += [f"{counter}_median", "share"]
        if bool((part[f"{counter}_min"] != part[f"{counter}_max"]).any()):
            columns.append(f"{counter}_range")
        columns.append(f"{counter}_per_mac")
    for name in ("latency_us", *MODEL_COLUMNS):
        if bool(part[f"{name}_median"].notna().any()):
            columns.append(f"{name}_median")
    return list(dict.fromkeys(columns))


def _shares(part: pd.DataFrame) -> pd.Series[Any]:
    """Divide each layer's count by that of all layers, for the first counter that is there."""
    counts = part["instructions_median"]
    counts = counts if bool(counts.notna().any()) else part["cycles_median"]
    return counts / (counts.sum() or 1)


def _layer_cell(name: str, record: Mapping[Any, Any], share: Any) -> Cell:
    """Make one cell of a layer table."""
    if name == "layer":
        return Cell(cell_text(record[name]), before=cell_text(record["layer_index"]))
    if name == "verdict":
        return _verdict(record[name], int(record["differs"]), int(record["inputs"]))
    if name == "share":
        known = not pd.isna(share)
        return Cell(f"{share:.1%}" if known else "", True, share=share if known else None)
    if name.endswith("_range"):
        ends = [record[name.replace("_range", end)] for end in ("_min", "_max")]
        varies = not any(map(pd.isna, ends)) and ends[0] != ends[1]
        return Cell(" to ".join(map(cell_text, ends)) if varies else "", True)
    return Cell(cell_text(record[name], name), name not in ("type", "shape", "computed_with"))


def _plots(rows: pd.DataFrame, models: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Draw each network for each quantity, once for wide and once for narrow pages."""
    number = 0
    for counter in quantities_present(rows):
        for network in counted_networks(rows, counter):
            plot: dict[str, Any] = {
                "label": f"{quantity_text(counter)} per layer of {printable(network)}",
                "note": _plot_note(counter, models),
            }
            for width, width_in in _WIDTHS_IN.items():
                number += 1
                figure = counter_plot(
                    rows, counter, network=network, width_in=width_in, models=models
                )
                # Markup: inline_svg escapes the names it holds.
                plot[width] = Markup(inline_svg(figure, f"p{number}-", _CSS_COLOURS))  # noqa: S704  # see above
            yield plot


def _plot_note(counter: str, models: Mapping[str, str]) -> str:
    """Say what a plot shows and does not show."""
    if counter in _COUNTED:
        return _COUNTED[counter]
    model = models.get(counter.rpartition("_")[2])
    return f"{_COUNTED['model']}: {one_line(model)}." if model else f"{_COUNTED['model']}."


def _accuracy_grid(entries: Sequence[Mapping[str, Any]]) -> Grid | None:
    """Lay out how many labelled inputs were classified correctly; None if none had a label."""
    rows = [
        [
            Cell(one_line(entry.get("network"))),
            Cell(one_line(entry.get("target"))),
            Cell(cell_text(entry.get("correct")), True),
            Cell(cell_text(entry["labelled"]), True),
            Cell(f"{(entry.get('correct') or 0) / entry['labelled']:.1%}", True),
        ]
        for entry in entries
        if entry.get("labelled")
    ]
    names = ("network", "target", "correct", "labelled", "accuracy")
    headings = [Cell(name, number >= 2) for number, name in enumerate(names)]
    return Grid("Accuracy", headings, rows) if rows else None


def _lines(text: Any) -> str:
    """Make `text` printable, line by line."""
    return "\n".join(printable(line) for line in str(text or "").splitlines())


def _moment(text: Any) -> datetime | str:
    """Read an ISO date and time; what is not one stays text."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return one_line(text)


def _when(moment: datetime | str) -> str:
    """Write a date and time with its zone."""
    if isinstance(moment, str):
        return moment
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or ''}".strip()


def _duration(seconds: float) -> str:
    """Write a duration in the unit that suits it."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
