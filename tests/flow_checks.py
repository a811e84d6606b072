"""Whether edges that follow from counts are those of a random program's walk, or refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

from qrig.backends.qemu_flow import WatchedEdge, edges_of_counts, edges_to_watch
from qrig.errors import UndeterminedProfileError
from random_programs import DONE, OPEN, OVERHEAD, START_UP, Op, Run


def check(run: Run) -> int:
    """Check that edges are exact or refused, and exact with what is watched; return what is."""
    raw = run.raw()
    watched: tuple[WatchedEdge, ...] = ()
    try:
        edges_of_counts(raw, run.firmware.code)
    except UndeterminedProfileError:
        watched = edges_to_watch(run.raw(), run.firmware.code)
        assert watched
        for edge in watched:
            counts = run.passages(edge)
            for event in range(OVERHEAD, DONE):
                true = run.true_edges(event, [edge.target])
                assert counts[event] == true[edge.last, edge.target]
        raw = run.raw(watched)
        edges_of_counts(raw, run.firmware.code, watched)
    for phase in raw["phases"]:
        check_phase(run, raw["blocks"], phase)
    return len(watched)


def check_phase(run: Run, blocks: list[list[int]], phase: dict[str, Any]) -> None:
    starts = [address for address, _, _ in blocks]
    true = run.true_edges(phase["event"], starts)
    if phase["event"] < OVERHEAD:
        executed: Counter[int] = Counter()
        for (_, target), count in true.items():
            executed[target] += count
        executed[run.firmware.main] += phase["event"] == START_UP
        assert all(source == -1 for source, _, _ in phase["edges"])
        assert {starts[target]: count for _, target, count in phase["edges"]} == +executed
        return
    ops = run.firmware.ops
    last = {}
    for address, size_bytes, count in blocks:
        at = address
        for _ in range(count):
            last[address], at = at, ops[at].end
        assert at == address + size_bytes
    found = Counter({(last[starts[s]], starts[t]): count for s, t, count in phase["edges"]})
    assert len(found) == len(phase["edges"])
    assert known(ops, found) == known(ops, true)
    for end in (0, 1):
        assert ends(found, end) == ends(true, end)


def known(ops: dict[int, Op], edges: Counter[tuple[int, int]]) -> Counter[tuple[int, int]]:
    """Return the edges that must be exact: all but where a register says where it goes."""
    return Counter(
        {
            (last, target): count
            for (last, target), count in edges.items()
            if ops[last].what not in OPEN or (ops[last].conditional and target == ops[last].end)
        }
    )


def ends(edges: Counter[tuple[int, int]], end: int) -> Counter[int]:
    """Return how often edges left (0) or reached (1) an address."""
    found: Counter[int] = Counter()
    for edge, count in edges.items():
        found[edge[end]] += count
    return found
