"""Loops of a layer and call paths to its functions, of drawn and of random counts."""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from full_runs import FULL
from qrig.measure.profile_loops import Loop, call_paths, innermost_loops

Calls = dict[tuple[str, str], int]


@pytest.mark.parametrize(
    ("branches", "loops"),
    [
        ([], []),
        ([(8, 20)], [(8, 20)]),
        ([(8, 20), (20, 30)], [(8, 20), (20, 30)]),
        ([(8, 40), (10, 20), (24, 30)], [(10, 20), (24, 30)]),
        ([(8, 40), (10, 30), (12, 20)], [(12, 20)]),
        ([(8, 20), (8, 30)], [(8, 30)]),
        ([(8, 30), (10, 30)], [(10, 30)]),
        ([(8, 20), (8, 40), (10, 20)], [(10, 20)]),
        ([(8, 24), (16, 32)], [(8, 24), (16, 32)]),
        ([(8, 10)], [(8, 10)]),
    ],
    ids=str,
)
def test_loops_that_hold_no_other(
    branches: list[tuple[int, int]], loops: list[tuple[int, int]]
) -> None:
    found = innermost_loops(Counter(dict.fromkeys(branches, 5)))
    assert found == tuple(Loop(*each) for each in loops)


spans = st.tuples(st.integers(0, 20), st.integers(1, 10)).map(
    lambda pair: (2 * pair[0], 2 * (pair[0] + pair[1]))
)


@settings(max_examples=5000 if FULL else 300, deadline=None, derandomize=True)
@given(st.lists(spans, max_size=12))
def test_no_loop_holds_another_and_every_branch_back_holds_one(
    branches: list[tuple[int, int]],
) -> None:
    loops = innermost_loops(Counter(branches))
    starts = [loop.start for loop in loops]
    assert starts == sorted(set(starts))
    for loop in loops:
        assert loop.end == max(end for start, end in branches if start == loop.start)
        for other in loops:
            assert other == loop or not (loop.start <= other.start and other.end <= loop.end)
    for start, _ in branches:
        end = max(end for begin, end in branches if begin == start)
        assert any(start <= loop.start and loop.end <= end for loop in loops)


def paths(calls: Calls, *more: str) -> dict[tuple[str, ...], float]:
    functions = {name for pair in calls for name in pair} | set(more)
    return call_paths(functions, Counter(calls))


def test_what_nobody_calls_is_the_outermost() -> None:
    assert paths({}) == {}
    assert paths({}, "main") == {("main",): 1.0}
    assert paths({("main", "f"): 3, ("f", "g"): 9}) == {
        ("main",): 1.0,
        ("main", "f"): 1.0,
        ("main", "f", "g"): 1.0,
    }


def test_callers_outside_of_the_layer_do_not_count() -> None:
    calls = Counter({("harness", "f"): 5, ("f", "g"): 1, ("g", "elsewhere"): 1})
    assert call_paths({"f", "g"}, calls) == {("f",): 1.0, ("f", "g"): 1.0}


def test_several_callers_share_by_the_number_of_calls() -> None:
    found = paths({("main", "a"): 1, ("main", "b"): 1, ("a", "f"): 3, ("b", "f"): 1, ("f", "g"): 8})
    assert found["main", "a", "f"] == pytest.approx(0.75)
    assert found["main", "b", "f"] == pytest.approx(0.25)
    assert found["main", "a", "f", "g"] == pytest.approx(0.75)
    assert found["main", "b", "f", "g"] == pytest.approx(0.25)
    assert len(found) == 7


def test_shares_multiply_along_a_path() -> None:
    found = paths({
        ("main", "a"): 1, ("main", "b"): 3, ("a", "f"): 1, ("b", "f"): 1, ("f", "g"): 1,
        ("main", "g"): 3, ("x", "a"): 1,
    })  # fmt: skip
    assert found["x", "a", "f", "g"] == pytest.approx(0.25 * 0.5 * 0.5)
    assert found["main", "g"] == pytest.approx(0.75)


def test_recursion_is_cut_where_a_function_would_call_itself_again() -> None:
    assert paths({("main", "f"): 1, ("f", "f"): 99}) == {("main",): 1.0, ("main", "f"): 1.0}
    assert paths({("f", "f"): 1}) == {("f",): 1.0}
    found = paths({("main", "even"): 1, ("even", "odd"): 5, ("odd", "even"): 4})
    assert found["main", "even"] == pytest.approx(0.2)
    assert found["odd", "even"] == pytest.approx(0.8)
    assert found["main", "even", "odd"] == pytest.approx(1.0)


def test_a_long_chain_is_cut_and_keeps_its_shares() -> None:
    names = [f"f{number:03}" for number in range(200)]
    found = paths(dict.fromkeys(pairwise(names), 1))
    assert len(found) == 200
    assert set(found.values()) == {1.0}
    assert max(map(len, found)) <= 24


def check(functions: set[str], calls: Counter[tuple[str, str]]) -> None:
    found = call_paths(functions, calls)
    sums = dict.fromkeys(functions, 0.0)
    for path, share in found.items():
        assert len(set(path)) == len(path)
        assert set(path) <= functions
        assert 0 < share <= 1 + 1e-9
        for pair in pairwise(path):
            assert calls[pair] > 0
        sums[path[-1]] += share
    assert sums == pytest.approx(dict.fromkeys(functions, 1.0))


names = st.sampled_from("abcdefg")


@settings(max_examples=3000 if FULL else 300, deadline=None, derandomize=True)
@given(
    st.sets(names),
    st.dictionaries(st.tuples(names, names), st.integers(1, 1 << 40), max_size=20),
)
def test_the_shares_of_every_function_add_up_to_one(functions: set[str], calls: Calls) -> None:
    check(functions, Counter(calls))


@pytest.mark.parametrize("seed", range(5))
def test_layers_of_real_size_with_cycles_add_up(seed: int) -> None:
    """Sixty functions, most of which call ones further in, some back."""
    chance = random.Random(seed)
    names = [f"f{number:02}" for number in range(60)]
    calls: Counter[tuple[str, str]] = Counter()
    for caller in range(60):
        for _ in range(chance.choice((0, 1, 1, 2))):
            back = chance.random() < 0.1
            low, high = (0, caller) if back else (min(59, caller + 1), min(59, caller + 6))
            calls[names[caller], names[chance.randint(low, high)]] += chance.randint(1, 1000)
    check(set(names), calls)
