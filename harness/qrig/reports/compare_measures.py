"""Layers of one network on one target compared in one measure.

Instructions and model cycles are exact: equal code gives equal numbers, so a change beyond the
threshold is a change. Silicon cycles and energy are measurements, which `qrig.measure.gate` judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from attrs import evolve, frozen

from qrig.measure.gate import Promise, Series, judge_change
from qrig.reports.compare_result import (
    BETTER,
    EXACT,
    INFERENCE,
    SAME,
    STATISTICAL,
    TOO_FEW,
    TOO_NOISY,
    WORSE,
    LayerChange,
)

__all__ = [
    "EXACT_MEASURES",
    "STATISTICAL_MEASURES",
    "Sides",
    "count_of_tests",
    "exact_changes",
    "noisy_changes",
]

EXACT_MEASURES: Final = ("instructions", "model_cycles_m4", "model_cycles_m7")
STATISTICAL_MEASURES: Final = ("cycles", "energy_uj")

_LAYER: Final = ["layer_index", "layer"]

Frames: TypeAlias = Sequence[pd.DataFrame]


@frozen(eq=False)
class Sides:
    """The rows of one network on one target, run by run, before and after."""

    base: Frames
    new: Frames

    def layers(self, measure: str) -> list[tuple[int, str]]:
        """Return the layers that have `measure` in every run, in order."""
        found = [
            set(_known_layers(_counted(rows, measure), measure)) for rows in (*self.base, *self.new)
        ]
        shared = found[0].intersection(*found[1:])
        return sorted(shared)

    def lonely_layers(self, measure: str) -> list[str]:
        """Return the layers of which some runs know `measure` and others do not."""
        known = [set(_known_layers(rows, measure)) for rows in (*self.base, *self.new)]
        everywhere = known[0].intersection(*known[1:])
        return [name for _, name in sorted(known[0].union(*known[1:]) - everywhere)]

    def has(self, measure: str) -> tuple[bool, bool]:
        """Say whether each side has the measure in all of its runs."""
        return (
            all(len(_counted(rows, measure)) > 0 for rows in self.base),
            all(len(_counted(rows, measure)) > 0 for rows in self.new),
        )


def exact_changes(sides: Sides, measure: str, threshold_percent: float) -> Iterator[LayerChange]:
    """Yield the change of every layer and of the inference, on the inputs that all runs share.

    Nothing is yielded if they share none.
    """
    tables = [[_by_input(rows, measure) for rows in runs] for runs in (sides.base, sides.new)]
    shared = set.intersection(*(set(table.columns) for runs in tables for table in runs))
    if not shared:
        return
    inputs = sorted(shared)
    sums = [
        pd.concat([table[inputs].sum(axis=1, min_count=len(inputs)) for table in runs], axis=1)
        .median(axis=1)
        .dropna()
        / len(inputs)
        for runs in tables
    ]
    both = sums[0].index.intersection(sums[1].index, sort=True)
    for index, layer in both:
        pair = float(sums[0][(index, layer)]), float(sums[1][(index, layer)])
        yield _exact(str(layer), int(index), measure, pair, threshold_percent)
    if len(both):
        totals = float(sums[0][both].sum()), float(sums[1][both].sum())
        yield _exact(INFERENCE, len(both), measure, totals, threshold_percent)


def noisy_changes(
    sides: Sides, measure: str, promise: Promise, tests: int
) -> Iterator[LayerChange]:
    """Yield the change of every layer and of the inference, judged among `tests` judgements."""
    layers = sides.layers(measure)
    found = []
    for index, layer in layers:
        series = [
            [_series(rows[rows["layer_index"] == index], measure) for rows in runs]
            for runs in (sides.base, sides.new)
        ]
        found.append(_judged((layer, index, measure), series, promise, tests))
    whole = [[_whole(rows, measure, layers) for rows in runs] for runs in (sides.base, sides.new)]
    total = _judged((INFERENCE, len(layers), measure), whole, promise, tests)
    yield from (_weighed(change, total, promise) for change in found)
    if layers:
        yield total


def count_of_tests(sides: Sides, measure: str) -> int:
    """Return how many judgements `noisy_changes` makes."""
    layers = len(sides.layers(measure))
    return layers + 1 if layers else 0


def _counted(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the rows with a number of `measure` above 0; energy from a recording is none."""
    counted = rows[rows[measure].notna()]
    counted = counted[counted[measure] > 0]
    if measure == "energy_uj":
        counted = counted[~counted["energy_source"].fillna("").str.startswith("replay:")]
    return counted


def _known_layers(rows: pd.DataFrame, measure: str) -> Iterator[tuple[int, str]]:
    layers = rows.loc[rows[measure].notna(), _LAYER].drop_duplicates()
    return ((int(index), str(name)) for index, name in layers.itertuples(index=False))


def _by_input(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return `measure` with a layer per row and an input per column; the median of repetitions."""
    counted = rows[rows[measure].notna()]
    return counted.pivot_table(
        index=_LAYER, columns="input", values=measure, aggfunc="median", observed=True
    ).astype("float64")


def _exact(
    layer: str, index: int, measure: str, pair: tuple[float, float], threshold_percent: float
) -> LayerChange:
    before, after = pair
    if before == after:
        percent: float | None = 0.0
    else:
        percent = 100 * (after - before) / before if before > 0 else None
    grown = after > before if percent is None else percent > threshold_percent
    shrunk = percent is not None and percent < -threshold_percent
    verdict = WORSE if grown else BETTER if shrunk else SAME
    return LayerChange(layer, index, measure, EXACT, verdict, before, after, percent)


def _series(rows: pd.DataFrame, measure: str) -> Series:
    counted = _counted(rows, measure)
    return Series(counted[measure].to_numpy("float64"), counted["input"].fillna("").tolist())


def _whole(rows: pd.DataFrame, measure: str, layers: Sequence[tuple[int, str]]) -> Series:
    """Return the sums over `layers` of the inputs that have them all, in their order.

    An input that was measured again under the same number is one more measurement.
    """
    counted = _counted(rows, measure)
    counted = counted[counted["layer_index"].isin([index for index, _ in layers])]
    again = counted.groupby(["input_index", "layer_index"]).cumcount().rename("again")
    groups = counted.groupby(["input_index", again], sort=False)
    complete = groups["layer_index"].nunique() == len(layers)
    sums = groups[measure].sum()[complete].astype("float64")
    names = groups["input"].first()[complete].fillna("")
    return Series(sums.to_numpy("float64"), names.tolist())


def _judged(
    names: tuple[str, int, str],
    series: Sequence[Sequence[Series]],
    promise: Promise,
    tests: int,
) -> LayerChange:
    layer, index, measure = names
    base, new = series
    change = judge_change(base, new, promise, tests)
    bounds = change.bounds_percent or (None, None)
    return LayerChange(
        *(layer, index, measure, STATISTICAL, change.verdict),
        base=_middle(base),
        new=_middle(new),
        percent=change.percent,
        low_percent=bounds[0],
        high_percent=bounds[1],
        reason=change.reason,
    )


def _middle(runs: Sequence[Series]) -> float | None:
    values = np.concatenate([run.values for run in runs]) if runs else np.empty(0)
    return float(np.median(values)) if values.size else None


def _weighed(change: LayerChange, total: LayerChange, promise: Promise) -> LayerChange:
    """Mark a layer that cannot be told and could not make the inference slower to speak of."""
    if change.verdict not in (TOO_NOISY, TOO_FEW) or not total.base or change.base is None:
        return change
    most = change.high_percent
    if most is None:
        return change
    return evolve(change, matters=most * change.base / total.base >= promise.found_percent / 2)
