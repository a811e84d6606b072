"""Tables of a run: per layer, per network, and where target and reference first part.

Input is the frame of `qrig.measure`: one row per (target, network, input, layer). Instructions
(emulators) and cycles (silicon) stay in columns of their own; a kind that was not counted is
missing, never 0.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, Final

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from qrig.measure.rows import MODEL_COLUMNS

__all__ = [
    "cell_text",
    "counters_present",
    "first_differences",
    "heading",
    "layer_table",
    "present_columns",
    "printable",
    "quantities_present",
    "render_table",
    "summary_table",
]

_NETWORK: Final = ["target", "network"]
_LAYER: Final = [*_NETWORK, "layer_index", "layer", "type", "shape"]
_TEXTS: Final = (
    *("target", "network", "input", "layer", "type", "shape", "verdict"),
    "computed_with",
)
_INTEGERS: Final = ("input_index", "layer_index", "mac", "instructions", "cycles", "differing")
_ENERGIES: Final = ("energy_uj", "model_energy_uj")
_ENERGY: Final = ("current_ua", "energy_rse", *_ENERGIES)
_TYPES: Final[dict[str, str]] = {
    **dict.fromkeys((*_TEXTS, "first_difference"), "string"),
    **dict.fromkeys(_INTEGERS, "Int64"),
    "latency_us": "Float64",
    **dict.fromkeys((*MODEL_COLUMNS, *_ENERGY), "Float64"),
}
_SEVERITY: Final = {"bit-exact": 0, "not-traced": 1, "differs": 2}
_STYLES: Final = {"bit-exact": "green", "not-traced": "yellow", "differs": "bold red"}
_HEADINGS: Final = {
    "bit_exact": "bit-exact",
    "computed_with": "with",
    "current_ua_median": "mean current, µA",
    "cycles_per_mac": "cycles/MAC",
    "energy_rse_median": "energy, standard error",
    "energy_uj_median": "energy, µJ",
    "first_difference": "first difference",
    "input_index": "input #",
    "instructions_per_mac": "instr/MAC",
    "latency_us_median": "latency µs, median",
    "layer_index": "#",
    "layers_checked": "layers checked",
    "mac": "MAC",
    "model_cycles_m4_median": "model cycles M4",
    "model_cycles_m7_median": "model cycles M7",
    "model_energy_uj_median": "model energy, µJ",
    "model_latency_us_m4_median": "model µs M4",
    "model_latency_us_m7_median": "model µs M7",
}


def layer_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Condense `rows` to one per (target, network, layer), over all inputs.

    Columns: `target`, `network`, `layer_index`, `layer`, `type`, `shape`, `mac`, `inputs`,
    `computed_with` (the layer that has this one's counts, missing if it has its own),
    `<counter>_median`, `_min`, `_max` for instructions and cycles, `latency_us_median`, medians of
    the model columns over the inputs that were profiled (`model_cycles_m4_median` and so on), of
    mean currents (`current_ua_median`), energies (`energy_uj_median` and that of the model) and the
    relative standard errors of measured ones (`energy_rse_median`),
    `instructions_per_mac`, `cycles_per_mac` (medians; missing where `mac` is 0), `differs` (inputs
    in which the layer differs) and `verdict` (the worst: a layer is bit-exact only if it was
    compared and equal in every input).
    """
    frame = _typed(rows)
    frame["differs"] = (frame["verdict"] == "differs").astype("Int64")
    frame["severity"] = _severity(frame["verdict"])
    groups = frame.groupby(_LAYER, sort=True, dropna=False)
    table = groups.agg(
        mac=("mac", "max"),
        inputs=("input_index", "nunique"),
        computed_with=("computed_with", "first"),
    )
    for counter in ("instructions", "cycles"):
        for statistic in ("median", "min", "max"):
            table[f"{counter}_{statistic}"] = groups[counter].agg(statistic)
    for name in ("latency_us", *MODEL_COLUMNS, *_ENERGY):
        table[f"{name}_median"] = groups[name].median()
    mac = table["mac"].where(table["mac"] > 0)
    table["instructions_per_mac"] = table["instructions_median"] / mac
    table["cycles_per_mac"] = table["cycles_median"] / mac
    table["differs"] = groups["differs"].sum()
    table["verdict"] = _verdict(groups["severity"].max())
    return table.reset_index()


