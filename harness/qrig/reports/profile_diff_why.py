"""Why a layer got slower or faster, as one sentence whose numbers add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from qrig.measure.profile_columns import MODELS
from qrig.reports.profile_cells import MEASURE_WORDS
from qrig.reports.profile_diff import FunctionDiff, LayerDiff, LoopDiff
from qrig.reports.profile_loop_bodies import OTHER
from qrig.reports.profile_views import per_text
from qrig.reports.tables import cell_text, printable

__all__ = ["layer_sentence", "loop_words", "percent_text"]

_MAX_NAMED: Final = 3
_LEAST_SHARE: Final = 0.05
_MIN_PER_ITERATION: Final = 0.005


@attrs.frozen
class _Part:
    """A part of a layer's change; `kind` says what it is summed up as if it is not named."""

    delta: float
    kind: str
    function: str
    words: str


def layer_sentence(layer: LayerDiff, measure: str) -> str:
    """Say by how much of `measure` a layer changed, in which loops and functions, and why.

    What is not named is summed up as other loops, outside loops and other functions.
    """
    change = layer.changes[measure]
    head = f"{printable(layer.layer)} {percent_text(change.percent)}".rstrip()
    if change.delta is None or change.before is None or change.after is None:
        return f"{head}: {MEASURE_WORDS[measure]} not known in both runs"
    numbers = f"{_count(change.before)} to {_count(change.after)} {MEASURE_WORDS[measure]}"
    parts = list(_parts(layer, measure))
    whole = sum(abs(part.delta) for part in parts)
    ranked = sorted(parts, key=lambda part: -abs(part.delta))
    named = [
        part
        for part in ranked[:_MAX_NAMED]
        if part.words and abs(part.delta) >= _LEAST_SHARE * whole
    ]
    texts = [f"{part.words} ({_signed(part.delta)})" for part in named]
    texts += _summed([part for part in parts if part not in named], named)
    return f"{head} ({numbers}): {'; '.join(texts) or 'no single cause'}"


def loop_words(loop: LoopDiff, measure: str) -> str:
    """Say what changed in a loop: iterations, instructions by class, stalls by cause."""
    name = printable(loop.function)
    where = f"{name} ({loop.place})" if loop.place else name
    if loop.before is None or loop.after is None:
        body = loop.after or loop.before
        state = "a new loop" if loop.before is None else "a loop that is gone"
        runs = loop.iterations.after or loop.iterations.before or 0
        cost = body.cost(measure) if body else None
        each = (
            "" if cost is None else f" of {per_text(cost / (runs or 1))} {MEASURE_WORDS[measure]}"
        )
        return f"{where}: {state}, {_plural(runs, 'iteration')}{each}"
    clauses = [*_iterations(loop), *_instructions(loop), *_stalls(loop, measure)]
    known = loop.effects[measure] or {}
    if not clauses or abs(known.get(OTHER, 0.0)) > _LEAST_SHARE * sum(map(abs, known.values())):
        clauses += _unexplained(loop, measure)
    return f"{where}: the loop {_joined(clauses)}" if clauses else f"{where}: the loop"


def percent_text(percent: float | None) -> str:
    """Write a change in percent with its sign, "" if it is not known."""
    if percent is None:
        return ""
    return f"{percent:+.2f} %" if abs(percent) < 1 else f"{percent:+,.1f} %"


def _parts(layer: LayerDiff, measure: str) -> Iterator[_Part]:
    """Take a layer's change apart; the parts that are known add up to it, with the last one."""
    rest = layer.changes[measure].delta or 0.0
    for function in layer.functions:
        for part in _function_parts(function, measure):
            rest -= part.delta
            if part.delta:
                yield part
    if abs(rest) > 1e-6:
        yield _Part(rest, "other functions", "", "")


