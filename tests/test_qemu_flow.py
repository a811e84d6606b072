"""Edges that follow from counts of blocks are exact, or refused: random programs, walked by hand.

The programs and their walks are those of `random_programs.py`.
"""

from __future__ import annotations

import random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_checks import check
from full_runs import FULL
from qrig.backends.qemu_flow import WatchedEdge, edges_of_counts, edges_to_watch
from qrig.errors import UndeterminedProfileError
from random_programs import (
    EVENTS,
    FIRST_LAYER,
    MAIN,
    PAGE_BYTES,
    RARE,
    SIMPLE,
    Part,
    Run,
    assembled,
)

fills = st.sampled_from((0, 1, 1, 2, 3, 5, 60, 300))
choices = st.integers(0, 11)


def parts(kinds: tuple[str, ...], least: int = 1, most: int = 7) -> st.SearchStrategy[list[Part]]:
    part = st.builds(Part, fills, st.sampled_from(kinds), choices, choices)
    return st.lists(part, min_size=least, max_size=most)


@st.composite
def runs(draw: st.DrawFn, kinds: tuple[str, ...], main: tuple[str, ...] = MAIN) -> Run:
    """Draw a program and a walk through it."""
    functions = draw(st.lists(parts(kinds), min_size=1, max_size=4))
    first = [Part(1, "mark", 0, 0), *draw(parts(main, 1, 8))]
    marks = [Part(draw(fills), "fall", 0, 0), Part(draw(fills) + 1, "return", 0, 1)]
    start = 0x8000 + 2 * draw(st.integers(0, PAGE_BYTES // 2 - 1))
    firmware = assembled(start, [first, *functions, marks])
    run = Run(
        firmware, random.Random(draw(st.integers(0, 1 << 16))),
        draw(st.sampled_from((0, 100, 1000, 5000))), draw(st.booleans()),
    )  # fmt: skip
    run.walk()
    return run


many = settings(max_examples=1500 if FULL else 300, deadline=None, derandomize=True)


@many
@given(runs(SIMPLE, ("mark", "call", "if")))
def test_edges_of_calls_and_branches_are_exact_or_refused(run: Run) -> None:
    check(run)


@many
@given(runs(SIMPLE + RARE))
def test_edges_of_any_program_are_exact_or_refused(run: Run) -> None:
    check(run)


@pytest.mark.parametrize("kind", RARE)
def test_edges_around_what_is_rare_are_exact_or_refused(kind: str) -> None:
    @settings(max_examples=300 if FULL else 60, deadline=None, derandomize=True)
    @given(runs((*SIMPLE, kind, kind, kind)))
    def check_all(run: Run) -> None:
        check(run)

    check_all()


def fixed(*functions: list[Part], main: str = "call", seed: int = 1) -> Run:
    """A walk in which a layer calls the first function three times in all."""
    first = [Part(1, "mark", 0, 0), *[Part(1, main, 0, 0)] * 3, Part(1, "fall", 0, 0)]
    marks = [Part(0, "fall", 0, 0), Part(1, "return", 0, 1)]
    run = Run(assembled(0x8000, [first, *functions, marks]), random.Random(seed), 500, False)
    run.events = (FIRST_LAYER,)
    run.walk()
    return run


RETURN_PART = Part(1, "return", 0, 1)


def test_a_loop_follows_from_counts_alone() -> None:
    assert check(fixed([Part(1, "fall", 0, 0), Part(2, "if", 1, 1), RETURN_PART])) == 0


def test_a_loop_behind_a_check_whether_it_runs_needs_one_edge() -> None:
    guard, body = Part(1, "if", 2, 1), Part(2, "if", 1, 1)
    assert check(fixed([guard, body, RETURN_PART])) == 1


def test_a_loop_that_a_pointer_enters_is_not_taken_for_closed() -> None:
    """Nobody calls it by name: nothing else says that it can be entered."""
    run = fixed([Part(2, "if", 0, 1), RETURN_PART], main="by register")
    assert check(run) == 0


def test_a_case_far_behind_its_table_is_one_of_its_targets() -> None:
    far = [Part(1, "table", 0, 1), Part(2, "if", 1, 1), Part(900, "jump", 3, 0)]
    assert check(fixed([*far, Part(1, "if", 3, 1), RETURN_PART])) >= 0


@pytest.mark.parametrize("fill", range(500, 515))
def test_a_page_that_ends_within_an_it_block_keeps_its_condition(fill: int) -> None:
    """The end of the page is before, within and behind ITT, NOP, BXEQ LR."""
    pad = [Part(1, "cut", 0, 0)] * (fill - 499)
    run = fixed([Part(300, "fall", 0, 0), *pad, Part(0, "return if", 1, 1), RETURN_PART])
    check(run)


def test_counts_that_cannot_be_are_refused() -> None:
    run = fixed([RETURN_PART])
    layer = EVENTS.index(FIRST_LAYER)
    for place in range(len(run.raw()["phases"][layer]["executions"])):
        raw = run.raw()
        raw["phases"][layer]["executions"][place][1] += 1
        with pytest.raises(UndeterminedProfileError, match="take the profile once more"):
            edges_of_counts(raw, run.firmware.code)


def test_code_outside_of_the_firmware_is_refused() -> None:
    run = fixed([RETURN_PART])
    raw = run.raw()
    raw["blocks"].append([0x2000_0000, 4, 2])
    with pytest.raises(UndeterminedProfileError, match="0x20000000, outside of the firmware"):
        edges_of_counts(raw, run.firmware.code)


def test_an_edge_is_written_as_the_plugin_reads_it() -> None:
    assert WatchedEdge(0x8002, 0x8010, ()).argument() == "0x8002:0x8010"
    assert WatchedEdge(0x8002, 0x8010, (0x8000, 0x8020)).argument() == "0x8002:0x8010:0x8000+0x8020"


def test_a_count_that_may_hold_other_ways_is_not_used() -> None:
    """The edge was chosen in a run in which less of the program was known."""
    guard, body = Part(1, "if", 2, 1), Part(2, "if", 1, 1)
    run = fixed([guard, body, RETURN_PART])
    chosen = edges_to_watch(run.raw(), run.firmware.code)
    assert [edge for edge in chosen if edge.others]
    edges_of_counts(run.raw(chosen), run.firmware.code, chosen)
    blind = tuple(attrs.evolve(edge, others=()) for edge in chosen)
    with pytest.raises(UndeterminedProfileError):
        edges_of_counts(run.raw(blind), run.firmware.code, blind)
