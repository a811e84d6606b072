"""Loops and call paths of a layer, found in its counts."""

from __future__ import annotations

from collections import Counter

from attrs import frozen

_MAX_DEPTH = 24
_LEAST_SHARE = 1e-3


@frozen
class Loop:
    """A run of code that a branch at its end repeats: addresses of its start and behind its end."""

    start: int
    end: int


def innermost_loops(branches_back: Counter[tuple[int, int]]) -> tuple[Loop, ...]:
    """Return the loops that hold no other loop.

    `branches_back` counts taken branches by (target, address behind the branch). Branches to the
    same target are one loop, which reaches to the last of them.
    """
    ends: dict[int, int] = {}
    for start, end in branches_back:
        ends[start] = max(end, ends.get(start, 0))
    loops = [Loop(start, end) for start, end in sorted(ends.items())]
    return tuple(
        loop
        for loop in loops
        if not any(
            loop.start <= other.start and other.end <= loop.end for other in loops if other != loop
        )
    )


def call_paths(
    functions: set[str], entries: Counter[tuple[str, str]]
) -> dict[tuple[str, ...], float]:
    """Return every call path with its share of the last function's cost; a function's sum is 1.

    `entries` counts calls by (caller, called). What nobody in `functions` calls is the outermost; a
    function with several callers is shared out by the number of calls, as gprof does it. Recursion
    is cut where a function would call itself again, and a path that has less than a thousandth of
    its function where it got there: what lies further out is not told apart.
    """
    calls: dict[str, Counter[str]] = {name: Counter() for name in functions}
    for (caller, called), count in entries.items():
        if caller in functions and called in functions:
            calls[called][caller] += count
    paths: dict[tuple[str, ...], float] = {}
    for name in sorted(functions):
        for path, share in _paths_to(name, calls, (), 1.0):
            paths[path] = paths.get(path, 0.0) + share
    return paths


def _paths_to(
    name: str, calls: dict[str, Counter[str]], behind: tuple[str, ...], share: float
) -> list[tuple[tuple[str, ...], float]]:
    """Return the paths that end in `name` followed by `behind`, with shares that sum to `share`."""
    inner = (name, *behind)
    callers = {caller: n for caller, n in calls[name].items() if caller not in inner}
    total = sum(callers.values())
    if not total or len(inner) >= _MAX_DEPTH or share < _LEAST_SHARE:
        return [(inner, share)]
    return [
        found
        for caller, count in sorted(callers.items())
        for found in _paths_to(caller, calls, inner, share * count / total)
    ]
