"""The history of single layers: what each cost in every run, the median over its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd
from rich.table import Table

from qrig.reports.index_cells import MEASURES
from qrig.reports.tables import render_table

__all__ = ["layer_history", "layer_history_document", "layer_history_tables"]

_KEYS: Final = ("run_id", "started", "target", "network", "layer_index", "layer")


def layer_history(rows: pd.DataFrame) -> pd.DataFrame:
    """Condense rows of `qrig.reports.load` to one per (run, target, network, layer).

    Columns: `run_id`, `started`, `target`, `network`, `layer_index`, `layer`, `inputs`, and of
    each measure that is there the median over the inputs (`instructions`, ...). Runs stay in order.
    """
    measures = [name for name in MEASURES if name in rows.columns]
    groups = rows.groupby(list(_KEYS), sort=False, dropna=False)
    table = groups.agg(inputs=("input_index", "nunique"))
    for name in measures:
        table[name] = groups[name].median()
    return table.reset_index()


def layer_history_tables(layers: pd.DataFrame) -> Iterator[Table]:
    """Yield a table for each layer of each network on each target, a row per run."""
    for keys, part in layers.groupby(["network", "target", "layer"], sort=False):
        network, target, layer = (str(key) for key in tuple(keys))
        shown = part.drop(columns=["network", "target", "layer", "layer_index"])
        begun = shown["started"].dt.strftime("%Y-%m-%d %H:%M")
        yield render_table(shown.assign(started=begun), f"{layer} of {network} on {target}")


def layer_history_document(layers: pd.DataFrame) -> dict[str, Any]:
    """Return what `layer_history` made as what JSON can hold; what is not known is None."""
    begun = layers["started"].map(lambda moment: None if pd.isna(moment) else moment.isoformat())
    frame = layers.assign(started=begun).astype(object)
    records = frame.where(frame.notna(), None).to_dict("records")
    rows = [{str(name): value for name, value in record.items()} for record in records]
    return {"schema": "qrig-layer-history/1", "rows": rows}
