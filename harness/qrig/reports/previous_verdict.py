"""A run compared with what was before it: one verdict, one sentence, and what is said of layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pandas as pd
from attrs import field, frozen

from qrig.reports.compare_result import (
    BETTER,
    INFERENCE,
    NO_BASELINE,
    SAME,
    WORSE,
    CellComparison,
    LayerChange,
    RunsComparison,
    change_text,
    worst,
)
from qrig.reports.compare_runs import EXACT_THRESHOLD_PERCENT, CompareOptions, RunData, compare_data
from qrig.reports.previous import Pair, rows_of_pair
from qrig.reports.profile_cells import Tables

__all__ = ["Versus", "compared_with_previous"]

_TONES: Final = {BETTER: "good", SAME: "good", WORSE: "bad", NO_BASELINE: "quiet"}
_LISTED: Final = 3


@frozen(eq=False)
class Versus:
    """What a run is against the runs before it.

    `cells` has the comparison of each pair that has a previous run; `names` are these runs.
    """

    verdict: str
    names: tuple[str, ...]
    cells: Mapping[Pair, CellComparison] = field(repr=False)

    @property
    def tone(self) -> str:
        """The tone of the verdict: good, bad or quiet."""
        return _TONES[self.verdict]

    @property
    def word(self) -> str:
        """The verdict as the beginning of a sentence."""
        return "Not comparable" if self.verdict == NO_BASELINE else self.verdict.capitalize()

    @property
    def rest(self) -> str:
        """The sentence behind the word."""
        link = {SAME: "as", NO_BASELINE: "with"}.get(self.verdict, "than")
        runs = " and ".join(filter(None, (", ".join(self.names[:_LISTED]), self._unlisted)))
        return f"{link} run{'s'[: len(self.names) > 1]} {runs}: {self._reason}."

    @property
    def _unlisted(self) -> str:
        more = len(self.names) - _LISTED
        return f"{more} more" if more > 0 else ""

    @property
    def _reason(self) -> str:
        if self.verdict == SAME:
            return f"no layer costs {EXACT_THRESHOLD_PERCENT} % more or less than before"
        if self.verdict == NO_BASELINE:
            reasons = [f"{cell.name}: {text}" for cell in self._cells() for text in cell.reasons]
            return _first_of(reasons or ["nothing could be told"], 0)
        changes = [(cell, change) for cell in self._cells() for change in _told(cell, self.verdict)]
        if not changes:
            reasons = [f"{cell.name}: {text}" for cell in self._cells() for text in cell.reasons]
            return _first_of(reasons or ["see below"], 0)
        cell, change = max(changes, key=lambda pair: _size(pair[1]))
        told = f"{cell.name}, {change_text(change)}"
        whole = _whole(cell, change)
        return _first_of(
            [f"{told} (the whole inference {whole})" if whole else told], len(changes) - 1
        )

    def _cells(self) -> list[CellComparison]:
        return [cell for cell in self.cells.values() if cell.verdict == self.verdict]

    def verdict_of(self, pair: Pair) -> str | None:
        """Return the verdict of a pair, None if there is no previous run of it."""
        cell = self.cells.get(pair)
        return None if cell is None else cell.verdict

    def tone_of(self, pair: Pair, layer: str, measure: str) -> str:
        """Return the tone of a layer's change (INFERENCE for all): good, bad, or none."""
        cell = self.cells.get(pair)
        for change in () if cell is None else cell.layers:
            if (change.layer, change.measure) == (layer, measure):
                return {BETTER: "good", WORSE: "bad"}.get(change.verdict, "")
        return ""


def compared_with_previous(
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    previous: Mapping[Pair, RunData],
    profile: Tables | None = None,
) -> Versus | None:
    """Compare each pair of `previous` with this run; None without any, or if this is not complete.

    The rules are those of `qrig compare` without options.
    """
    if not previous or run.get("status") != "complete":
        return None
    found = list(_comparisons(rows, run, previous, profile))
    cells = {(cell.target, cell.network): cell for one in found for cell in one.cells}
    names = tuple(dict.fromkeys(name for one in found for name in one.base))
    return Versus(worst([one.verdict for one in found]), names, cells)


def _comparisons(
    rows: pd.DataFrame,
    run: Mapping[str, Any],
    previous: Mapping[Pair, RunData],
    profile: Tables | None,
) -> Iterator[RunsComparison]:
    """Yield a comparison for each previous run, of the pairs that it is the previous of."""
    name = str(run.get("run_id") or "this run")
    for base in dict.fromkeys(data.name for data in previous.values()):
        pairs = [pair for pair, data in previous.items() if data.name == base]
        mine = pd.concat([rows_of_pair(rows, pair) for pair in pairs])
        theirs = pd.concat([previous[pair].rows for pair in pairs])
        first = previous[pairs[0]]
        yield compare_data(
            [RunData(base, theirs, first.run, first.profile)],
            [RunData(name, mine, run, profile)],
            CompareOptions(),
        )


def _told(cell: CellComparison, verdict: str) -> list[LayerChange]:
    """Return the layers that make the verdict; the whole inference only if no layer does."""
    found = [one for one in cell.layers if one.verdict == verdict and one.matters]
    return [one for one in found if one.layer != INFERENCE] or found


def _whole(cell: CellComparison, change: LayerChange) -> str:
    """Say how much the whole inference changed in the measure of a layer's change."""
    found = [one for one in cell.layers if (one.layer, one.measure) == (INFERENCE, change.measure)]
    if change.layer == INFERENCE or not found or found[0].percent is None:
        return ""
    return f"{found[0].percent:+.2f} %"


def _size(change: LayerChange) -> float:
    """Return how much a layer changed; what is no percentage is the most."""
    return math.inf if change.percent is None else abs(change.percent)


def _first_of(texts: list[str], more: int) -> str:
    more += len(texts) - 1
    return texts[0].rstrip(".") + (f"; and {more} more" if more else "")