def _function_parts(function: FunctionDiff, measure: str) -> Iterator[_Part]:
    """Take a function's change apart; one that a run lacks is one part."""
    delta, name = function.changes[measure].delta, printable(function.function)
    if delta is None:
        return
    if function.found != "both":
        state = "new in this layer" if function.found == "after" else "no longer in this layer"
        yield _Part(delta, "other functions", name, f"{name}: {state}")
        return
    rest = delta
    for loop in function.loops:
        change = loop.changes[measure].delta
        if change:
            rest -= change
            yield _Part(change, "other loops", name, loop_words(loop, measure))
    if abs(rest) > 1e-6:
        yield _Part(rest, "outside loops", name, f"{name} outside loops")


def _summed(parts: Sequence[_Part], named: Sequence[_Part]) -> list[str]:
    """Sum up what is not named: in the functions that are, and in others."""
    functions = {part.function for part in named}
    sums: dict[str, float] = {}
    for part in parts:
        kind = part.kind if part.function in functions else "other functions"
        sums[kind] = sums.get(kind, 0.0) + part.delta
    return [f"{kind} {_signed(delta)}" for kind, delta in sums.items() if abs(delta) >= 0.05]


def _iterations(loop: LoopDiff) -> Iterator[str]:
    was, now = loop.iterations.before, loop.iterations.after
    if was != now:
        yield f"runs {_plural(now or 0, 'iteration')} instead of {_count(was or 0)}"


def _instructions(loop: LoopDiff) -> Iterator[str]:
    """Say how many instructions an iteration gained or lost, by class."""
    classes = loop.classes()
    ranked = _worth_naming(classes)
    if not ranked:
        return
    change = sum(classes.values())
    listed = ", ".join(f"{_trimmed(count, sign=True)} {name}" for name, count in ranked)
    if abs(change) < _MIN_PER_ITERATION:
        yield f"runs other instructions an iteration ({listed})"
    else:
        noun = "instruction" if _trimmed(abs(change)) == "1" else "instructions"
        more = "more" if change > 0 else "fewer"
        yield f"runs {_trimmed(abs(change))} {more} {noun} an iteration ({listed})"


def _stalls(loop: LoopDiff, measure: str) -> Iterator[str]:
    """Say how much longer or shorter an iteration waits, by cause."""
    if measure not in MODELS:
        return
    texts: list[str] = []
    for cause, change in _worth_naming(loop.stalls(measure)):
        more = "more" if change > 0 else "less"
        noun = "" if texts else " cycle" if _trimmed(abs(change)) == "1" else " cycles"
        texts.append(f"{_trimmed(abs(change))}{noun} {more} on {printable(cause)}")
    if texts:
        yield f"stalls {_joined(texts)} an iteration"


def _worth_naming(changes: Mapping[str, float]) -> list[tuple[str, float]]:
    """Sort changes of an iteration, largest first, without those that are next to nothing."""
    ranked = sorted(changes.items(), key=lambda one: (-abs(one[1]), one[0]))
    largest = abs(ranked[0][1]) if ranked else 0.0
    least = max(_MIN_PER_ITERATION, _LEAST_SHARE * largest)
    return [one for one in ranked if abs(one[1]) >= least]


def _unexplained(loop: LoopDiff, measure: str) -> Iterator[str]:
    """Say what an iteration costs where no cause is known, if that changed."""
    if loop.before is None or loop.after is None:
        return
    was, now = loop.before.cost(measure), loop.after.cost(measure)
    if was is None or now is None:
        return
    each = per_text(was / loop.before.iterations), per_text(now / loop.after.iterations)
    if each[0] != each[1]:
        yield f"costs {each[1]} {MEASURE_WORDS[measure]} an iteration instead of {each[0]}"


def _joined(texts: Sequence[str]) -> str:
    """Join clauses as a sentence does."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _plural(count: float, noun: str) -> str:
    return f"{_count(count)} {noun}{'' if count == 1 else 's'}"


def _count(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else cell_text(value)


def _signed(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+,.1f}".removesuffix(".0")


def _trimmed(value: float, *, sign: bool = False) -> str:
    """Write a small number to two places without trailing zeros."""
    return (f"{value:+.2f}" if sign else f"{value:.2f}").rstrip("0").removesuffix(".")
