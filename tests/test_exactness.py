"""The proof behind sliding kernels: what it takes is exact to the bit, what overflows is refused.

Transformed data times transformed weights is simulated as the kernels compute it, with the
generator's own matrices and packed weights, and compared with the plain convolution.
"""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from fast_layers import Integers, convolution, lanes_of
from property_runs import tried
from qrig.codegen.fast.sliding import SlidingConvolution, best_rows, make_sliding, prove_exact
from qrig.codegen.fast.toom import Filter, make_filter
from qrig.fixedpoint.quantized import QuantizedConvolution
from qrig.networks.graph import Pair, Shape

FILTERS = [(points - taps + 1, taps) for points in (1, 2, 4, 6, 8) for taps in range(1, points + 1)]


def unpacked(made: SlidingConvolution) -> Integers:
    """Return the transformed weights (out, point, ky, channel) as a kernel reads them."""
    layer, taps = made.layer, made.layer.kernel.y
    out, channels = layer.out_shape.c, layer.in_shape.c
    low, high = lanes_of(made.packed_weights().reshape(out, made.filter.points, -1))
    found = np.zeros((out, made.filter.points, taps, channels), np.int64)
    for pair in range(made.pairs):
        words = slice(pair * taps, (pair + 1) * taps)
        found[..., 2 * pair], found[..., 2 * pair + 1] = low[..., words], high[..., words]
    if made.odd:
        first = made.pairs * taps
        found[..., ::2, -1] = low[..., first:]
        found[..., 1::2, -1] = high[..., first : first + taps // 2]
    return found


def windows(layer: QuantizedConvolution, x: Integers, columns: int) -> Integers:
    """Return x padded, at least `columns` wide, as (out y, ky, column, channel)."""
    (height, width, _), pad = x.shape, layer.pad
    right = max(0, columns - width - pad.x)
    padded = np.pad(x, ((pad.y, pad.y), (pad.x, right), (0, 0)))
    rows = height + 2 * pad.y - layer.kernel.y + 1
    return np.stack([padded[y : y + layer.kernel.y] for y in range(rows)])


def simulated(made: SlidingConvolution, x: Integers) -> Integers:
    """Return the outputs as the kernels compute them: 16-bit lanes, sums that wrap at 32 bits."""
    layer, filter_ = made.layer, made.filter
    inside = windows(layer, x, (made.tiles - 1) * filter_.output_count + filter_.points)
    weights, tiles = unpacked(made), []
    for tile in range(made.tiles):
        first = tile * filter_.output_count
        piece = inside[:, :, first : first + filter_.points]
        data = np.einsum("tj,ykjc->ytkc", np.array(filter_.data, np.int64), piece)
        assert np.abs(data).max() <= 32767
        products = np.einsum("otkc,ytkc->yto", weights, data).astype(np.uint64)
        rows = zip(filter_.outputs, filter_.inverses, filter_.shifts, strict=True)
        for row, inverse, shift in rows:
            sums = np.einsum("t,yto->yo", np.array(row, np.int64).astype(np.uint64), products)
            starts = made.starts.astype(np.uint64) << np.uint64(shift)
            word = (sums * np.uint64(inverse) + starts).astype(np.uint32).view(np.int32)
            tiles.append(np.clip(word >> (shift + layer.output_shift), -128, 127))
    return np.stack(tiles, axis=1)[:, : layer.out_shape.w].astype(np.int64)


def accumulated(made: SlidingConvolution, x: Integers) -> Integers:
    """Return the sums of the plain convolution, with bias and rounding, as integers that grow."""
    layer = made.layer
    inside = windows(layer, x, layer.out_shape.w + layer.kernel.x - 1)
    weights = layer.weights.astype(np.int64)
    columns = [
        np.einsum("okjc,ykjc->yo", weights, inside[:, :, i : i + layer.kernel.x])
        for i in range(layer.out_shape.w)
    ]
    found: Integers = np.stack(columns, axis=1) + made.starts
    return found


def plain(made: SlidingConvolution, x: Integers) -> Integers:
    """Return the outputs of the plain convolution."""
    found: Integers = np.clip(accumulated(made, x) >> made.layer.output_shift, -128, 127)
    return found


def overflows(made: SlidingConvolution, low: int, high: int) -> bool:
    """Whether a lane or a sum can leave its bits for inputs between `low` and `high`."""
    layer, filter_ = made.layer, made.filter
    transformed = np.einsum("tj,okjc->otkc", np.array(filter_.weights), layer.weights.astype(int))
    corners = np.array(list(itertools.product((low, high), repeat=filter_.points)))
    data = corners @ np.array(filter_.data).T
    ends = [weight * layer.weights.astype(np.int64) for weight in (low, high)]
    reaches = [
        choose(*ends).reshape(layer.out_shape.c, -1).sum(axis=1) + made.starts
        for choose in (np.maximum, np.minimum)
    ]
    shift = max(filter_.shifts)
    far = int(np.abs(reaches).max()) << shift >= 1 << 31 or shift + layer.output_shift > 31
    return far or bool(np.abs(transformed).max() > 32767 or np.abs(data).max() > 32767)


def extreme_inputs(made: SlidingConvolution, low: int, high: int) -> list[Integers]:
    """Return inputs that push every channel's sums as far as they go, both ways, and others."""
    layer = made.layer
    image = layer.in_shape
    found: list[Integers] = [np.full(image, low), np.full(image, high)]
    for weights in layer.weights[:3].astype(np.int64):
        for up, down in ((low, high), (high, low)):
            window = np.where(weights > 0, up, down)
            repeats = [-(-a // b) for a, b in zip(image[:2], window.shape[:2], strict=True)]
            found.append(np.tile(window, (*repeats, 1))[: image.h, : image.w])
    found.append(np.indices(image).sum(axis=0) % 2 * (high - low) + low)
    return [each.astype(np.int64) for each in found]


WEIGHTS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Integers]] = {
    "all -128": lambda _, shape: np.full(shape, -128),
    "all 127": lambda _, shape: np.full(shape, 127),
    "alternating": lambda _, shape: np.where(np.indices(shape).sum(axis=0) % 2, 127, -128),
    "alternating along x": lambda _, shape: np.where(np.indices(shape)[2] % 2, -128, 127),
    "extremes": lambda numbers, shape: numbers.choice([-128, 127], shape),
    "random": lambda numbers, shape: numbers.integers(-128, 128, shape),
    "small": lambda numbers, shape: numbers.integers(-1, 2, shape),
}


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[QuantizedConvolution, int]:
    """Return a convolution and the outputs of a tile."""
    outputs, taps = draw(st.sampled_from(FILTERS))
    kernel = Pair(draw(st.integers(1, 6)), taps)
    pad = Pair(draw(st.integers(0, kernel.y - 1)), draw(st.integers(0, kernel.x - 1)))
    channels, out = draw(st.integers(1, 7)), draw(st.integers(1, 3))
    height, width = (k + draw(st.integers(0, 5)) for k in kernel)
    image = Shape(height, width, channels)
    numbers = np.random.default_rng(draw(st.integers(0, 999)))
    make = WEIGHTS[draw(st.sampled_from(list(WEIGHTS)))]
    bias = draw(st.sampled_from([-128, -1, 0, 1, 127])) * np.ones(out, np.int64)
    shifts = draw(st.integers(0, 31)), draw(st.integers(0, 31))
    layer = convolution(
        image, out, kernel, pad=pad, weights=make(numbers, (out, *kernel, channels)), bias=bias,
        shifts=shifts,
    )  # fmt: skip
    return layer, outputs


@tried(200)
@given(convolutions(), st.booleans(), st.booleans())
def test_what_is_taken_is_exact(
    found: tuple[QuantizedConvolution, int], positive: bool, truncate: bool
) -> None:
    layer, outputs = found
    made = make_sliding(layer, outputs, positive=positive, truncate=truncate)
    event("taken" if isinstance(made, SlidingConvolution) else "refused")
    if not isinstance(made, SlidingConvolution):
        return
    for x in extreme_inputs(made, 0 if positive else -128, 127):
        assert np.abs(accumulated(made, x)).max() < 1 << 31
        np.testing.assert_array_equal(simulated(made, x), plain(made, x))


@tried(200)
@given(convolutions(), st.booleans(), st.booleans(), st.booleans())
def test_what_overflows_is_refused_and_nothing_else(
    found: tuple[QuantizedConvolution, int], scaled: bool, positive: bool, truncate: bool
) -> None:
    layer, outputs = found
    filter_ = make_filter(outputs, layer.kernel.x, scaled=scaled)
    rows = best_rows(layer, filter_.points)
    made = SlidingConvolution(layer, filter_, rows, 1, truncate)
    low = 0 if positive else -128
    reason = prove_exact(made, low, 127)
    event("taken" if reason is None else "refused")
    assert (reason is not None) == overflows(made, low, 127), reason


def reaching(filter_: Filter, furthest: int, *, upwards: bool) -> SlidingConvolution:
    """Return a convolution whose sums go as far as `furthest` one way, and less far the other."""
    bias_shift = furthest.bit_length() - 8
    rest = furthest - (126 << bias_shift)
    # inputs of 127 for one sign of weights and -128 for the other: 127 * many + 128 * few
    few = rest % 127
    many = (rest - 128 * few) // 127
    sign = 1 if upwards else -1
    weights = [sign * 127] * (many // 127) + [sign * (many % 127)]
    weights += [-sign * few]
    weights += [0] * (-len(weights) % filter_.taps)
    layer = convolution(
        Shape(1, filter_.points, len(weights) // filter_.taps),
        1,
        Pair(1, filter_.taps),
        weights=np.reshape(weights, (1, 1, filter_.taps, -1)),
        bias=np.array([126 * sign]),
        shifts=(bias_shift, 0),
    )
    return SlidingConvolution(layer, filter_, 1, 1)


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize(
    ("outputs", "taps"), [(1, 1), (2, 1), (2, 3), (4, 3), (6, 3), (4, 5), (1, 8)]
)
def test_just_inside_and_just_outside_of_32_bits(
    outputs: int, taps: int, scaled: bool, upwards: bool
) -> None:
    filter_ = make_filter(outputs, taps, scaled=scaled)
    limit = (1 << 31) >> max(filter_.shifts)
    inside = reaching(filter_, limit - 1, upwards=upwards)
    sums = [accumulated(inside, x) for x in extreme_inputs(inside, -128, 127)]
    assert max(np.abs(each).max() for each in sums) == limit - 1
    assert prove_exact(inside, -128, 127) is None
    for x in extreme_inputs(inside, -128, 127):
        np.testing.assert_array_equal(simulated(inside, x), plain(inside, x))
    outside = reaching(filter_, limit, upwards=upwards)
    assert "over 32 bits" in str(prove_exact(outside, -128, 127))


@pytest.mark.parametrize(("outputs", "taps"), FILTERS)
def test_the_output_shift_leaves_room_for_the_filters_shift(outputs: int, taps: int) -> None:
    room = 31 - min(
        max(make_filter(outputs, taps, scaled=scaled).shifts) for scaled in (True, False)
    )
    for shift in range(room, min(32, room + 2)):
        layer = convolution(Shape(1, outputs + taps - 1, 2), 1, Pair(1, taps), shifts=(0, shift))
        made = make_sliding(layer, outputs, positive=False)
        assert isinstance(made, SlidingConvolution) == (shift == room)


@pytest.mark.parametrize("value", [-128, 127])
@pytest.mark.parametrize(("outputs", "taps"), FILTERS)
def test_lanes_of_the_largest_weights(outputs: int, taps: int, value: int) -> None:
    weights = np.full((1, 1, taps, 2), value)
    layer = convolution(Shape(1, outputs + taps - 1, 2), 1, Pair(1, taps), weights=weights)
    made = make_sliding(layer, outputs, positive=False)
    if isinstance(made, SlidingConvolution):
        matrix = np.array(made.filter.weights, np.int64)
        assert np.abs(value * matrix.sum(axis=1)).max() <= 32767
        assert np.abs(unpacked(made)).max() <= 32767
    else:
        assert "over 16 bits" in made
