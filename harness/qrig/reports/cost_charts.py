"""Bars of what each layer costs, with those of the previous run behind them, as data for a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from attrs import evolve, field, frozen

from qrig.reports.compare_result import INFERENCE
from qrig.reports.compare_runs import RunData
from qrig.reports.cost_numbers import REPLAYED, CostNumbers, medians_of, number_in
from qrig.reports.figures import PALETTE
from qrig.reports.previous import Pair, pairs_of
from qrig.reports.previous_verdict import Versus
from qrig.reports.quantities import QUANTITIES, Quantity
from qrig.reports.stamps import one_line
from qrig.reports.tables import cell_text, printable

__all__ = ["Bar", "Chart", "ChartRow", "cost_charts", "percent_text"]


@frozen
class Bar:
    """One target's number of a layer: as texts, and as parts (0 to 100) of the chart's width.

    `ghost` and `before` are of the previous run, None and empty if it has no such number.
    """

    target: str
    colour: int
    value: str
    width: float = 0.0
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
    now = medians_of(rows)
    before = medians_of(pd.concat([data.rows for data in previous.values()])) if previous else None
    colours = {target: place for place, target in enumerate(sorted(set(rows["target"])))}
    makers = [
        _Maker(CostNumbers(quantity, rows, previous, now, before), versus, models or {}, colours)
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

    numbers: CostNumbers
    versus: Versus | None
    models: Mapping[str, str]
    colours: Mapping[str, int]

    @property
    def quantity(self) -> Quantity:
        """What the charts show."""
        return self.numbers.quantity

    def chart(self, network: str) -> Chart | None:
        """Make the chart of a network; None if it has no such number."""
        pairs = [pair for pair in self.numbers.pairs if pair[1] == network]
        if not pairs:
            return None
        keys = sorted(key for key in self.numbers.now.layers if (key[0], key[1]) in pairs)
        drawn = [made(key) for key in keys for made in (self.numbers.value, self.numbers.ghost)]
        largest = max((number for number in drawn if number is not None), default=0.0) or 1.0
        layers = sorted({(index, layer) for _, _, index, layer in keys})
        rows = [
            ChartRow(printable(name), list(self._bars(pairs, (index, name), largest)))
            for index, name in layers
        ]
        haunted = [pair for pair in pairs if pair in self.numbers.ghosts]
        return Chart(
            network=printable(network),
            quantity=self.quantity,
            subtitle=self._subtitle(pairs),
            note=self._note(pairs),
            legend=[(one_line(pair[0]), self._colour(pair)) for pair in pairs],
            runs_before=sorted({one_line(self.numbers.previous[pair].name) for pair in haunted}),
            rows=[row for row in rows if row.bars],
            total=ChartRow(INFERENCE, list(self._totals(pairs))),
        )

    def _bars(self, pairs: Sequence[Pair], layer: tuple[int, str], largest: float) -> Iterator[Bar]:
        """Make the bars of a layer."""
        for pair in pairs:
            key = (*pair, *layer)
            value, ghost = self.numbers.value(key), self.numbers.ghost(key)
            if value is not None:
                bar = self._bar(pair, layer[1], value, ghost, self.numbers.now.layers[key])
                width = None if ghost is None else 100 * ghost / largest
                yield evolve(bar, width=100 * value / largest, ghost=width)

    def _totals(self, pairs: Sequence[Pair]) -> Iterator[Bar]:
        """Make the bars of the whole inference, which are not drawn."""
        for pair in pairs:
            value, ghost = self.numbers.total(pair), self.numbers.ghost_total(pair)
            if value is not None:
                yield self._bar(pair, INFERENCE, value, ghost, self.numbers.now.totals[pair])

    def _bar(
        self, pair: Pair, layer: str, value: float, ghost: float | None, record: Mapping[str, Any]
    ) -> Bar:
        """Make the texts of a bar."""
        name, aside = self.quantity.column, self.quantity.aside
        known = None if aside is None else number_in(record, aside)
        bar = Bar(
            target=one_line(pair[0]),
            colour=self._colour(pair),
            value=cell_text(value, name),
            aside="" if known is None else cell_text(known, aside or ""),
        )
        if ghost is None:
            return bar
        measure = self.quantity.measure or name
        tone = "" if self.versus is None else self.versus.tone_of(pair, layer, measure)
        return evolve(
            bar, before=cell_text(ghost, name), change=percent_text(ghost, value), tone=tone
        )

    def _colour(self, pair: Pair) -> int:
        return self.colours[pair[0]] % len(PALETTE)

    def _subtitle(self, pairs: Sequence[Pair]) -> str:
        """Say whether the numbers are measured, and of how many inputs they are the median."""
        counts = [self.numbers.inputs(pair) for pair in pairs]
        least, most = min(counts), max(counts)
        kind = "recorded" if self._is_recorded(pairs) else self.quantity.kind
        if most == 1:
            return f"{kind}, of one inference"
        inputs = f"{least} to {most}" if least < most else f"{most}"
        return f"{kind}, per inference, median of {inputs} inputs"

    def _is_recorded(self, pairs: Sequence[Pair]) -> bool:
        sources = [one for pair in pairs for one in self.numbers.sources(pair)]
        return any(one.startswith(REPLAYED) for one in sources)

    def _note(self, pairs: Sequence[Pair]) -> str:
        """Say what the numbers are and where they come from."""
        sources = dict.fromkeys(one for pair in pairs for one in self.numbers.sources(pair))
        said = ", ".join(map(one_line, sources))
        if self.quantity.core:
            said = one_line(self.models.get(self.quantity.core))
        if self._is_recorded(pairs):
            return f"From a recording, not measured by this run: {said}."
        if not said:
            return self.quantity.note.rstrip(".") + "."
        return f"{self.quantity.note}{self.quantity.joint} {said}."
