"""Two profiled runs compared: which layer got slower or faster, in which loop, and why.

The change of a layer is taken apart into functions, that of a function into its innermost loops,
that of a loop into causes. At every step the parts and what is left over ("other functions",
"outside loops", "other") add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from qrig.errors import UsageError
from qrig.reports.profile_cells import (
    MEASURES,
    CellProfile,
    Row,
    Tables,
    layer_key,
    split_cells,
    total,
)
from qrig.reports.profile_loop_bodies import LoopBody, effects
from qrig.reports.profile_match import Pair, match_functions, match_loops, match_names

__all__ = [
    "CellDiff",
    "Change",
    "FunctionDiff",
    "LayerDiff",
    "LoopDiff",
    "ProfileDiff",
    "diff_profiles",
]

THRESHOLD_PERCENT: Final = 0.05
"""A smaller change is none."""


@attrs.frozen
class Change:
    """A number before and after; None if it is not known."""

    before: float | None
    after: float | None

    @property
    def delta(self) -> float | None:
        """How much it grew; None if either is not known."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def percent(self) -> float | None:
        """How much it grew, in percent of what it was; None if that is not known or 0."""
        return None if self.delta is None or not self.before else 100 * self.delta / self.before

    def verdict(self, threshold_percent: float = THRESHOLD_PERCENT) -> str:
        """Call it `slower`, `faster`, `same` (below the threshold) or `unknown`."""
        if self.delta is None or self.before is None:
            return "unknown"
        if self.delta == 0 or abs(self.delta) * 100 < threshold_percent * abs(self.before):
            return "same"
        return "slower" if self.delta > 0 else "faster"


Changes = Mapping[str, Change]
Parts = Mapping[str, float | None]


@attrs.frozen(eq=False)
class LoopDiff:
    """A loop found in both runs, or in one: then `before` or `after` is None.

    `effects` holds for each measure the causes of its change, which add up to it.
    """

    function: str
    before: LoopBody | None
    after: LoopBody | None
    changes: Changes
    effects: Mapping[str, Mapping[str, float] | None]

    @property
    def place(self) -> str:
        """file:line of the newer one."""
        body = self.after or self.before
        return body.place if body else ""

    @property
    def iterations(self) -> Change:
        """How often it runs."""
        return Change(*(body.iterations if body else 0 for body in (self.before, self.after)))

    def classes(self) -> dict[str, float]:
        """Change of an iteration's instructions by class; of a loop found on both sides."""
        was, now = (body.classes() if body else {} for body in (self.before, self.after))
        return _differences(was, now)

    def stalls(self, model: str) -> dict[str, float]:
        """Change of an iteration's stalled cycles by cause; of a loop found on both sides."""
        was, now = (body.stalls(model) if body else {} for body in (self.before, self.after))
        return _differences(was, now)


@attrs.frozen(eq=False)
class FunctionDiff:
    """A function of a layer: its change, its loops, and what they leave over."""

    function: str
    found: str  # "both", "before" or "after"
    changes: Changes
    loops: Sequence[LoopDiff]
    outside_loops: Parts


@attrs.frozen(eq=False)
class LayerDiff:
    """A layer found in both runs: its change, its functions, and what they leave over.

    `measure` is what it is judged by: the one asked for, or the next that both runs know.
    """

    layer: str
    layer_index: int
    measure: str
    changes: Changes
    functions: Sequence[FunctionDiff]
    other_functions: Parts


@attrs.frozen(eq=False)
class CellDiff:
    """A network on a target found in both runs; the changes are of the whole network.

    Where a run does not know the cost of some layer, the change is that of the layers which both
    know, and `left_out` names the others. `measure` is what the verdict rests on: the one asked
    for, or the next that both runs know of any layer.
    """

    target: str
    network: str
    measure: str
    verdict: str
    changes: Changes
    left_out: Mapping[str, Sequence[str]]
    layers: Sequence[LayerDiff]
    layers_only_before: Sequence[str]
    layers_only_after: Sequence[str]


