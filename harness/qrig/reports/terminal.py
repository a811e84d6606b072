"""A run's tables as they fit a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.table import Table

from qrig.measure.rows import MODEL_COLUMNS
from qrig.reports.libraries import library_tables, own_targets
from qrig.reports.tables import (
    counters_present,
    first_differences,
    layer_table,
    render_table,
    summary_table,
)

_SUMMARY = ["network", "target", "layers_checked", "bit_exact", "verdict"]
_DIFFERENCES = ["network", "target", "input", "layer", "first_difference"]
_SEVERITY = ["bit-exact", "not-traced", "differs"]


def terminal_tables(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield the tables of a run: layers per network, the verdicts, and what differs.

    Where an original CMSIS-NN was run as well, it stands beside our kernels in tables of its own.
    """
    layers = own_targets(layer_table(rows))
    for network, part in layers.groupby("network", sort=False):
        inputs = int(part["inputs"].max())
        title = f"{network}: median of {inputs} input{'s' if inputs != 1 else ''}"
        yield render_table(layers_by_target(part), title)
        modelled = models_by_target(part)
        if modelled is not None:
            yield render_table(modelled, f"{network}: model latency in µs, an estimate")
    yield from side_by_side(rows)
    summary = summary_table(rows)
    yield render_table(summary[[name for name in _SUMMARY if name in summary]], "Verdict")
    differences = first_differences(rows)
    if len(differences):
        shown = [name for name in _DIFFERENCES if name in differences]
        yield render_table(differences[shown], "First differences")


def side_by_side(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield a table for every network and target that was run with both kernel libraries.

    Verdicts of the original take their room only where a layer differs.
    """
    for table in library_tables(rows):
        differs = "differs" in set(table.frame["verdict"])
        frame = table.frame if differs else table.frame.drop(columns="verdict")
        yield render_table(frame.rename(columns=lambda name: name.replace(" ", "\n")), table.title)


def layers_by_target(layers: pd.DataFrame) -> pd.DataFrame:
    """Put the targets of one network side by side.

    `layers` comes from `layer_table`. Columns: `layer`, `shape`, `mac`, `computed_with` if any
    layer has its counts at another, one `<target> <counter>` for every target that counts
    something, and `verdict`, the worst of all targets.
    """
    shown = ["layer", "shape", "mac"]
    wide = layers.drop_duplicates("layer_index").set_index("layer_index")[shown]
    wide = wide.sort_index()
    if bool(layers["computed_with"].notna().any()):
        wide["computed_with"] = layers.groupby("layer_index")["computed_with"].first()
    for target, part in layers.groupby("target", sort=False):
        for counter in counters_present(part.rename(columns=_median_columns())):
            counts = part.set_index("layer_index")[f"{counter}_median"]
            wide[f"{target} {counter}"] = counts
    ranks = layers.assign(rank=layers["verdict"].map(_SEVERITY.index))
    worst = ranks.groupby("layer_index")["rank"].max()
    wide["verdict"] = worst.map(lambda rank: _SEVERITY[rank]).astype("string")
    return wide.reset_index(drop=True)


def models_by_target(layers: pd.DataFrame) -> pd.DataFrame | None:
    """Put the timing models' latencies of one network side by side; None if there are none.

    Columns: `layer` and one `<target> on <core>` for every target and model, in microseconds.
    """
    names = [name for name in MODEL_COLUMNS if name.startswith("model_latency_us")]
    wide = layers.drop_duplicates("layer_index").set_index("layer_index")[["layer"]].sort_index()
    for target, part in layers.groupby("target", sort=False):
        for name in names:
            latencies = part.set_index("layer_index")[f"{name}_median"]
            if bool(latencies.notna().any()):
                wide[f"{target} on {name.rpartition('_')[2].upper()}"] = latencies
    return wide.reset_index(drop=True) if len(wide.columns) > 1 else None


def _median_columns() -> dict[str, str]:
    return {f"{counter}_median": counter for counter in ("instructions", "cycles")}
