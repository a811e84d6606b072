"""The quantiser: what it may choose, what it finds, and what it never does."""

import itertools
from collections.abc import Callable

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from float_networks import branches, chain, images_for
from qrig.datasets.image_set import ImageSet
from qrig.errors import FileFormatError, InputError, UnsupportedNetworkError
from qrig.fixedpoint.convert import quantize_array, quantize_network
from qrig.fixedpoint.formats import Formats
from qrig.networks.graph import Convolution, Network
from qrig.quantize import choose_formats, fraction_bits
from qrig.quantize.arm import arm_formats
from qrig.quantize.assignment import (
    MAX_CHOSEN_SHIFT,
    Assignment,
    formats_of,
    is_free,
    nearest_bias,
    ranged_bias,
)
from qrig.quantize.by_layer import format_text, judge_layers, saturated_share, sqnr_db
from qrig.quantize.calibration import Calibration, calibrate
from qrig.quantize.judgement import judge, paired_difference, wilson
from qrig.quantize.magnitudes import WEIGHTED
from qrig.quantize.search import search_formats
from qrig.runs.quantize import METHODS, quantize


def labelled(network: Network, count: int = 40) -> ImageSet:
    images = images_for(network, count)
    answers = calibrate(network, images).logits.argmax(axis=1).astype(np.int64)
    return ImageSet("made", images, answers, network.input.channel_order)


def replaced(network: Network, name: str, **changes: object) -> Network:
    layers = tuple(
        attrs.evolve(layer, **changes) if layer.name == name else layer  # type: ignore[arg-type]
        for layer in network.layers
    )
    return attrs.evolve(network, layers=layers)


def shifts(formats: Formats) -> list[int]:
    return [
        shift
        for entry in formats.layers.values()
        for shift in (entry.bias_shift, entry.output_shift)
        if shift is not None
    ]


WEIGHTS = np.array([-31.63, -6.54, 0.45, 0.90, 31], np.float32)


def test_the_example_of_the_post() -> None:
    bits = fraction_bits(float(np.abs(WEIGHTS).max()))
    assert format_text(bits) == "Q5.2"
    assert quantize_array(WEIGHTS, bits).tolist() == [-127, -26, 2, 4, 124]
    outlier = fraction_bits(200.0)
    assert format_text(outlier) == "Q8.-1"


@pytest.mark.parametrize("make", [chain, branches])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_choice_makes_shifts_that_kernels_have(
    make: Callable[..., Network], data: st.DataObject
) -> None:
    network = make()
    bits = st.integers(-8, 16)
    free = ["data", *(layer.name for layer in network.layers if is_free(layer))]
    weighted = [layer.name for layer in network.layers if isinstance(layer, WEIGHTED)]
    chosen = Assignment(
        {name: data.draw(bits) for name in free}, {name: data.draw(bits) for name in weighted}
    )
    for rule in (nearest_bias, ranged_bias):
        formats = formats_of(network, chosen, rule)
        assert all(0 <= shift <= MAX_CHOSEN_SHIFT for shift in shifts(formats))
        quantized = quantize_network(network, formats)
        assert [layer.name for layer in quantized.layers] == [one.name for one in network.layers]


@pytest.mark.parametrize("make", [chain, branches])
@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_the_search_loses_no_more_than_the_ranges(
    make: Callable[..., Network], spread: float
) -> None:
    network = make(5, spread=spread)
    found = quantize(network, labelled(network), methods=("search", "minmax"))
    search, minmax = (one.chosen_on for one in found)
    assert search.logits_error <= minmax.logits_error
    assert search.float_accuracy.percent == 100.0


def test_an_outlier_does_not_spoil_a_layer() -> None:
    network = chain(2)
    layer = network.layers[0]
    assert isinstance(layer, Convolution)
    weights = layer.weights.copy()
    weights[0, 0, 0, 0] = 60.0
    spoilt = replaced(network, layer.name, weights=weights)
    found = quantize(spoilt, labelled(spoilt), methods=("search", "minmax"))
    by_ranges = found[1].formats.layers[layer.name].weight_fraction_bits
    searched = found[0].formats.layers[layer.name].weight_fraction_bits
    assert by_ranges == 1
    assert searched is not None
    assert searched >= by_ranges
    search, minmax = (one.chosen_on for one in found)
    assert search.fixed_accuracy.percent > minmax.fixed_accuracy.percent


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "changes",
    [
        {"bias": np.zeros(4, np.float32)},
        {"weights": np.zeros((4, 3, 3, 2), np.float32)},
        {"weights": np.zeros((4, 3, 3, 2), np.float32), "bias": np.zeros(4, np.float32)},
        {"bias": np.full(4, 1e-7, np.float32)},
        {"bias": np.full(4, 1e4, np.float32)},
        {"weights": np.full((4, 3, 3, 2), 1e-9, np.float32)},
    ],
    ids=["no bias", "no weights", "neither", "tiny bias", "huge bias", "tiny weights"],
)
def test_what_stopped_the_original(method: str, changes: dict[str, object]) -> None:
    """Zero ranges, missing biases and two inner products; shifts are never negative."""
    network = replaced(chain(4), "conv0", **changes)
    (found,) = quantize(network, labelled(network, 12), methods=(method,))
    assert all(0 <= shift <= MAX_CHOSEN_SHIFT for shift in shifts(found.formats))
    assert np.isfinite(found.chosen_on.logits_error)