@attrs.frozen(eq=False)
class ProfileDiff:
    """What two profiled runs have in common and what changed; a cell is (target, network).

    `verdict` is `slower` if any network got slower, else `faster` if any got faster, else `same`.
    """

    verdict: str
    threshold_percent: float
    cells: Sequence[CellDiff]
    only_before: Sequence[tuple[str, str]]
    only_after: Sequence[tuple[str, str]]


def diff_profiles(
    before: Tables,
    after: Tables,
    measure: str = "m7",
    threshold_percent: float = THRESHOLD_PERCENT,
) -> ProfileDiff:
    """Compare two profiled runs; verdicts rest on `measure`, one of `MEASURES`.

    Where a run does not know it, the next known one is taken. Raises UsageError if the runs have no
    network on a target in common.
    """
    if measure not in MEASURES:
        raise UsageError(
            f"expected a measure ({', '.join(MEASURES)}), found {measure!r}; name one of these"
        )
    pairs = match_names(split_cells(before), split_cells(after), _name)
    cells = [
        _cell(old, new, measure, threshold_percent)
        for old, new in pairs
        if old is not None and new is not None
    ]
    only_before = [_name(old) for old, new in pairs if new is None and old is not None]
    only_after = [_name(new) for old, new in pairs if old is None and new is not None]
    if not cells:
        raise UsageError(
            "expected two profiles of one network on one target, found "
            f"{_listed(only_before)} and {_listed(only_after)}; compare profiles of the same "
            "network and target"
        )
    words = {cell.verdict for cell in cells}
    verdict = next((word for word in ("slower", "faster") if word in words), "same")
    return ProfileDiff(verdict, threshold_percent, cells, only_before, only_after)


def known_measure(changes: Changes, wanted: str) -> str:
    """Return `wanted`, or the first measure of which the change is known."""
    order = [wanted, *MEASURES]
    return next((name for name in order if changes[name].delta is not None), "instructions")


def _name(cell: CellProfile) -> tuple[str, str]:
    return cell.target, cell.network


def _listed(names: Iterable[tuple[str, str]]) -> str:
    """Name networks and targets in an error."""
    return ", ".join(f"{network!r} on {target!r}" for target, network in names) or "none"


