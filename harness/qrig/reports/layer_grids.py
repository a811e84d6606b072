"""The tables of a page: summary, layers, first differences, kernel libraries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
import pandas as pd

from qrig.measure.rows import MODEL_COLUMNS
from qrig.reports.compare_result import BETTER, NO_BASELINE, SAME, WORSE
from qrig.reports.grids import Cell, Grid
from qrig.reports.headline import TONES
from qrig.reports.libraries import library_tables
from qrig.reports.previous_verdict import Versus
from qrig.reports.tables import (
    cell_text,
    counters_present,
    heading,
    present_columns,
    printable,
)

__all__ = ["difference_grid", "layer_grids", "library_grids", "summary_grid"]

_SUMMARY: Final = ["network", "target", "verdict", "inputs", "equal_outputs", "mac"]
_COUNTS: Final = ("layers", "layers_checked", "bit_exact")
_DIFFERENCES: Final = ["network", "target", "input", "layer", "type", "shape", "differing"]
_LATER: Final = ("latency_us", *MODEL_COLUMNS, "current_ua", "energy_uj")
_ENERGY: Final = ("energy_rse", "model_energy_uj")
_VERSUS: Final = {BETTER: "good", SAME: "good", WORSE: "bad", NO_BASELINE: "quiet"}


def summary_grid(summary: pd.DataFrame, versus: Versus | None = None) -> Grid | None:
    """Lay out one row per network and target, with what each is against its previous run."""
    rest = [
        name
        for name in summary.columns
        if name not in (*_SUMMARY, *_COUNTS) and not name.startswith("model_cycles")
    ]
    pairs = zip(summary["bit_exact"], summary["layers_checked"], strict=True)
    outputs = [f"{exact:,} of {checked:,}" for exact, checked in pairs]
    shown = summary.assign(equal_outputs=outputs)[[*_SUMMARY, *rest]]
    grid = _grid(shown, "Summary")
    if grid is None or versus is None:
        return grid
    pairs = zip(summary["target"], summary["network"], strict=True)
    found = [_against(versus.verdict_of((str(target), str(network)))) for target, network in pairs]
    return attrs.evolve(
        grid,
        headings=[*grid.headings[:3], Cell("compared"), *grid.headings[3:]],
        rows=[[*row[:3], cell, *row[3:]] for row, cell in zip(grid.rows, found, strict=True)],
    )


def library_grids(rows: pd.DataFrame) -> Iterator[Grid]:
    """Lay out our kernels and an original side by side, the sums in the foot."""
    for table in library_tables(rows):
        grid = _grid(table.frame, table.title)
        if grid is not None:
            *layers, foot = grid.rows
            network, target = printable(table.network), printable(table.target)
            yield attrs.evolve(grid, rows=layers, foot=foot, title=network, subtitle=target)


def difference_grid(differences: pd.DataFrame) -> Grid | None:
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


def _against(verdict: str | None) -> Cell:
    """Make the cell of a comparison with the previous run; without one it is blank."""
    return Cell("") if verdict is None else Cell(verdict, tone=_VERSUS[verdict])


def _verdict(verdict: str, differs: int = 0, inputs: int = 0) -> Cell:
    """Make the cell of a verdict; a layer says in how many of its inputs it differs."""
    text = verdict.replace("-traced", " traced")
    if differs and inputs > 1:
        text = f"{differs:,} of {inputs:,} differ"
    return Cell(printable(text), tone=TONES.get(verdict, "quiet"))


def layer_grids(layers: pd.DataFrame, summary: pd.DataFrame) -> Iterator[Grid]:
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
    for name in (*_LATER, *_ENERGY):
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
