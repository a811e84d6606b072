"""Layers that are computed together in some of the compared runs, counted together in all of them.

Where one build computes a pool with the convolution before it, the convolution has the counts of
both: it can only be compared with both of another build.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

__all__ = ["counted_together", "fused_layers"]

_COUNTS: Final = ("instructions", "model_cycles_m4", "model_cycles_m7", "cycles", "energy_uj")


def fused_layers(frames: Sequence[pd.DataFrame]) -> dict[str, str]:
    """Return the layers that have counts of their own in some of `frames` and in others not.

    The value is the layer that has the counts of both where they are computed together.
    """
    owners: dict[str, str] = {}
    alone: set[str] = set()
    for rows in frames:
        layers = rows.drop_duplicates("layer")[["layer", "computed_with"]]
        for layer, owner in layers.itertuples(index=False):
            if pd.isna(owner):
                alone.add(str(layer))
                continue
            earlier, later = _owner(owners, str(owner)), _owner(owners, str(layer))
            if earlier != later:
                owners[later] = earlier
    return {layer: _owner(owners, layer) for layer in owners if layer in alone}


def counted_together(rows: pd.DataFrame, fused: Mapping[str, str]) -> pd.DataFrame:
    """Return `rows` with the counts of the layers in `fused` added to those of their first one."""
    if not fused:
        return rows
    rows = rows.reset_index(drop=True).copy()
    names = rows["layer"].astype("string")
    leaders = names.map(lambda name: fused.get(str(name), str(name)))
    for measure in _COUNTS:
        if measure not in rows.columns or not bool(rows[measure].notna().any()):
            continue
        sums = rows[measure].groupby([rows["input_index"], leaders]).transform("sum", min_count=1)
        own = ~names.isin(list(fused)) & rows[measure].notna()
        rows[measure] = sums.where(own).astype(rows[measure].dtype)
    return rows


def _owner(owners: Mapping[str, str], layer: str) -> str:
    """Follow `owners` to the layer that stands for `layer`."""
    seen = {layer}
    while layer in owners and owners[layer] not in seen:
        layer = owners[layer]
        seen.add(layer)
    return layer