def _differences(was: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """Subtract by name, without what stays the same."""
    names = [*now, *(name for name in was if name not in now)]
    found = {name: now.get(name, 0.0) - was.get(name, 0.0) for name in names}
    return {name: change for name, change in found.items() if abs(change) > 1e-9}


def _cell(old: CellProfile, new: CellProfile, wanted: str, threshold_percent: float) -> CellDiff:
    """Compare one network on one target."""
    pairs = match_names(old.layers, new.layers, lambda row: str(row["layer"]))
    sides = _Side.of(old), _Side.of(new)
    layers = [_layer(was, now, sides, wanted) for was, now in pairs if was and now]
    alone = [str((was or now or {})["layer"]) for was, now in pairs if not was or not now]
    changes: dict[str, Change] = {}
    left_out: dict[str, Sequence[str]] = {}
    for name in MEASURES:
        changes[name], left_out[name] = Change(old.whole(name), new.whole(name)), ()
        if changes[name].delta is None:
            changes[name], unknown = _known_part(layers, name)
            left_out[name] = [*unknown, *alone]
    measure = known_measure(changes, wanted)
    return CellDiff(
        target=new.target,
        network=new.network,
        measure=measure,
        verdict=changes[measure].verdict(threshold_percent),
        changes=changes,
        left_out=left_out,
        layers=layers,
        layers_only_before=[str(was["layer"]) for was, now in pairs if was and not now],
        layers_only_after=[str(now["layer"]) for was, now in pairs if now and not was],
    )


def _known_part(layers: Sequence[LayerDiff], measure: str) -> tuple[Change, list[str]]:
    """Sum the layers of which both runs know `measure`; name the others."""
    known = [one.changes[measure] for one in layers if one.changes[measure].delta is not None]
    unknown = [one.layer for one in layers if one.changes[measure].delta is None]
    if not known:
        return Change(None, None), unknown
    return Change(
        *(sum(getattr(one, end) for one in known) for end in ("before", "after"))
    ), unknown


@attrs.frozen(eq=False)
class _Side:
    """The functions and loops of one run's network by layer."""

    functions: Mapping[tuple[int, str], Mapping[str, Row]]
    loops: Mapping[tuple[int, str, str], Sequence[LoopBody]]

    @classmethod
    def of(cls, cell: CellProfile) -> _Side:
        """Sort the rows of `cell`."""
        functions: dict[tuple[int, str], dict[str, Row]] = {}
        for row in cell.functions:
            functions.setdefault(layer_key(row), {})[row["function"]] = row
        code: dict[tuple[int, str, str], list[Row]] = {}
        for row in sorted(cell.instructions, key=lambda row: int(row["address"])):
            code.setdefault((*layer_key(row), row["function"]), []).append(row)
        loops: dict[tuple[int, str, str], list[LoopBody]] = {}
        for row in sorted(cell.loops, key=lambda row: int(row["start"])):
            key = (*layer_key(row), row["function"])
            rows = code.get(key, ())
            inside = [one for one in rows if row["start"] <= one["address"] < row["end"]]
            loops.setdefault(key, []).append(LoopBody(row, inside))
        return cls(functions, loops)


def _layer(was: Row, now: Row, sides: tuple[_Side, _Side], wanted: str) -> LayerDiff:
    """Compare one layer."""
    keys = layer_key(was), layer_key(now)
    old, new = (side.functions.get(key, {}) for side, key in zip(sides, keys, strict=True))
    pairs = match_functions([*old], [*new])
    functions = [_function(pair, (old, new), keys, sides) for pair in pairs]
    changes = {name: Change(was[column], now[column]) for name, column in MEASURES.items()}
    measure = known_measure(changes, wanted)
    return LayerDiff(
        layer=str(now["layer"]),
        layer_index=int(now["layer_index"]),
        measure=measure,
        changes=changes,
        functions=functions,
        other_functions=_left_over(changes, [one.changes for one in functions]),
    )


def _function(
    pair: Pair[str],
    rows: tuple[Mapping[str, Row], Mapping[str, Row]],
    keys: tuple[tuple[int, str], tuple[int, str]],
    sides: tuple[_Side, _Side],
) -> FunctionDiff:
    """Compare one function of a layer; one that a run lacks costs it nothing."""
    both = [
        (mine.get(name) if name is not None else None)
        for mine, name in zip(rows, pair, strict=True)
    ]
    changes = {
        measure: Change(*(0.0 if row is None else row[column] for row in both))
        for measure, column in MEASURES.items()
    }
    bodies = [
        side.loops.get((*key, name), ()) if name is not None else ()
        for side, key, name in zip(sides, keys, pair, strict=True)
    ]
    name = pair[1] if pair[1] is not None else str(pair[0])
    loops = list(_loops(name, match_loops(*bodies)))
    found = "both" if None not in pair else "after" if pair[0] is None else "before"
    outside = _left_over(changes, [loop.changes for loop in loops])
    return FunctionDiff(name, found, changes, loops, outside)


def _loops(function: str, pairs: Iterable[Pair[LoopBody]]) -> Iterator[LoopDiff]:
    """Compare the loops of a function; one that a run lacks costs it nothing."""
    for old, new in pairs:
        changes = {
            measure: Change(*(0.0 if body is None else body.cost(measure) for body in (old, new)))
            for measure in MEASURES
        }
        why: dict[str, Mapping[str, float] | None] = dict.fromkeys(MEASURES)
        if old is not None and new is not None:
            why = {measure: effects(old, new, measure) for measure in MEASURES}
        yield LoopDiff(function, old, new, changes, why)


def _left_over(whole: Changes, parts: Sequence[Changes]) -> Parts:
    """Subtract the parts from the whole, for each measure; None if one of them is not known."""
    found: dict[str, float | None] = {}
    for measure in MEASURES:
        deltas = [{"delta": one[measure].delta} for one in parts]
        explained = total(deltas, "delta") if deltas else 0.0
        change = whole[measure].delta
        found[measure] = None if explained is None or change is None else change - explained
    return found
