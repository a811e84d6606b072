"""Runs compared: every network on every target, each layer in every measure that both sides have.

What does not fit together (stamps, inputs, meters, runs that did not end well) is never compared
and never green.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
from attrs import field, frozen

from qrig.measure.gate import promise_of
from qrig.reports.compare_cells import CellInput, Rules, compare_cell, tests_of
from qrig.reports.compare_energy import with_passes
from qrig.reports.compare_fused import counted_together, fused_layers
from qrig.reports.compare_measures import Sides
from qrig.reports.compare_result import (
    NO_BASELINE,
    RunsComparison,
    worst,
)

__all__ = ["CompareOptions", "RunData", "compare_data"]

EXACT_THRESHOLD_PERCENT: Final = 0.5


@frozen(eq=False)
class RunData:
    """A run to compare: its name, rows, run.json and, if it was profiled, the tables of that."""

    name: str
    rows: pd.DataFrame = field(repr=False)
    run: Mapping[str, Any] = field(repr=False)
    profile: Mapping[str, pd.DataFrame] | None = field(default=None, repr=False)


@frozen
class CompareOptions:
    """How to compare.

    `allow` names keys of stamps that may differ. Instructions and model cycles may change by
    `threshold_percent`; changes of `found_percent` have to be found in silicon cycles and energy,
    by default what is promised for the core. `measures` are all unless some are named.
    """

    allow: frozenset[str] = frozenset()
    threshold_percent: float = EXACT_THRESHOLD_PERCENT
    found_percent: float | None = None
    measures: frozenset[str] = frozenset()


def compare_data(
    base: Sequence[RunData], new: Sequence[RunData], options: CompareOptions
) -> RunsComparison:
    """Compare the runs `new` with the runs `base`; several of a side are repetitions of one."""
    names = tuple(run.name for run in base), tuple(run.name for run in new)
    reasons = tuple(_unfit(base, "base")) + tuple(_unfit(new, "new"))
    if reasons:
        return RunsComparison(*names, NO_BASELINE, reasons=reasons)
    pairs = list(dict.fromkeys(pair for run in new for pair in _pairs(run)))
    inputs = [_cell_input(base, new, pair) for pair in pairs]
    tests = sum(tests_of(cell, options.measures) for cell in inputs)
    cells = tuple(
        compare_cell(
            cell,
            Rules(
                promise_of(cell.core, options.found_percent),
                max(tests, 1),
                options.allow,
                options.threshold_percent,
                options.measures,
            ),
        )
        for cell in inputs
    )
    gone = dict.fromkeys(pair for run in base for pair in _pairs(run) if pair not in pairs)
    notes = tuple(f"{network} on {target}: only in the base" for target, network in gone)
    return RunsComparison(*names, worst([cell.verdict for cell in cells]), cells, notes=notes)


def _unfit(runs: Sequence[RunData], side: str) -> list[str]:
    """Say which runs of a side cannot be compared at all."""
    found = [] if runs else [f"there is no {side} run"]
    for run in runs:
        status = run.run.get("status")
        if status != "complete":
            error = run.run.get("error")
            found.append(
                f"the {side} run {run.name} is {status or 'without a status'}, not complete"
                + (f" ({error})" if error else "")
            )
        elif run.rows.empty:
            found.append(f"the {side} run {run.name} has no rows")
    return found


def _pairs(run: RunData) -> list[tuple[str, str]]:
    pairs = run.rows[["target", "network"]].drop_duplicates()
    return [(str(target), str(network)) for target, network in pairs.itertuples(index=False)]


def _cell_input(
    base: Sequence[RunData], new: Sequence[RunData], pair: tuple[str, str]
) -> CellInput:
    """Gather what is known of a network on a target: its rows, stamps, footprints and profiles."""
    target, network = pair
    sides = [[run for run in runs if pair in _pairs(run)] for runs in (base, new)]
    frames = [[_rows(run, pair) for run in runs] for runs in sides]
    fused = fused_layers([*frames[0], *frames[1]])
    together = [[counted_together(rows, fused) for rows in side] for side in frames]
    if not fused:
        together = [
            [with_passes(rows, run.run, pair) for rows, run in zip(side, runs, strict=True)]
            for side, runs in zip(together, sides, strict=True)
        ]
    cores = [str(core) for rows in frames[1] for core in rows["core"].dropna().unique()]
    return CellInput(
        target=target,
        network=network,
        core=cores[0] if cores else "",
        sides=Sides(together[0], together[1]),
        base=[run.run for run in sides[0]],
        new=[run.run for run in sides[1]],
        profiles=(
            next((run.profile for run in sides[0] if run.profile), None),
            next((run.profile for run in sides[1] if run.profile), None),
        ),
        fused=fused,
        complete=len(sides[0]) == len(base) and len(sides[1]) == len(new),
    )


def _rows(run: RunData, pair: tuple[str, str]) -> pd.DataFrame:
    """Return the rows of a network on a target, every one with a name of its input."""
    target, network = pair
    rows = run.rows[(run.rows["target"] == target) & (run.rows["network"] == network)]
    return rows.assign(input=rows["input"].fillna(rows["input_index"].astype("string")))
