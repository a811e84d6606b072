"""What layers cost in a run and in the runs before it, in one quantity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, TypeAlias

import pandas as pd
from attrs import define, frozen

from qrig.reports.compare_fused import fused_layers
from qrig.reports.compare_runs import RunData
from qrig.reports.previous import Pair, pairs_of, rows_of_pair
from qrig.reports.quantities import Quantity
from qrig.reports.tables import layer_table, summary_table

__all__ = ["REPLAYED", "CostNumbers", "LayerKey", "Medians", "medians_of", "number_in"]

LayerKey: TypeAlias = tuple[str, str, int, str]
"""A target, a network, a layer's index and its name."""

REPLAYED: Final = "replay:"
"""How the source of energies begins that are from a recording."""


@frozen(eq=False)
class Medians:
    """Medians over the inputs: of each layer, and of whole inferences."""

    layers: Mapping[LayerKey, Mapping[str, Any]]
    totals: Mapping[Pair, Mapping[str, Any]]


def medians_of(rows: pd.DataFrame) -> Medians:
    """Return the medians of `rows`, each under the name of its column."""
    layers = layer_table(rows).rename(columns=lambda name: name.removesuffix("_median"))
    totals = summary_table(rows).rename(columns=lambda name: name.removesuffix("_median"))
    return Medians(
        {
            (one["target"], one["network"], int(one["layer_index"]), one["layer"]): _named(one)
            for one in layers.to_dict("records")
        },
        {(one["target"], one["network"]): _named(one) for one in totals.to_dict("records")},
    )


@define(eq=False, slots=False)
class CostNumbers:
    """One quantity of a run, `rows`, and of the runs before it, `previous`.

    `now` and `before` are the medians of both.
    """

    quantity: Quantity
    rows: pd.DataFrame
    previous: Mapping[Pair, RunData]
    now: Medians
    before: Medians | None

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The targets and networks that have a number, sorted."""
        counted = self.rows[self.rows[self.quantity.column].notna()]
        return tuple(sorted(pairs_of(counted)))

    @cached_property
    def ghosts(self) -> Mapping[Pair, frozenset[str]]:
        """The pairs whose previous run has numbers of the same kind, from the same source.

        The value is the layers that are counted together with others in one of the two runs alone.
        Numbers from a recording have no ghosts.
        """
        found = {}
        for pair in self.pairs:
            data = self.previous.get(pair)
            if data is None or self.before is None:
                continue
            mine = rows_of_pair(self.rows, pair)
            sources = self._sources(mine)
            replayed = any(one.startswith(REPLAYED) for one in sources)
            if sources == self._sources(data.rows) and not replayed:
                fused = fused_layers([mine, data.rows])
                found[pair] = frozenset((*fused, *fused.values()))
        return found

    def value(self, key: LayerKey) -> float | None:
        """Return the number of a layer; None if it has none."""
        return number_in(self.now.layers.get(key, {}), self.quantity.column)

    def ghost(self, key: LayerKey) -> float | None:
        """Return the number of the previous run to a layer that has one now."""
        together = self.ghosts.get((key[0], key[1]))
        if together is None or key[3] in together or self.before is None or self.value(key) is None:
            return None
        return number_in(self.before.layers.get(key, {}), self.quantity.column)

    def total(self, pair: Pair) -> float | None:
        """Return the number of a whole inference."""
        return number_in(self.now.totals.get(pair, {}), self.quantity.column)

    def ghost_total(self, pair: Pair) -> float | None:
        """Return the number of a whole inference of the previous run."""
        if pair not in self.ghosts or self.before is None:
            return None
        return number_in(self.before.totals.get(pair, {}), self.quantity.column)

    def sources(self, pair: Pair) -> list[str]:
        """Return where the numbers of a pair come from, as its rows say."""
        return self._sources(rows_of_pair(self.rows, pair))

    def inputs(self, pair: Pair) -> int:
        """Return how many inputs have a number."""
        mine = rows_of_pair(self.rows, pair)
        return int(mine.loc[mine[self.quantity.column].notna(), "input_index"].nunique())

    def _sources(self, rows: pd.DataFrame) -> list[str]:
        name, source = self.quantity.column, self.quantity.source
        if source is None or source not in rows.columns:
            return []
        return sorted(map(str, rows.loc[rows[name].notna(), source].dropna().unique()))


def number_in(record: Mapping[str, Any], name: str) -> float | None:
    """Return a number of a record; None if it is missing."""
    value = record.get(name)
    return None if value is None or pd.isna(value) else float(value)


def _named(record: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in record.items()}
