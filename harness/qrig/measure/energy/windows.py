"""Edges of the marker into windows: paired, counted, and rejected where an edge is in doubt.

A window lasts from a rising edge to the next falling one (a meter that sees one kind of edge alone
gets a pulse at either end: its edges pair up in turn). An edge must hold for 50 us, as EEMBC's
runner demands; what comes sooner is a bounce. Edges that are numbered tell which are missing. A
window whose edge bounces or is missing is rejected and keeps its place. If the number of windows is
not the expected one, which window is which is unknown, and all are rejected.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import attrs
from attrs import frozen

from qrig.measure.meters.meter import Mark

HOLD_S = 50e-6
"""How long the marker must stay where an edge has put it."""

_MAX_PLACES = 2_000_000


@frozen
class Window:
    """One window on the meter's clock; an edge that is missing is not a number.

    `rejected` says why it cannot be used, None if it can.
    """

    index: int
    start_s: float
    stop_s: float
    rejected: str | None = None

    @property
    def duration_s(self) -> float:
        """How long it is, on the meter's clock."""
        return self.stop_s - self.start_s


@frozen
class _Edge:
    """An edge that has settled: its level, None for a pulse, and what is wrong with it."""

    time_s: float
    level: bool | None
    doubt: str | None = None
    number: int | None = None


def find_windows(
    marks: Sequence[Mark], *, expected: int | None = None, hold_s: float = HOLD_S
) -> tuple[Window, ...]:
    """Return all windows in order, rejected ones among them.

    `expected` is how many there should be, None if any number will do.
    """
    edges, glitches = _settled(marks, hold_s)
    windows = _placed(edges) if _have_places(edges) else _paired(edges)
    windows = [_with_glitches(window, glitches, hold_s) for window in windows]
    if expected is not None and len(windows) != expected:
        reason = f"{expected} windows were expected and {len(windows)} found: which is which?"
        windows = [attrs.evolve(window, rejected=window.rejected or reason) for window in windows]
    return tuple(windows)


def _have_places(edges: Sequence[_Edge]) -> bool:
    """Whether each edge knows whether it begins or ends a window, and which."""
    return bool(edges) and (
        any(edge.level is None for edge in edges) or all(edge.number is not None for edge in edges)
    )


def _settled(
    marks: Sequence[Mark], hold_s: float
) -> tuple[list[_Edge], list[tuple[float, float, int]]]:
    """Return edges after which the level holds, and glitches: start, end, number of edges.

    Edges closer together than `hold_s` are one bounce. If their number is odd the level has changed
    in the end, and they count as one doubtful edge; if it is even, nothing has happened. What
    bounces took of the numbers is taken out of those behind them.
    """
    edges: list[_Edge] = []
    glitches: list[tuple[float, float, int]] = []
    group: list[Mark] = []
    extra = 0
    ordered = sorted(marks, key=lambda mark: mark.time_s)
    for mark, follower in itertools.zip_longest(ordered, ordered[1:]):
        group.append(mark)
        if follower is not None and follower.time_s - mark.time_s < hold_s:
            continue
        first, count = group[0], len(group)
        if count % 2 == 0 and mark.level is not None:
            glitches.append((first.time_s, mark.time_s, count))
            extra += count
        else:
            number = None if first.number is None else first.number - extra
            edges.append(_Edge(first.time_s, mark.level, _bounce(group), number))
            extra += count - 1
        group = []
    return edges, glitches


def _bounce(group: Sequence[Mark]) -> str | None:
    """Return what is wrong with an edge that took several marks."""
    if len(group) == 1:
        return None
    first_s, span_us = group[0].time_s, (group[-1].time_s - group[0].time_s) * 1e6
    return f"its edge at {first_s:.6f} s bounces: {len(group)} edges in {span_us:.0f} us"


def _placed(edges: Sequence[_Edge]) -> list[Window]:
    """Pair edges by their numbers, or pulses without numbers in turn."""
    first = edges[0]
    shift = 1 if first.level is False else 0  # the first edge of all ends a window
    places = {
        shift + (index if edge.number is None else edge.number - (first.number or 0)): edge
        for index, edge in enumerate(edges)
    }
    count = min(max(places), _MAX_PLACES) // 2 + 1
    return [
        _window(index, places.get(2 * index), places.get(2 * index + 1)) for index in range(count)
    ]


def _paired(edges: Sequence[_Edge]) -> list[Window]:
    """Pair rising and falling edges; where one is missing, so is half a window."""
    windows: list[Window] = []
    start: _Edge | None = None
    for edge in edges:
        if edge.level:
            if start is not None:
                windows.append(_window(len(windows), start, None))
            start = edge
        else:
            windows.append(_window(len(windows), start, edge))
            start = None
    if start is not None:
        windows.append(_window(len(windows), start, None))
    return windows


def _window(index: int, start: _Edge | None, stop: _Edge | None) -> Window:
    reason = None
    if start is None and stop is None:
        reason = "both its edges are missing"
    elif start is None:
        reason = "its first edge is missing"
    elif stop is None:
        reason = "its last edge is missing"
    else:
        reason = start.doubt or stop.doubt
        if start.level is False or stop.level is True:
            reason = "its edges have the wrong direction"
        elif start.time_s >= stop.time_s:
            reason = "its edges are in the wrong order"
    return Window(
        index,
        math.nan if start is None else start.time_s,
        math.nan if stop is None else stop.time_s,
        reason,
    )


def _with_glitches(
    window: Window, glitches: Sequence[tuple[float, float, int]], hold_s: float
) -> Window:
    """Reject a window that extra edges fall into, or touch."""
    if window.rejected is not None:
        return window
    for start_s, end_s, count in glitches:
        if start_s < window.stop_s + hold_s and end_s > window.start_s - hold_s:
            reason = f"{count} extra edges at {start_s:.6f} s, {(end_s - start_s) * 1e6:.0f} us"
            return attrs.evolve(window, rejected=reason)
    return window
