"""What in one profile is what in another: layers and functions by name, loops by line and code.

Addresses are no help: they differ between any two builds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from difflib import SequenceMatcher
from typing import Final, TypeAlias, TypeVar

from qrig.reports.profile_loop_bodies import LoopBody

__all__ = ["Pair", "match_functions", "match_loops", "match_names"]

_Thing = TypeVar("_Thing")
Pair: TypeAlias = tuple[_Thing | None, _Thing | None]

_CLONE: Final = re.compile(r"\.(?:isra|constprop|part|cold|lto_priv|localalias)(?:\.\d+)?")
_LINES: Final = 0.7
_CODE: Final = 0.7
_ITERATIONS: Final = 0.4
_LEAST_SCORE: Final = 0.7
_MAX_COMPARED: Final = 400


def match_names(
    before: Sequence[_Thing], after: Sequence[_Thing], name: Callable[[_Thing], Hashable]
) -> list[Pair[_Thing]]:
    """Pair things of one name, the first with the first; what is left stands alone.

    The order is that of `after`; what is only in `before` comes last.
    """
    waiting: dict[Hashable, list[_Thing]] = {}
    for thing in before:
        waiting.setdefault(name(thing), []).append(thing)
    pairs: list[Pair[_Thing]] = []
    for thing in after:
        same = waiting.get(name(thing))
        pairs.append((same.pop(0) if same else None, thing))
    return pairs + [(thing, None) for things in waiting.values() for thing in things]


def match_functions(before: Sequence[str], after: Sequence[str]) -> list[Pair[str]]:
    """Pair functions of one name, then those that differ only in a compiler's suffix for clones."""
    pairs = match_names(before, after, str)
    gone = [old for old, new in pairs if old is not None and new is None]
    made = [new for old, new in pairs if new is not None and old is None]
    again = match_names(gone, made, lambda name: _CLONE.sub("", name))
    return [pair for pair in pairs if None not in pair] + again


def match_loops(before: Sequence[LoopBody], after: Sequence[LoopBody]) -> list[Pair[LoopBody]]:
    """Pair the loops of a function: by source lines, code and iterations, best pair first.

    A pair that begins in the same line is taken whatever its code, another only if enough is alike:
    a compiler may begin a loop in any of its lines, and inlined ones are shared by many loops. If
    equally many are left on both sides, they are paired in the order of their addresses.
    """
    left, right = list(before), list(after)
    scores = [
        (_score(old, new), -abs(place - other), -place, -other)
        for place, old in enumerate(left[:_MAX_COMPARED])
        for other, new in enumerate(right[:_MAX_COMPARED])
    ]
    taken: dict[int, int] = {}
    used: set[int] = set()
    for score, _, place, other in sorted(scores, reverse=True):
        if score >= _LEAST_SCORE and -place not in taken and -other not in used:
            taken[-place] = -other
            used.add(-other)
    lone = [place for place in range(len(left)) if place not in taken]
    free = [other for other in range(len(right)) if other not in used]
    if len(lone) == len(free):
        taken.update(zip(lone, free, strict=True))
        lone, free = [], []
    pairs: list[Pair[LoopBody]] = [(left[place], right[taken[place]]) for place in sorted(taken)]
    return [
        *pairs,
        *((left[place], None) for place in lone),
        *((None, right[other]) for other in free),
    ]


def _score(old: LoopBody, new: LoopBody) -> float:
    """Say how much two loops are alike in lines, mnemonics and iterations."""
    lines, others = old.places, new.places
    shared = len(lines & others) / (len(lines | others) or 1)
    if old.place == new.place and ":" in old.place:
        shared = 1.0
    alike = SequenceMatcher(None, old.mnemonics, new.mnemonics, autojunk=False).ratio()
    least, most = sorted((old.iterations, new.iterations))
    return _LINES * shared + _CODE * alike * bool(old.code) + _ITERATIONS * least / most
