"""The tables of a profiled run, taken apart by target and network, as every view needs them.

Rows become plain dictionaries in which a missing value is None, whatever pandas makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs
import pandas as pd

from qrig.measure.profile_columns import PROFILE_TABLES

__all__ = [
    "MEASURES",
    "MEASURE_WORDS",
    "CellProfile",
    "Row",
    "Tables",
    "layer_key",
    "missing_layers",
    "split_cells",
    "total",
]

Row: TypeAlias = Mapping[str, Any]
Tables: TypeAlias = Mapping[str, pd.DataFrame]

MEASURES: Final[Mapping[str, str]] = {
    "m7": "model_cycles_m7",
    "m4": "model_cycles_m4",
    "instructions": "instructions",
}
"""What a profile is weighed by, and the column that holds it; the first that is known is used."""

MEASURE_WORDS: Final[Mapping[str, str]] = {
    "m7": "model cycles M7",
    "m4": "model cycles M4",
    "instructions": "instructions",
}
"""What people read for each of `MEASURES`."""


@attrs.frozen(eq=False)
class CellProfile:
    """The profile of one network on one target: the rows of each table, layers in order."""

    target: str
    network: str
    layers: Sequence[Row]
    functions: Sequence[Row]
    stacks: Sequence[Row]
    instructions: Sequence[Row]
    loops: Sequence[Row]

    @property
    def measure(self) -> str:
        """The first of `MEASURES` that is known for every layer (instructions always are)."""
        known = (name for name in MEASURES if self.whole(name) is not None)
        return next(known, "instructions")

    def whole(self, measure: str) -> float | None:
        """Sum `measure` over all layers; None if a layer lacks it."""
        return total(self.layers, MEASURES[measure])


def split_cells(tables: Tables) -> list[CellProfile]:
    """Take `tables` apart by network and target, sorted by both; a table may be absent or empty."""
    parts: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for name in PROFILE_TABLES:
        frame = tables.get(name)
        if frame is None:
            continue
        for row in _rows(frame):
            cell = parts.setdefault((row["network"], row["target"]), {})
            cell.setdefault(name, []).append(row)
    return [
        CellProfile(
            target,
            network,
            layers=sorted(cell.get("layers", ()), key=layer_key),
            functions=cell.get("functions", ()),
            stacks=cell.get("stacks", ()),
            instructions=cell.get("instructions", ()),
            loops=cell.get("loops", ()),
        )
        for (network, target), cell in sorted(parts.items(), key=lambda part: part[0])
    ]


def layer_key(row: Row) -> tuple[int, str]:
    """Name the layer a row belongs to, in a way that sorts by the order of layers."""
    return int(row["layer_index"]), str(row["layer"])


def total(rows: Iterable[Row], column: str) -> float | None:
    """Sum `column`; None if a row lacks it, or if there are no rows: a part is not a total."""
    values = [row[column] for row in rows]
    if not values or any(value is None for value in values):
        return None
    return float(sum(values)) if any(isinstance(value, float) for value in values) else sum(values)


def missing_layers(cell: CellProfile, measure: str) -> list[str]:
    """Name the layers that lack `measure`, in order."""
    return [str(row["layer"]) for row in cell.layers if row[MEASURES[measure]] is None]


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Make dictionaries of a table's rows, None for what is missing."""
    columns = [
        [None if value is pd.NA or value is None or value != value else value for value in column]
        for column in (frame[name].tolist() for name in frame.columns)
    ]
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