def test_a_bias_is_kept_where_a_format_keeps_it() -> None:
    """Coarse inputs make accumulators too coarse for a small bias, unless weights get finer."""
    network = chain(6, spread=0.02)
    layer = network.layers[5]
    assert isinstance(layer, Convolution)
    small = replaced(network, layer.name, bias=np.full_like(layer.bias, 2.0**-12))
    images = labelled(small)
    formats = choose_formats(small, list(images.images))
    entry = formats.layers[layer.name]
    assert entry.weight_fraction_bits is not None
    calibration = calibrate(small, images.images, images.labels)
    found = quantize_network(small, search_formats(calibration))
    made = next(one for one in found.layers if one.name == layer.name)
    assert made.bias.any()  # type: ignore[attr-defined]  # a convolution


def test_tables_get_inputs_they_can_read() -> None:
    network = branches(7, spread=4.0)  # ranges far beyond what a table takes
    for method in ("search", "minmax"):
        (found,) = quantize(network, labelled(network), methods=(method,))
        bits = {stage.name: stage.fraction_bits for stage in found.quantized.stages}
        for layer in found.quantized.layers:
            if layer.type in ("sigmoid", "tanh"):
                assert 4 <= bits[layer.inputs[0]] <= 7
                assert layer.fraction_bits == 7


def test_tolerance_ends_the_search_early() -> None:
    network = chain(8)
    images = labelled(network)
    calibration = calibrate(network, images.images, images.labels)

    def steps(tolerance: float | None) -> int:
        count = 0

        def progress(what: str, done: int, total: int) -> None:
            nonlocal count
            count += what == "search"

        search_formats(calibration, tolerance=tolerance, progress=progress)
        return count

    assert steps(100.0) == 1
    assert steps(None) > 10


def test_the_same_images_give_the_same_formats() -> None:
    network = branches(9)
    images = labelled(network)
    one, other = (quantize(network, images)[0].formats for _ in range(2))
    assert one.layers == other.layers


def test_arms_method_is_for_chains() -> None:
    network = branches()
    with pytest.raises(UnsupportedNetworkError, match=r"expected one chain .* use --method search"):
        quantize(network, labelled(network, 4), methods=("arm",))


def test_arms_method_copies_the_format_before_an_average() -> None:
    network = chain(3)
    calibration = calibrate(network, images_for(network, 16))
    formats = arm_formats(calibration)
    assert {name for name in formats.layers if name.startswith("pool")} == {"pool1", "pool6"}
    bits = {name: entry.activation_fraction_bits for name, entry in formats.layers.items()}
    assert bits["pool6"] == bits["conv5"]
    assert bits["pool1"] == bits["relu2"] == bits["conv0"]


def test_images_that_cannot_be() -> None:
    network = chain()
    images = images_for(network, 3)
    with pytest.raises(InputError, match="expected images to choose formats with, found none"):
        calibrate(network, images[:0])
    with pytest.raises(InputError, match="expected uint8 pixels of shape 12x10x2"):
        calibrate(network, images[:, :5])
    with pytest.raises(InputError, match=r"image 1: expected a class of 0 to 4, .* found 5"):
        calibrate(network, images, np.array([0, 5, 1]))
    with pytest.raises(InputError, match="expected a class for each of 3 images, found 2"):
        calibrate(network, images, np.array([0, 1]))
    broken = replaced(network, "conv0", bias=np.full(4, np.inf, np.float32))
    with pytest.raises(FileFormatError, match="'conv0': expected finite values"):
        calibrate(broken, images)


def test_judgements_are_plain_statistics() -> None:
    found = wilson(90, 100)  # 82.6 to 94.5 in the literature's tables
    assert (round(found.low, 1), round(found.high, 1)) == (82.6, 94.5)
    right = np.arange(1000) < 900
    other = right.copy()
    other[:10] = False
    other[990:995] = True
    middle, low, high = paired_difference(right, other)
    assert middle == pytest.approx(-0.5)
    assert low < -1.0 < 0.3 < high < 0.4
    values = np.array([0.5, -0.5, 3.0, -1.0], np.float32)
    assert saturated_share(values, 7) == 25.0
    integers = quantize_array(values, 5)
    assert sqnr_db(integers, 5, values) == 200.0
    assert sqnr_db(integers, 4, values) == pytest.approx(0.0, abs=1e-9)


def test_every_layer_is_judged() -> None:
    network = chain(1)
    images = labelled(network)
    calibration: Calibration = calibrate(network, images.images, images.labels)
    formats = search_formats(calibration)
    quantized = quantize_network(network, formats)
    rows = judge_layers(calibration, quantized)
    assert [row.name for row in rows] == ["data", *(layer.name for layer in network.layers[:-1])]
    assert rows[0].accuracy_before == calibration.float_accuracy
    for before, after in itertools.pairwise(rows):
        assert after.accuracy_before == before.accuracy_after
    assert rows[-1].accuracy_after == judge(calibration, quantized).fixed_accuracy.percent
    for row in rows:
        assert row.smallest <= row.largest
        assert (row.weight_format is not None) == row.name.startswith(("conv", "dw", "ip"))
