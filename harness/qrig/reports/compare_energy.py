"""The energies of all passes of a measurement, as repeated measurements of the first input.

A row has the mean over the passes; run.json's `energy` has each (`passes_uj`). The gate wants them
one by one, for a mean alone does not say how much it scatters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

__all__ = ["with_passes"]

_OTHERS: Final = ("instructions", "model_cycles_m4", "model_cycles_m7", "cycles")
_MOST: Final = 100_000


def with_passes(rows: pd.DataFrame, run: Mapping[str, Any], pair: tuple[str, str]) -> pd.DataFrame:
    """Return the rows of a target and a network with one more for each pass of each layer.

    Those hold energy alone, which then is nowhere else. Rows of a run whose run.json has no passes
    stay as they are.
    """
    passes = _passes(run, pair)
    measured = rows[rows["energy_uj"].notna()]
    if not passes or set(measured["layer"].astype(str)) - set(passes):
        return rows
    known = [name for name in _OTHERS if name in rows.columns]
    parts = [rows.assign(energy_uj=rows["energy_uj"].mask(rows["energy_uj"].notna()))]
    for layer, values in passes.items():
        row = measured[measured["layer"] == layer].head(1)
        if len(row):
            again = row.loc[row.index.repeat(len(values))].copy()
            again["energy_uj"] = pd.array(values, dtype="Float64")
            again[known] = pd.NA
            parts.append(again.astype(rows.dtypes.to_dict()))
    return pd.concat(parts, ignore_index=True)


def _passes(run: Mapping[str, Any], pair: tuple[str, str]) -> dict[str, list[float]]:
    """Return the energies by layer; none where run.json has something else in their place."""
    entries = run.get("energy")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or (entry.get("target"), entry.get("network")) != pair:
            continue
        found = entry.get("passes_uj")
        if isinstance(found, Mapping) and all(map(_are_energies, found.values())):
            return {str(layer): list(values) for layer, values in found.items()}
    return {}


def _are_energies(values: object) -> bool:
    return (
        isinstance(values, list)
        and 0 < len(values) <= _MOST
        and all(isinstance(value, float) and value > 0 for value in values)
    )
