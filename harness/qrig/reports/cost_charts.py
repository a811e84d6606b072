"""Bars of what each layer costs, with those of the previous run behind them, as data for a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd
from attrs import field, frozen

from qrig.reports.compare_fused import fused_layers
from qrig.reports.compare_result import INFERENCE
from qrig.reports.compare_runs import RunData
from qrig.reports.figures import PALETTE
from qrig.reports.previous import Pair, pairs_of, rows_of_pair
from qrig.reports.previous_verdict import Versus
from qrig.reports.quantities import QUANTITIES, Quantity
from qrig.reports.stamps import one_line
from qrig.reports.tables import cell_text, layer_table, printable, summary_table

__all__ = ["Bar", "Chart", "ChartRow", "cost_charts", "percent_text"]

_REPLAYED: Final = "replay:"
_MEASURED_ENERGY: Final = "energy_uj"


@frozen
class Bar:
    """One target's number of a layer: as texts, and as parts (0 to 100) of the chart's width.

    `ghost` and `before` are of the previous run, None and empty if it has no such number.
    """

    target: str
    colour: int
    width: float
    value: str
    aside: str = ""
    ghost: float | None = None
    before: str = ""
    change: str = ""
    tone: str = ""


@frozen
class ChartRow:
    """A layer, or the whole inference, with a bar for each target that has a number of it."""

    name: str
    bars: Sequence[Bar]


@frozen
class Chart:
    """One quantity of one network.

    `legend` has each target and its colour, `runs_before` the runs of the ghosts.
    """

    network: str
    quantity: Quantity
    subtitle: str
    note: str
    legend: Sequence[tuple[str, int]]
    runs_before: Sequence[str]
    rows: Sequence[ChartRow] = field(repr=False)
    total: ChartRow = field(repr=False)

    @property
    def has_ghosts(self) -> bool:
        """Whether any bar has a ghost."""
        return any(bar.ghost is not None for row in self.rows for bar in row.bars)

    @property
    def has_asides(self) -> bool:
        """Whether any number is said in other words."""
        return any(bar.aside for row in self.rows for bar in row.bars)


@frozen(eq=False)
class _Numbers:
    """Medians of a run and of the runs before it: by pair and layer, and of whole inferences."""

    layers: Mapping[tuple[str, str, int, str], Mapping[str, Any]]
    totals: Mapping[Pair, Mapping[str, Any]]


def cost_charts(
    rows: pd.DataFrame,
    previous: Mapping[Pair, RunData],
    versus: Versus | None = None,
    models: Mapping[str, str] | None = None,
) -> Iterator[Chart]:
    """Yield the charts of each network, sorted by name, a chart for each quantity it has.

    `previous` gives the ghosts, `versus` says which changes count, `models` what the timing models
    stand for. A target has one colour in all charts.
    """
    if rows.empty:
        return
    now = _numbers(rows)
    before = _numbers(pd.concat([data.rows for data in previous.values()])) if previous else None
    makers = [
        _Maker(quantity, rows, now, before, previous, versus, models or {})
        for quantity in QUANTITIES
        if quantity.column in rows.columns
    ]
    for network in sorted({network for _, network in pairs_of(rows)}):
        yield from (chart for maker in makers if (chart := maker.chart(network)) is not None)


def percent_text(before: float, after: float) -> str:
    """Write a change in percent: signed, "=" for none at all."""
    if before == after:
        return "="
    if not before > 0:
        return "new"
    percent = 100 * (after - before) / before
    text = f"{percent:+.2f} %" if abs(percent) < 1 else f"{percent:+.1f} %"
    return text.replace("-", "\N{MINUS SIGN}")


@frozen(eq=False)
class _Maker:
    """Makes the charts of one quantity."""

    quantity: Quantity
    rows: pd.DataFrame
    now: _Numbers
    before: _Numbers | None
    previous: Mapping[Pair, RunData]
    versus: Versus | None
    models: Mapping[str, str]

    def chart(self, network: str) -> Chart | None:
        """Make the chart of a network; None if it has no such number."""
        name = self.quantity.column
        pairs = sorted(pair for pair in pairs_of(self.rows) if pair[1] == network)
        pairs = [pair for pair in pairs if self._has(pair)]
        if not pairs:
            return None
        haunted = {pair: self._lonely(pair) for pair in pairs if self._has_ghost(pair)}
        keys = sorted(key for key in self.now.layers if (key[0], key[1]) in pairs)
        largest = self._largest(keys, haunted)
        layers = dict.fromkeys(sorted((index, layer) for _, _, index, layer in keys))
        found = [
            ChartRow(printable(layer), self._bars(pairs, (index, layer), haunted, largest))
            for index, layer in layers
        ]
        return Chart(
            network=printable(network),
            quantity=self.quantity,
            subtitle=self._subtitle(pairs),
            note=self._note(pairs),
            legend=[(one_line(pair[0]), self._colour(pair)) for pair in pairs],
            runs_before=sorted({one_line(self.previous[pair].name) for pair in haunted}),
            rows=[row for row in found if row.bars],
            total=ChartRow("inference", self._totals(pairs, haunted, name)),
        )

    def _has(self, pair: Pair) -> bool:
        return bool(rows_of_pair(self.rows, pair)[self.quantity.column].notna().any())

    def _has_ghost(self, pair: Pair) -> bool:
        """Say whether the previous run's numbers are of the same kind, from the same source."""
        data = self.previous.get(pair)
        if data is None or self.before is None:
            return False
        sources = self._sources(rows_of_pair(self.rows, pair)), self._sources(data.rows)
        replayed = any(one.startswith(_REPLAYED) for one in sources[0])
        return sources[0] == sources[1] and not replayed

    def _sources(self, rows: pd.DataFrame) -> list[str]:
        """Return where the numbers of `rows` come from."""
        name, source = self.quantity.column, self.quantity.source
        if source is None or source not in rows.columns:
            return []
        return sorted(map(str, rows.loc[rows[name].notna(), source].dropna().unique()))

    def _lonely(self, pair: Pair) -> frozenset[str]:
        """Return the layers that are counted together in one of the two runs alone."""
        fused = fused_layers([rows_of_pair(self.rows, pair), self.previous[pair].rows])
        return frozenset((*fused, *fused.values()))

    def _largest(
        self,
        keys: Sequence[tuple[str, str, int, str]],
        haunted: Mapping[Pair, frozenset[str]],
    ) -> float:
        """Return the largest number that is drawn."""
        numbers = [self._now(key) for key in keys]
        numbers += [self._ghost(key, haunted) for key in keys]
        return max((number for number in numbers if number is not None), default=0.0) or 1.0

    def _now(self, key: tuple[str, str, int, str]) -> float | None:
        return _number(self.now.layers[key], self.quantity.column)

    def _ghost(
        self, key: tuple[str, str, int, str], haunted: Mapping[Pair, frozenset[str]]
    ) -> float | None:
        """Return the number of the previous run to a layer that has one now."""
        lonely = haunted.get((key[0], key[1]))
        if lonely is None or key[3] in lonely or self.before is None or self._now(key) is None:
            return None
        return _number(self.before.layers.get(key, {}), self.quantity.column)

    def _bars(
        self,
        pairs: Sequence[Pair],
        layer: tuple[int, str],
        haunted: Mapping[Pair, frozenset[str]],
        largest: float,
    ) -> list[Bar]:
        """Make the bars of a layer."""
        bars = []
        for pair in pairs:
            key = (*pair, *layer)
            value = self._now(key) if key in self.now.layers else None
            if value is not None:
                ghost = self._ghost(key, haunted)
                numbers = (value, ghost)
                bars.append(self._bar(pair, layer[1], self.now.layers[key], numbers, largest))
        return bars

    def _totals(
        self, pairs: Sequence[Pair], haunted: Mapping[Pair, frozenset[str]], name: str
    ) -> list[Bar]:
        """Make the bars of the whole inference, which are not drawn."""
        bars = []
        for pair in pairs:
            totals = self.now.totals[pair]
            value = _number(totals, name)
            before = self.before.totals.get(pair, {}) if self.before and pair in haunted else {}
            if value is not None:
                numbers = (value, _number(before, name))
                bars.append(self._bar(pair, INFERENCE, totals, numbers, 0.0))
        return bars

    def _bar(
        self,
        pair: Pair,
        layer: str,
        record: Mapping[str, Any],
        numbers: tuple[float, float | None],
        largest: float,
    ) -> Bar:
        """Make one bar; without a `largest` its width is 0."""
        value, ghost = numbers
        name, aside = self.quantity.column, self.quantity.aside
        known = None if aside is None else _number(record, aside)
        judged = "" if self.versus is None else self.versus.tone_of(pair, layer, self._measure)
        return Bar(
            target=one_line(pair[0]),
            colour=self._colour(pair),
            width=100 * value / largest if largest else 0.0,
            value=cell_text(value, name),
            aside="" if known is None else cell_text(known, aside or ""),
            ghost=None if ghost is None else 100 * ghost / largest if largest else 0.0,
            before="" if ghost is None else cell_text(ghost, name),
            change="" if ghost is None else percent_text(ghost, value),
            tone="" if ghost is None else judged,
        )

    @property
    def _measure(self) -> str:
        return self.quantity.measure or self.quantity.column

    def _colour(self, pair: Pair) -> int:
        targets = sorted({target for target, _ in pairs_of(self.rows)})
        return targets.index(pair[0]) % len(PALETTE)

    def _subtitle(self, pairs: Sequence[Pair]) -> str:
        """Say of how many inputs the numbers are the median."""
        name = self.quantity.column
        counts = []
        for pair in pairs:
            mine = rows_of_pair(self.rows, pair)
            counts.append(int(mine.loc[mine[name].notna(), "input_index"].nunique()))
        least, most = min(counts), max(counts)
        if most == 1:
            return "of one inference"
        inputs = f"{least} to {most}" if least < most else f"{most}"
        return f"per inference, median of {inputs} inputs"

    def _note(self, pairs: Sequence[Pair]) -> str:
        """Say what the numbers are and where they come from."""
        sources: dict[str, None] = {}
        for pair in pairs:
            sources |= dict.fromkeys(self._sources(rows_of_pair(self.rows, pair)))
        said = ", ".join(map(one_line, sources))
        if self.quantity.core:
            said = one_line(self.models.get(self.quantity.core))
        if not said:
            return self.quantity.note.rstrip(".") + "."
        joint = " by" if self.quantity.column == _MEASURED_ENERGY else ":"
        return f"{self.quantity.note}{joint} {said}."


def _numbers(rows: pd.DataFrame) -> _Numbers:
    layers = layer_table(rows).rename(columns=lambda name: name.removesuffix("_median"))
    totals = summary_table(rows).rename(columns=lambda name: name.removesuffix("_median"))
    return _Numbers(
        {
            (one["target"], one["network"], int(one["layer_index"]), one["layer"]): one
            for one in layers.to_dict("records")
        },
        {(one["target"], one["network"]): one for one in totals.to_dict("records")},
    )


def _number(record: Mapping[str, Any], name: str) -> float | None:
    value = record.get(name)
    return None if value is None or pd.isna(value) else float(value)
