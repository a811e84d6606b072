"""Edges into windows: bouncing, missing, extra and unnumbered ones reject what they touch."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrig.measure.energy.windows import HOLD_S, Window, find_windows
from qrig.measure.meters.meter import Mark

US = 1e-6


def edges(*times: float, first: bool = True, number: int | None = None) -> list[Mark]:
    """Edges at these times with levels that alternate, numbered from `number` on."""
    return [
        Mark(time, first ^ bool(index % 2), None if number is None else number + index)
        for index, time in enumerate(times)
    ]


def pulses(*times: float, number: int | None = None) -> list[Mark]:
    return [
        Mark(time, None, None if number is None else number + k) for k, time in enumerate(times)
    ]


def reasons(windows: tuple[Window, ...]) -> list[str | None]:
    return [window.rejected for window in windows]


def test_rising_and_falling_edges_pair_up() -> None:
    windows = find_windows(edges(1, 2, 4, 4.5), expected=2)
    assert [(w.index, w.start_s, w.stop_s, w.rejected) for w in windows] == [
        (0, 1, 2, None),
        (1, 4, 4.5, None),
    ]
    assert [window.duration_s for window in windows] == [1, 0.5]


def test_pulses_pair_up_in_turn() -> None:
    windows = find_windows(pulses(1, 2, 4, 4.5, number=7), expected=2)
    assert [(w.start_s, w.stop_s, w.rejected) for w in windows] == [(1, 2, None), (4, 4.5, None)]


def test_without_edges_there_are_no_windows() -> None:
    assert find_windows([]) == ()
    assert find_windows([], expected=3) == ()


def test_the_hold_time_is_50_us() -> None:
    assert HOLD_S == 50e-6
    assert reasons(find_windows(edges(1, 1 + 51 * US))) == [None]
    assert find_windows(edges(1, 1 + 49 * US)) == ()  # a glitch, no window


@pytest.mark.parametrize("bounces", [1, 2, 5])
@pytest.mark.parametrize("place", [0, 1])
def test_an_edge_that_bounces_rejects_its_window_and_no_other(bounces: int, place: int) -> None:
    times = [1.0, 2.0, 4.0, 5.0]
    bounced = [times[2 + place] + k * 7 * US for k in range(2 * bounces + 1)]
    marks = edges(*sorted([*times[: 2 + place], *bounced, *times[3 + place :]]))
    windows = find_windows(marks, expected=2)
    assert windows[0].rejected is None
    assert windows[1].rejected == (
        f"its edge at {times[2 + place]:.6f} s bounces: {2 * bounces + 1} edges in "
        f"{14 * bounces} us"
    )


def test_extra_edges_within_a_window_reject_it() -> None:
    marks = edges(1, 1.5, 1.5 + 20 * US, 2, 4, 5)
    windows = find_windows(marks, expected=2)
    assert reasons(windows) == ["2 extra edges at 1.500000 s, 20 us", None]
    assert (windows[0].start_s, windows[0].stop_s) == (1, 2)


def test_a_spike_between_windows_rejects_nothing() -> None:
    assert reasons(find_windows(edges(1, 2, 3, 3 + 20 * US, 4, 5), expected=2)) == [None, None]


def test_a_spike_that_touches_a_window_rejects_it() -> None:
    touching = find_windows(edges(1, 2, 2 + 60 * US, 2 + 80 * US, 4, 5), expected=2)
    assert reasons(touching) == [None, None]
    glued = find_windows(edges(1, 2, 2 + 40 * US, 2 + 80 * US, 4, 5), expected=2)
    assert glued[0].rejected == "its edge at 2.000000 s bounces: 3 edges in 80 us"


def test_a_missing_last_edge_rejects_its_window() -> None:
    marks = [Mark(1, True), Mark(3, True), Mark(4, False)]
    windows = find_windows(marks, expected=2)
    assert reasons(windows) == ["its last edge is missing", None]
    assert math.isnan(windows[0].stop_s)


def test_a_missing_first_edge_rejects_its_window() -> None:
    windows = find_windows(edges(1, 2, 3, first=False), expected=2)
    assert reasons(windows) == ["its first edge is missing", None]
    windows = find_windows([Mark(1, True), Mark(2, False), Mark(4, False)], expected=2)
    assert reasons(windows) == [None, "its first edge is missing"]


def test_a_measurement_that_ends_within_a_window_rejects_it() -> None:
    assert reasons(find_windows(edges(1, 2, 3), expected=2)) == [None, "its last edge is missing"]


@pytest.mark.parametrize("expected", [1, 3, 14])
def test_the_wrong_number_of_windows_rejects_all(expected: int) -> None:
    windows = find_windows(edges(1, 2, 4, 5), expected=expected)
    assert (
        reasons(windows) == [f"{expected} windows were expected and 2 found: which is which?"] * 2
    )


@pytest.mark.parametrize("kind", [edges, pulses])
@pytest.mark.parametrize("lost", [1, 2, 3, 4])
def test_numbers_tell_which_edge_is_missing(kind: object, lost: int) -> None:
    marks = kind(1, 2, 3, 4, 5, 6, number=40)  # type: ignore[operator]
    del marks[lost]
    windows = find_windows(marks, expected=3)
    missing = ["its first edge is missing", "its last edge is missing"][lost % 2]
    expected: list[str | None] = [None, None, None]
    expected[lost // 2] = missing
    assert reasons(windows) == expected
    assert [window.index for window in windows] == [0, 1, 2]


def test_numbers_tell_of_whole_windows_that_are_missing() -> None:
    marks = edges(1, 2, 3, 4, 5, 6, number=0)
    windows = find_windows([*marks[:2], *marks[4:]], expected=3)
    assert reasons(windows) == [None, "both its edges are missing", None]
    assert windows[2].start_s == 5


def test_a_bounce_uses_numbers_up_and_does_not_shift_windows() -> None:
    times = (1, 2, 2 + 5 * US, 2 + 9 * US, 4, 5, 7, 7 + 10 * US, 8, 9)
    windows = find_windows(edges(*times, number=0), expected=3)
    assert windows[0].rejected == "its edge at 2.000000 s bounces: 3 edges in 9 us"
    assert [(w.start_s, w.stop_s) for w in windows] == [(1, 2), (4, 5), (8, 9)]
    assert reasons(windows)[1:] == [None, None]


def test_edges_of_the_wrong_direction_are_noticed() -> None:
    marks = [Mark(1, True, 0), Mark(2, False, 1), Mark(3, False, 2), Mark(4, True, 3)]
    assert reasons(find_windows(marks)) == [None, "its edges have the wrong direction"]


@given(
    st.lists(st.tuples(st.floats(1e-4, 1), st.floats(1e-4, 1)), min_size=1, max_size=40),
    st.booleans(),
)
def test_clean_edges_make_exactly_the_windows_they_mark(
    spans: list[tuple[float, float]], numbered: bool
) -> None:
    times, moment = [], 0.0
    for gap, length in spans:
        times += [moment + gap, moment + gap + length]
        moment = times[-1]
    windows = find_windows(edges(*times, number=3 if numbered else None), expected=len(spans))
    assert [(w.start_s, w.stop_s) for w in windows] == list(
        zip(times[::2], times[1::2], strict=True)
    )
    assert reasons(windows) == [None] * len(spans)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 10), st.sampled_from([True, False, None]), st.integers(-5, 50) | st.none()
        ),
        max_size=30,
    )
)
def test_no_edges_make_it_stumble_or_invent_windows(
    raw: list[tuple[float, bool | None, int | None]],
) -> None:
    windows = find_windows([Mark(*each) for each in raw])
    for index, window in enumerate(windows):
        assert window.index == index
        if window.rejected is None:
            assert window.duration_s > 0
