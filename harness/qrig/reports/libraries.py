"""Kernel libraries side by side: what ours costs on a target, and an original there.

A target with an original is called as ours with a label behind the name (see `qrig.runs.targets`),
so that no table mixes the two; this one sets them beside each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from attrs import field, frozen

from qrig.build.cmsis_nn import NAME
from qrig.reports.tables import counters_present, layer_table

__all__ = ["LibraryTable", "library_tables", "own_targets"]

OURS = "qrig"
"""What stands above our numbers."""

_LABEL = f", {NAME}"
_TOTAL = "inference"
_WORST_FIRST = ("differs", "not-traced", "bit-exact")
_COUNTERS = {"instructions": "instr", "cycles": "cycles"}


@frozen
class LibraryTable:
    """A network on a target with both libraries, one row per layer and one for all of them.

    Layers that ours computes together share a row. Columns: `layer`; for "instr" or "cycles", and
    for "model µs <core>" (the modelled latency on the target's core), `qrig <quantity>`, `CMSIS-NN
    <quantity>` and `<quantity> ratio` (CMSIS-NN / qrig); and the original's `verdict`.
    """

    network: str
    target: str
    frame: pd.DataFrame = field(repr=False, eq=False)

    @property
    def title(self) -> str:
        """What the table shows, for people."""
        return f"{self.network} on {self.target}: {NAME} / {OURS}"


def library_tables(rows: pd.DataFrame) -> Iterator[LibraryTable]:
    """Yield a table for every network and target that was run with both libraries."""
    layers = layer_table(rows)
    for (network, target), ours in layers.groupby(["network", "target"], sort=True):
        mine = (layers["network"] == network) & (layers["target"] == f"{target}{_LABEL}")
        if bool(mine.any()):
            own = rows[(rows["network"] == network) & (rows["target"] == target)]
            frame = _side_by_side(ours, layers[mine], _together(own), _core(own))
            yield LibraryTable(str(network), str(target), frame)


def own_targets(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of targets with our kernels; all of them if there are no others."""
    own = layers[~layers["target"].str.endswith(_LABEL)]
    return own if len(own) else layers


def _side_by_side(
    ours: pd.DataFrame, theirs: pd.DataFrame, together: Mapping[str, str], core: str
) -> pd.DataFrame:
    quantities = _quantities(ours, core)
    first = ours["layer"].map(lambda layer: together.get(layer, layer))
    left = ours.groupby(first.to_numpy(), sort=False)
    right = theirs.set_index("layer").reindex(ours["layer"]).groupby(first.to_numpy(), sort=False)
    frame = pd.DataFrame({"layer": left["layer"].agg(" + ".join)})
    for column, text in quantities:
        frame[f"{OURS} {text}"] = left[column].sum(min_count=1)
        frame[f"{NAME} {text}"] = right[column].sum(min_count=1)
        frame[f"{text} ratio"] = pd.NA
    frame["verdict"] = right["verdict"].agg(_worst)
    frame = pd.concat([frame, _total(frame)], ignore_index=True)
    for _, text in quantities:
        base = frame[f"{OURS} {text}"]
        frame[f"{text} ratio"] = (frame[f"{NAME} {text}"] / base.where(base > 0)).astype("Float64")
    return frame


def _total(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the last row: sums of the numbers, missing where a layer's is."""
    numbers = [name for name in frame.columns if name.startswith((f"{OURS} ", f"{NAME} "))]
    sums: dict[str, Any] = {name: frame[name].sum(skipna=False) for name in numbers}
    return pd.DataFrame([{"layer": _TOTAL, **sums, "verdict": ""}])


def _worst(verdicts: pd.Series[Any]) -> str:
    return next((word for word in _WORST_FIRST if bool((verdicts == word).any())), "not-traced")


def _together(rows: pd.DataFrame) -> dict[str, str]:
    """Return, for each layer computed together with an earlier one, the one that has its counts."""
    if "computed_with" not in rows.columns:
        return {}
    found = rows.dropna(subset=["computed_with"])
    return dict(zip(found["layer"], found["computed_with"], strict=True))


def _quantities(layers: pd.DataFrame, core: str) -> list[tuple[str, str]]:
    """Return the columns of `layers` to compare, and how they are called."""
    names = {f"{counter}_median": counter for counter in _COUNTERS}
    counters = counters_present(layers.rename(columns=names))
    found = [(f"{counter}_median", _COUNTERS[counter]) for counter in counters]
    model = f"model_latency_us_{core}_median"
    if model in layers.columns and bool(layers[model].notna().any()):
        found.append((model, f"model µs {core.upper()}"))
    return found


def _core(rows: pd.DataFrame) -> str:
    """Return the end of the columns of the timing model of the target's own core."""
    cores = rows["core"] if "core" in rows.columns else ()
    return str(next(iter(cores), "")).removeprefix("cortex-")
