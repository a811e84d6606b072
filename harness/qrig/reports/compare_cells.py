"""One network on one target compared: stamps first, then bits, then every measure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from attrs import define, field, frozen

from qrig.measure.gate import Promise
from qrig.reports.compare_bits import BITS, bit_changes, first_changed_output
from qrig.reports.compare_measures import (
    EXACT_MEASURES,
    STATISTICAL_MEASURES,
    Sides,
    count_of_tests,
    exact_changes,
    noisy_changes,
)
from qrig.reports.compare_result import (
    BETTER,
    NO_BASELINE,
    SAME,
    TOO_FEW,
    TOO_NOISY,
    WORSE,
    CellComparison,
    LayerChange,
    StampDifference,
    measure_text,
)
from qrig.reports.compare_stamps import differences, stamps_of
from qrig.reports.compare_why import explained, profile_difference
from qrig.reports.index_cells import is_of_kind
from qrig.reports.profile_cells import Tables

__all__ = ["CellInput", "Rules", "compare_cell", "tests_of"]

_SIZES = ("flash_bytes", "ram_bytes")


@frozen(eq=False)
class CellInput:
    """What both sides know of a network on a target.

    `base` and `new` are the run.json of each run, `profiles` the tables of one profiled run of each
    side. `fused` are layers counted together with others; `complete` says whether every run has
    this network on this target.
    """

    target: str
    network: str
    core: str
    sides: Sides
    base: Sequence[Mapping[str, Any]] = field(repr=False)
    new: Sequence[Mapping[str, Any]] = field(repr=False)
    profiles: tuple[Tables | None, Tables | None] = field(repr=False)
    fused: Mapping[str, str]
    complete: bool


@frozen
class Rules:
    """How to compare: as `CompareOptions`, with what the gate has to know.

    `tests` is the number of judgements of noisy numbers in the whole comparison.
    """

    promise: Promise
    tests: int
    allow: frozenset[str]
    threshold_percent: float
    measures: frozenset[str]


@define
class _Findings:
    """What has been found so far."""

    changes: list[LayerChange] = field(factory=list)
    reasons: list[str] = field(factory=list)
    notes: list[str] = field(factory=list)


def tests_of(cell: CellInput, measures: Collection[str]) -> int:
    """Return how many judgements of noisy numbers the comparison of `cell` makes."""
    wanted = [name for name in STATISTICAL_MEASURES if not measures or name in measures]
    return sum(count_of_tests(cell.sides, name) for name in wanted if all(cell.sides.has(name)))


def compare_cell(cell: CellInput, rules: Rules) -> CellComparison:
    """Compare a network on a target."""
    stamps = [
        [stamp for run in runs for stamp in stamps_of(run, cell.target, cell.network)]
        for runs in (cell.base, cell.new)
    ]
    unlike = differences(stamps[0], stamps[1], rules.allow)
    refused = list(_refusals(cell, stamps, unlike))
    if refused:
        return _comparison(cell, NO_BASELINE, _Findings(reasons=refused), unlike)
    found = _Findings(notes=list(_notes(cell)))
    found.changes += bit_changes(cell.sides)
    for name in _measures(cell.sides):
        if not rules.measures or name in rules.measures:
            _compare_measure(cell.sides, name, rules, found)
    found.reasons += _unresolved(found.changes)
    if not any(change.measure != BITS for change in found.changes) and not found.reasons:
        found.reasons.append("there is nothing that both counted")
    difference = profile_difference(*cell.profiles, cell.target, cell.network)
    kernels = _kernels(stamps[1])
    found.changes = [explained(one, cell.core, difference, kernels) for one in found.changes]
    return _comparison(cell, _verdict(found), found, unlike)


def _compare_measure(sides: Sides, measure: str, rules: Rules, found: _Findings) -> None:
    """Compare in one measure, and add what comes of it to `found`."""
    base, new = sides.has(measure)
    if not (base and new):
        only = f"{measure_text(measure)}: only in the {'base' if base else 'new'} run"
        found.notes.append(only)
        return
    problem = _problem(sides, measure, rules.allow)
    if problem is not None:
        found.reasons.append(f"{measure_text(measure)}: {problem}")
        return
    if measure in EXACT_MEASURES:
        changes = list(exact_changes(sides, measure, rules.threshold_percent))
    else:
        changes = list(noisy_changes(sides, measure, rules.promise, rules.tests))
    found.changes += changes
    if not changes:
        found.reasons.append(f"{measure_text(measure)}: no layer of an input in common")


def _measures(sides: Sides) -> list[str]:
    """Return the measures that any side has."""
    return [name for name in (*EXACT_MEASURES, *STATISTICAL_MEASURES) if any(sides.has(name))]


def _refusals(
    cell: CellInput,
    stamps: Sequence[Sequence[Mapping[str, Any]]],
    unlike: Sequence[StampDifference],
) -> Iterator[str]:
    """Yield why nothing of this cell can be compared."""
    if not cell.base:
        yield "the base does not have it"
        return
    if not cell.complete:
        yield "not all runs have it"
    for side, found in zip(("base", "new"), stamps, strict=True):
        if not found:
            yield f"the {side} run does not say what its numbers depend on (no stamp)"
    refused = [one for one in unlike if not one.allowed]
    yield from (str(one) for one in refused)
    if any(one.key == "network_sha256" for one in refused):
        layer = first_changed_output(cell.sides)
        if layer is not None:
            yield f"the first layer whose output differs is {layer}"


def _problem(sides: Sides, measure: str, allow: Collection[str]) -> str | None:
    """Say why a measure that both sides have cannot be compared; None if it can."""
    lonely = sides.lonely_layers(measure)
    if lonely:
        return f"not all runs have it of {', '.join(lonely)}"
    if measure == "energy_uj" and "energy_source" not in allow:
        meters = [_meters(rows) for rows in (*sides.base, *sides.new)]
        if any(one != meters[0] for one in meters):
            names = " and ".join(sorted(set().union(*meters)))
            return f"measured with other meters ({names}); --allow energy_source compares them"
    return None


def _meters(rows: pd.DataFrame) -> frozenset[str]:
    found = rows.loc[rows["energy_uj"].notna(), "energy_source"].dropna().astype(str).unique()
    return frozenset(name for name in found if not name.startswith("replay:"))


def _notes(cell: CellInput) -> Iterator[str]:
    """Yield what else there is to know."""
    for layer, owner in cell.fused.items():
        yield f"{layer} is computed with {owner} in some runs, and counted with it"
    for rows in (*cell.sides.base, *cell.sides.new):
        if bool(rows["energy_source"].fillna("").str.startswith("replay:").any()):
            yield "energy from a recording is never compared"
            return


def _unresolved(changes: Sequence[LayerChange]) -> list[str]:
    """Say once for each measure what could not be told, where it matters."""
    found: dict[str, str] = {}
    for change in changes:
        if change.verdict == TOO_FEW and change.matters:
            found.setdefault(change.measure, f"{measure_text(change.measure)}: {change.reason}")
    return list(found.values())


def _verdict(found: _Findings) -> str:
    verdicts = {change.verdict for change in found.changes if change.matters}
    if WORSE in verdicts:
        return WORSE
    if found.reasons or TOO_NOISY in verdicts or TOO_FEW in verdicts:
        return NO_BASELINE
    return BETTER if BETTER in verdicts else SAME


def _comparison(
    cell: CellInput, verdict: str, found: _Findings, unlike: Sequence[StampDifference]
) -> CellComparison:
    return CellComparison(
        *(cell.target, cell.network, cell.core, verdict),
        layers=tuple(found.changes),
        reasons=tuple(found.reasons),
        notes=tuple(found.notes),
        differences=tuple(unlike),
        sizes={
            name: (_size(cell, cell.base, name), _size(cell, cell.new, name)) for name in _SIZES
        },
    )


def _size(cell: CellInput, runs: Sequence[Mapping[str, Any]], name: str) -> int | None:
    """Return what the deployment takes of a memory; None if no run says."""
    names = {"target": cell.target, "network": cell.network}
    for run in runs:
        found = run.get("footprints")
        for entry in found if isinstance(found, list) else ():
            if isinstance(entry, dict) and entry.items() >= names.items():
                value = entry.get(name)
                return value if is_of_kind(value, "Int64") else None
    return None


def _kernels(stamps: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the kernel of each layer, as far as the stamps name it."""
    prefix = "kernel_choices."
    return {
        key.removeprefix(prefix): str(value)
        for stamp in stamps
        for key, value in stamp.items()
        if key.startswith(prefix)
    }
