"""Every filter that is offered against a plain convolution, in exact integers modulo 2^32."""

import itertools
import re

import numpy as np
import pytest

from qrig.codegen.fast.expressions import Value, output_values, transform_values
from qrig.codegen.fast.toom import MAX_POINTS, Filter, make_filter

WORD = 1 << 32
OFFERED = [
    pytest.param(points - taps + 1, taps, scaled, id=f"F({points - taps + 1},{taps})-{scaled}")
    for points in (1, 2, 4, 6, 8)
    for taps in range(1, points + 1)
    for scaled in (True, False)
]
every_filter = pytest.mark.parametrize(("outputs", "taps", "scaled"), OFFERED)


def computed(filter_: Filter, data: list[int], weights: list[int]) -> list[int]:
    """Return the outputs as a kernel computes them, times 2^shift, modulo 2^32."""
    products = [
        sum(b * d for b, d in zip(data_row, data, strict=True))
        * sum(g * w for g, w in zip(weight_row, weights, strict=True))
        for data_row, weight_row in zip(filter_.data, filter_.weights, strict=True)
    ]
    return [
        sum(a * product for a, product in zip(row, products, strict=True)) * inverse % WORD
        for row, inverse in zip(filter_.outputs, filter_.inverses, strict=True)
    ]


def plain(filter_: Filter, data: list[int], weights: list[int]) -> list[int]:
    """Return the same by the definition of a convolution."""
    return [
        (sum(data[i + k] * weight for k, weight in enumerate(weights)) << filter_.shifts[i]) % WORD
        for i in range(filter_.output_count)
    ]


def units(count: int) -> list[list[int]]:
    return [[int(i == j) for i in range(count)] for j in range(count)]


@every_filter
def test_a_filter_is_a_convolution_for_all_integers(outputs: int, taps: int, scaled: bool) -> None:
    """Both sides are linear in data and in weights: equal for all units is equal for all."""
    filter_ = make_filter(outputs, taps, scaled=scaled)
    for data, weights in itertools.product(units(filter_.points), units(taps)):
        assert computed(filter_, data, weights) == plain(filter_, data, weights)


@every_filter
def test_extreme_inputs(outputs: int, taps: int, scaled: bool) -> None:
    filter_ = make_filter(outputs, taps, scaled=scaled)
    numbers = np.random.default_rng(1)
    extremes = np.array([-128, 127])
    for _ in range(50):
        data = numbers.choice(extremes, filter_.points).tolist()
        weights = numbers.choice(extremes, taps).tolist()
        assert computed(filter_, data, weights) == plain(filter_, data, weights)


@every_filter
@pytest.mark.parametrize(("low", "high"), [(-128, 127), (0, 127)])
def test_the_bound_of_data_is_reached_and_never_exceeded(
    outputs: int, taps: int, scaled: bool, low: int, high: int
) -> None:
    filter_ = make_filter(outputs, taps, scaled=scaled)
    corners = np.array(list(itertools.product((low, high), repeat=filter_.points)))
    largest = np.abs(corners @ np.array(filter_.data).T).max()
    assert filter_.data_bound(low, high) == largest
    assert filter_.data_bound(-128, 127) <= 32767


@every_filter
def test_the_bound_of_weights(outputs: int, taps: int, scaled: bool) -> None:
    filter_ = make_filter(outputs, taps, scaled=scaled)
    corners = np.array(list(itertools.product((-128, 127), repeat=taps)), np.int64)
    transformed = filter_.transform_weights(corners)
    assert transformed.shape == (len(corners), filter_.points)
    assert 127 * filter_.weight_bound <= 128 * np.abs(transformed).max()
    assert np.abs(transformed).max() <= filter_.weight_bound


@every_filter
def test_shapes_shifts_and_inverses(outputs: int, taps: int, scaled: bool) -> None:
    filter_ = make_filter(outputs, taps, scaled=scaled)
    n = outputs + taps - 1
    assert (filter_.points, filter_.output_count, filter_.taps) == (n, outputs, taps)
    assert [len(row) for row in filter_.data] == [n] * n
    assert [len(row) for row in filter_.weights] == [taps] * n
    assert [len(row) for row in filter_.outputs] == [n] * outputs
    assert all(inverse % 2 == 1 and 0 < inverse < WORD for inverse in filter_.inverses)
    assert all(0 <= shift <= 5 for shift in filter_.shifts)


def evaluated(values: tuple[Value, ...], texts: list[str], names: dict[str, int]) -> list[int]:
    """Return what C expressions of unsigned words are worth."""
    known = dict(names)
    for value in values:
        known[value.name] = _worth(value.text, known)
    return [_worth(text, known) for text in texts]


def _worth(text: str, known: dict[str, int]) -> int:
    assert re.fullmatch(r"[\w+*() -]+", text)
    return int(eval(re.sub(r"\b(\d+)u\b", r"\1", text), {}, known)) % WORD  # noqa: S307


@every_filter
def test_c_expressions_are_the_matrices(outputs: int, taps: int, scaled: bool) -> None:
    filter_ = make_filter(outputs, taps, scaled=scaled)
    numbers = np.random.default_rng(2)
    words = [int(word) for word in numbers.integers(0, WORD, filter_.points)]
    values, texts = transform_values(filter_)
    found = evaluated(values, list(texts), {f"d{i}": word for i, word in enumerate(words)})
    wanted = [sum(b * d for b, d in zip(row, words, strict=True)) % WORD for row in filter_.data]
    assert found == wanted
    values, texts = output_values(filter_)
    found = evaluated(values, list(texts), {f"m{i}": word for i, word in enumerate(words)})
    wanted = [sum(a * m for a, m in zip(row, words, strict=True)) % WORD for row in filter_.outputs]
    assert found == wanted


@pytest.mark.parametrize(
    ("outputs", "taps"), [(0, 3), (3, 0), (1, 3), (2, 2), (3, 7), (9, 1), (1, 9), (5, 5)]
)
def test_filters_that_are_not_offered(outputs: int, taps: int) -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_POINTS} points"):
        make_filter(outputs, taps)