def summary_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Condense `rows` to one per (target, network).

    Columns: `target`, `network`, `inputs`, `layers`, `layers_checked` (pairs of input and layer
    that were compared with the reference), `bit_exact` (those that were equal), `mac` (of one
    inference), medians of instructions, cycles, latency, the model columns and energies (of one
    inference: summed over its layers, median over the inputs that were counted completely) and
    `verdict`, which judges what was compared: `differs`, `bit-exact`, or `not-traced` if nothing
    was.
    """
    frame = _typed(rows)
    frame["checked"] = frame["verdict"].isin(["bit-exact", "differs"]).astype("Int64")
    frame["exact"] = (frame["verdict"] == "bit-exact").astype("Int64")
    groups = frame.groupby(_NETWORK, sort=True)
    table = groups.agg(
        inputs=("input_index", "nunique"),
        layers=("layer_index", "nunique"),
        layers_checked=("checked", "sum"),
        bit_exact=("exact", "sum"),
    )
    layers = frame.drop_duplicates([*_NETWORK, "layer_index"])
    table["mac"] = layers.groupby(_NETWORK)["mac"].sum()
    for counter in ("instructions", "cycles", "latency_us", *MODEL_COLUMNS, *_ENERGIES):
        table[f"{counter}_median"] = _per_inference(frame, counter)
    severity = (table["layers_checked"] == 0).astype("Int64")
    table["verdict"] = _verdict(severity.mask(table["layers_checked"] > table["bit_exact"], 2))
    return table.reset_index()


def first_differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Find the first differing layer of each (target, network) that differs anywhere.

    First is the lowest layer of the lowest input. Columns: `target`, `network`, `input_index`,
    `input`, `layer_index`, `layer`, `type`, `shape`, `differing` (elements of the layer) and
    `first_difference` (the element, as text).
    """
    frame = _typed(rows)
    order = [*_NETWORK, "input_index", "layer_index"]
    found = frame[(frame["verdict"] == "differs").fillna(False)].sort_values(order)
    columns = [*order[:3], "input", "layer_index", "layer", "type", "shape"]
    first = found.drop_duplicates(_NETWORK)[[*columns, "differing", "first_difference"]]
    return first.reset_index(drop=True)


def counters_present(rows: pd.DataFrame) -> list[str]:
    """Name those of `instructions` and `cycles` that hold any number, in this order."""
    return [
        name
        for name in ("instructions", "cycles")
        if name in rows.columns and bool(rows[name].notna().any())
    ]


def quantities_present(rows: pd.DataFrame) -> list[str]:
    """Name the counters and model latencies that hold any number, in the order they are plotted."""
    modelled = [name for name in MODEL_COLUMNS if name.startswith("model_latency_us")]
    return counters_present(rows) + [
        name for name in modelled if name in rows.columns and bool(rows[name].notna().any())
    ]


def present_columns(frame: pd.DataFrame) -> list[str]:
    """List the columns of `frame` that hold any value; all of them if it has no rows."""
    if frame.empty:
        return list(frame.columns)
    return [name for name in frame.columns if bool(frame[name].notna().any())]


def heading(column: str) -> str:
    """Say what stands above `column` in a table that people read."""
    name, _, statistic = column.rpartition("_")
    if column not in _HEADINGS and statistic in ("median", "min", "max", "range"):
        return f"{name}, {statistic}"
    return _HEADINGS.get(column, column.replace("_", " "))


def cell_text(value: Any, column: str = "") -> str:
    """Write `value` for a reader: thousands separated, ratios to two places, missing as blank."""
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, bool) or not isinstance(value, Real):
        return printable(str(value))
    number = float(value)
    if column.endswith(("_per_mac", "ratio")):
        return f"{number:,.2f}"
    if column.startswith("energy_rse"):
        return f"{number:.2%}"
    if column.startswith("model_cycles") or (column.startswith("current_ua") and number >= 100):
        return f"{number:,.0f}"
    if number.is_integer():
        return f"{number:,.0f}"
    return f"{number:.3g}" if abs(number) < 1 else f"{number:,.1f}"


def printable(text: str) -> str:
    """Replace what is not printable in `text` (escapes, bidirectional marks) by U+FFFD."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)


def render_table(frame: pd.DataFrame, title: str) -> Table:
    """Lay out `frame` for a terminal: numbers right, verdicts coloured, blank columns left out."""
    caption = "no rows" if frame.empty else None
    table = Table(
        title=Text(printable(title), style="bold"),
        title_justify="left",
        caption=caption,
        box=SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
    )
    columns = present_columns(frame)
    for name in columns:
        number = pd.api.types.is_numeric_dtype(frame[name])
        table.add_column(
            Text(heading(name)), justify="right" if number else "left", overflow="fold"
        )
    for record in frame[columns].itertuples(index=False, name=None):
        cells = zip(columns, record, strict=True)
        table.add_row(*(_styled(cell_text(value, name), name) for name, value in cells))
    return table


def _styled(text: str, column: str) -> Text:
    """Make rich text of `text`, never read as markup; a verdict in its colour."""
    return Text(text, style=_STYLES.get(text, "") if column == "verdict" else "")


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Copy the columns these tables read, in nullable types; what is absent is missing."""
    return rows.reindex(columns=list(_TYPES)).astype(_TYPES)


def _severity(verdicts: pd.Series[Any]) -> pd.Series[Any]:
    """Rank the verdicts; one that is missing or unknown has established nothing."""
    return verdicts.map(_SEVERITY).astype("Int64").fillna(_SEVERITY["not-traced"])


def _verdict(severities: pd.Series[Any]) -> pd.Series[Any]:
    """Put words to what `_severity` made numbers."""
    words = {severity: word for word, severity in _SEVERITY.items()}
    return severities.map(words).astype("string")


def _per_inference(frame: pd.DataFrame, counter: str) -> pd.Series[Any]:
    """Sum `counter` over the layers of an input; the median over inputs, per (target, network).

    An input that was cut short has fewer counted layers than others and is left out.
    """
    groups = frame.groupby([*_NETWORK, "input_index"])[counter]
    totals, counted = groups.sum(min_count=1), groups.count()
    complete = counted == counted.groupby(level=_NETWORK).transform("max")
    return totals[complete].groupby(level=_NETWORK).median()
