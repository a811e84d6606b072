"""What two runs computed: layers that differ from the reference, and outputs that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from qrig.reports.compare_measures import Sides
from qrig.reports.compare_result import BETTER, EXACT, WORSE, LayerChange

__all__ = ["BITS", "bit_changes", "first_changed_output"]

BITS = "bits"
"""The measure of what a layer computes."""


def bit_changes(sides: Sides) -> Iterator[LayerChange]:
    """Yield the layers that differ from the reference now (worse), or did before (better).

    Only the first layer is named: those behind it compute with what it got wrong.
    """
    before, after = _first_differing(sides.base), _first_differing(sides.new)
    if after is not None:
        index, layer, text = after
        yield LayerChange(layer, index, BITS, EXACT, WORSE, None, None, None, reason=text)
    elif before is not None:
        index, layer, _ = before
        text = "bit-exact again"
        yield LayerChange(layer, index, BITS, EXACT, BETTER, None, None, None, reason=text)


def first_changed_output(sides: Sides) -> str | None:
    """Return the first layer that computes other values of the same input; None if none does."""
    before, after = (_outputs(rows) for rows in (sides.base, sides.new))
    both = before.merge(after, on=["input", "layer_index"], suffixes=("", "_new"))
    changed = both[both["crc32_host"] != both["crc32_host_new"]].sort_values("layer_index")
    return None if changed.empty else str(changed["layer_new"].iloc[0])


def _first_differing(
    runs: Sequence[pd.DataFrame],
) -> tuple[int, str, str] | None:
    rows = pd.concat(list(runs))
    wrong = rows[rows["verdict"].fillna("") == "differs"].sort_values("layer_index", kind="stable")
    if wrong.empty:
        return None
    first = wrong.iloc[0]
    same = wrong[wrong["layer_index"] == first["layer_index"]]
    inputs = len(same)
    text = f"differs from the reference in {inputs} input{'s'[: inputs != 1]}"
    if pd.notna(first["first_difference"]):
        text += f", first at {first['first_difference']}"
    return int(first["layer_index"]), str(first["layer"]), text


def _outputs(runs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    rows = pd.concat(list(runs))[["input", "layer_index", "layer", "crc32_host"]]
    return rows.dropna().drop_duplicates(["input", "layer_index"])
