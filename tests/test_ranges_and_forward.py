"""The float pass against scalar sums, the range rule at its edges, and both on real networks."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from property_runs import tried
from qrig.datasets import read_image, read_samples
from qrig.errors import FileFormatError, InputError, UnsupportedNetworkError
from qrig.fixedpoint import LayerFormat, read_formats
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.formats import formats_document, formats_from_json
from qrig.fixedpoint.quantized import QuantizedDepthwiseConvolution
from qrig.networks.caffe import build_network, read_mean, read_prototxt, read_weights
from qrig.networks.forward import forward
from qrig.networks.graph import (
    Convolution,
    DepthwiseConvolution,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    Network,
    Pair,
    Pooling,
    ReLU,
    Shape,
    Softmax,
)
from qrig.quantize import choose_formats, fraction_bits
from qrig.quantize.ranges import MAX_CHOSEN_SHIFT, activation_magnitudes
from qrig.reference import run_reference
from qrig.resources import models_root
from random_float_networks import any_float_network
from real_models import MODELS, requires_models
from slow_float import Tensor, slow_forward


def mixed_network() -> Network:
    """One layer of every kind; no extent of a tensor, kernel or stride equals its neighbour."""
    numbers = np.random.default_rng(3)

    def floats(*shape: int) -> FloatArray:
        return numbers.normal(size=shape).astype(np.float32)

    image, mapped, pooled, averaged = Shape(6, 7, 2), Shape(3, 6, 3), Shape(2, 3, 3), Shape(1, 2, 3)
    none, vector, filtered = Pair(0, 0), Shape(1, 1, 4), Shape(2, 6, 3)
    layers: tuple[Layer, ...] = (
        Convolution(
            "conv", ("data",), image, mapped, Pair(3, 2), Pair(2, 1), Pair(1, 0),
            floats(3, 3, 2, 2), floats(3),
        ),
        ReLU("relu", ("conv",), mapped, mapped),
        DepthwiseConvolution(
            "depth", ("relu",), mapped, filtered, Pair(2, 3), Pair(1, 1), Pair(0, 1),
            floats(2, 3, 3), floats(3),
        ),
        Pooling("max", ("depth",), filtered, pooled, "max", Pair(2, 2), Pair(2, 2), Pair(1, 0)),
        Pooling("mean", ("max",), pooled, averaged, "average", Pair(2, 2), Pair(1, 2), none),
        InnerProduct("ip", ("mean",), averaged, vector, floats(4, 6), floats(4)),
        Softmax("softmax", ("ip",), vector, vector),
    )  # fmt: skip
    source = Input("data", image, "rgb", np.array([100.5, 20], np.float32), 0.0625)
    return Network("mixed", source, layers)


@pytest.mark.parametrize("seed", range(5))
def test_every_tensor_equals_the_scalar_sums(seed: int) -> None:
    network = mixed_network()
    pixels = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    tensors = forward(network, pixels)
    assert list(tensors) == ["data", *(layer.name for layer in network.layers)]
    assert_equal(tensors, slow_forward(network, pixels))


@tried(30)
@given(seed=st.integers(0, 1 << 32))
def test_branches_groups_and_normalisations_equal_the_scalar_sums(seed: int) -> None:
    network = any_float_network(seed)
    pixels = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    assert_equal(forward(network, pixels), slow_forward(network, pixels))


def assert_equal(tensors: dict[str, FloatArray], expected: dict[str, Tensor]) -> None:
    assert list(tensors) == list(expected)
    for name, values in expected.items():
        assert tensors[name].dtype == np.float32
        flat = [values[at[0], at[1], at[2]] for at in np.ndindex(*tensors[name].shape)]
        assert len(flat) == len(values)
        scale = max(map(abs, flat), default=1)
        np.testing.assert_allclose(
            tensors[name].ravel(), flat, rtol=1e-4, atol=1e-5 * max(1, scale), err_msg=name
        )


def test_windows_of_a_rounded_up_shape_are_clipped() -> None:
    image, pooled = Shape(3, 3, 1), Shape(2, 2, 1)
    pool = Pooling("p", ("data",), image, pooled, "average", Pair(2, 2), Pair(2, 2), Pair(0, 0))
    pixels = np.arange(1, 10, dtype=np.uint8).reshape(image)
    tensors = forward(Network("pool", Input("data", image, "gray"), (pool,)), pixels)
    assert tensors["p"].ravel().tolist() == [3.0, 4.5, 7.5, 9.0]


def test_a_mean_image_is_subtracted_pixel_by_pixel() -> None:
    network = mixed_network()
    mean = np.arange(84, dtype=np.float32).reshape(6, 7, 2)
    source = evolve(network.input, mean=mean, scale=0.5)
    tensors = forward(evolve(network, input=source), np.full((6, 7, 2), 84, np.uint8))
    assert np.array_equal(tensors["data"], (84 - mean) / 2)


@pytest.mark.parametrize(
    "pixels", [np.zeros((7, 6, 2), np.uint8), np.zeros((6, 7, 2), np.int8)], ids=["shape", "type"]
)
def test_other_pixels_are_refused(pixels: Any) -> None:
    with pytest.raises(InputError, match="expected uint8 pixels of shape 6x7x2, found"):
        forward(mixed_network(), pixels)


def test_a_layer_without_a_float_form_is_named() -> None:
    shape = Shape(1, 1, 1)
    network = Network("new", Input("data", shape), (Layer("odd", ("data",), shape, shape),))
    with pytest.raises(UnsupportedNetworkError, match="odd"):
        forward(network, np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("magnitude", "bits"),
    [
        (0.0, 7),
        (1.0, 7),
        (np.nextafter(np.float32(1), np.float32(2)), 6),
        (np.nextafter(np.float32(1), np.float32(0)), 7),
        (0.5, 8),
        (0.51, 7),
        (2.0, 6),
        (127.5, 0),
        (128.0, 0),
        (128.5, -1),
        (3 * 2.0**-12, 17),
        (1e-40, 64),
    ],
)
def test_a_range_gets_the_fewest_integer_bits_that_hold_it(magnitude: float, bits: int) -> None:
    assert fraction_bits(float(magnitude)) == bits


@pytest.mark.parametrize("magnitude", [math.inf, math.nan])
def test_a_range_that_is_not_finite_is_refused(magnitude: float) -> None:
    with pytest.raises(FileFormatError, match="finite"):
        fraction_bits(magnitude)


def inner_product(weight: float, bias: float) -> Network:
    """Pixel / 256 of one grey pixel, times `weight`, plus `bias`."""
    shape = Shape(1, 1, 1)
    layer = InnerProduct(
        "ip", ("data",), shape, shape, np.array([[weight]], np.float32), np.array([bias], "f4")
    )
    return Network("line", Input("data", shape, "gray", None, 2.0**-8), (layer,))


def chosen(weight: float, bias: float, pixel: int = 128) -> LayerFormat:
    """The formats of the inner product for one input, `pixel / 256`."""
    pixels = np.full((1, 1, 1), pixel, np.uint8)
    return choose_formats(inner_product(weight, bias), [pixels]).layers["ip"]


def test_formats_follow_from_the_ranges() -> None:
    # Input 0.5: 8 bits. Weight 3: 5 bits. Bias -0.3: 8 bits. Output 1.2: 6 bits.
    assert chosen(3.0, -0.3) == LayerFormat(5, 8, 6, bias_shift=5, output_shift=7)


def test_a_bias_of_zeros_gets_seven_bits() -> None:
    assert chosen(3.0, 0.0) == LayerFormat(5, 7, 6, bias_shift=6, output_shift=7)


def test_a_bias_finer_than_the_accumulator_is_capped() -> None:
    # Weight 100: 0 bits, accumulator 8 bits; a bias of 0.001 alone would have 16.
    assert chosen(100.0, 0.001) == LayerFormat(0, 8, 1, bias_shift=0, output_shift=7)


def test_an_output_finer_than_the_accumulator_is_capped() -> None:
    # 100 * 0.5 - 50 + 2^-10: the output alone would have 17 bits, the bias 1.
    assert chosen(100.0, -50 + 2.0**-10) == LayerFormat(0, 1, 8, bias_shift=7, output_shift=0)


def test_a_weight_too_fine_for_the_accumulator_is_capped() -> None:
    # Weight 2^-30 alone would have 37 bits; a bias of 1 would then need a shift of 38.
    assert chosen(2.0**-30, 1.0) == LayerFormat(22, 7, 7, bias_shift=23, output_shift=23)
    network = inner_product(2.0**-30, 1.0)
    pixels = [np.full((1, 1, 1), 255, np.uint8)]
    quantized = quantize_network(network, choose_formats(network, pixels))
    assert run_reference(quantized, pixels[0]).logits.tolist() == [127]


def test_a_bias_of_zeros_does_not_limit_small_weights() -> None:
    assert chosen(2.0**-30, 0.0) == LayerFormat(37, 22, 38, bias_shift=23, output_shift=7)


@pytest.mark.parametrize("weight", [2.0**-40, 1e-3, 0.7, 1.0, 300.0, 1e6])
@pytest.mark.parametrize("bias", [0.0, 2.0**-40, 1e-3, -1.0, 300.0])
@pytest.mark.parametrize("pixel", [0, 1, 255])
def test_whatever_is_chosen_can_be_quantised(weight: float, bias: float, pixel: int) -> None:
    network = inner_product(weight, bias)
    pixels = [np.full((1, 1, 1), pixel, np.uint8)]
    formats = choose_formats(network, pixels)
    entry, source = formats.layers["ip"], formats.layers["data"]
    assert entry.bias_shift in range(MAX_CHOSEN_SHIFT + 1)
    assert entry.output_shift in range(MAX_CHOSEN_SHIFT + 1)
    x_step, w_step, b_step, y_step = (
        2.0 ** -(bits or 0)
        for bits in (
            source.activation_fraction_bits,
            entry.weight_fraction_bits,
            entry.bias_fraction_bits,
            entry.activation_fraction_bits,
        )
    )
    x = pixel / 256
    found = run_reference(quantize_network(network, formats), pixels[0]).logits[0] * y_step
    # Every operand is within one step of its value (a range's own bound is clipped by one), the
    # result within one more and its rounding: nothing wraps, nothing is clipped further.
    bound = x * w_step + weight * x_step + x_step * w_step + b_step + 1.5 * y_step
    assert abs(found - (weight * x + bias)) <= bound


def test_a_depthwise_convolution_in_fixed_point_follows_its_float_form() -> None:
    numbers = np.random.default_rng(4)
    image, mapped = Shape(6, 5, 3), Shape(3, 6, 3)
    layer = DepthwiseConvolution(
        "depth", ("data",), image, mapped, Pair(3, 2), Pair(2, 1), Pair(1, 1),
        numbers.normal(size=(3, 2, 3)).astype(np.float32), numbers.normal(size=3).astype("f4"),
    )  # fmt: skip
    network = Network("depth", Input("data", image, "rgb", None, 2.0**-8), (layer,))
    pixels = numbers.integers(0, 256, image, dtype=np.uint8)
    formats = choose_formats(network, [pixels])
    entry = formats.layers["depth"]
    quantized = quantize_network(network, formats)
    (found,) = quantized.layers
    assert isinstance(found, QuantizedDepthwiseConvolution)
    assert found.weights.shape == (3, 2, 3)
    assert (found.bias_shift, found.output_shift) == (entry.bias_shift, entry.output_shift)
    assert found.mac == 3 * 6 * 3 * 3 * 2
    w_step, b_step, y_step = (
        2.0 ** -(bits or 0)
        for bits in (
            entry.weight_fraction_bits, entry.bias_fraction_bits, entry.activation_fraction_bits,
        )
    )  # fmt: skip
    exact = forward(network, pixels)["depth"]
    fixed = run_reference(quantized, pixels).tensors[-1] * y_step
    # Six pixels of at most 1, each with half a step of its weight and of the input.
    x_step = 2.0**-quantized.input.fraction_bits
    bound = 6 * (w_step + x_step * np.abs(layer.weights).max()) / 2 + b_step / 2 + y_step
    assert np.abs(fixed - exact).max() <= bound


def test_layers_without_weights_keep_the_format_of_their_input() -> None:
    network = mixed_network()
    numbers = np.random.default_rng(9)
    inputs = [numbers.integers(0, 256, network.input.shape, dtype=np.uint8) for _ in range(4)]
    formats = choose_formats(network, inputs)
    entries = formats.layers
    assert list(entries) == ["data", "conv", "relu", "depth", "max", "mean", "ip", "softmax"]
    for name, source in (("relu", "conv"), ("max", "depth"), ("mean", "depth")):
        assert entries[name] == LayerFormat(
            activation_fraction_bits=entries[source].activation_fraction_bits
        )
    assert entries["softmax"] == LayerFormat(activation_fraction_bits=7)
    for name in ("conv", "depth"):
        largest = max(float(np.abs(forward(network, pixels)[name]).max()) for pixels in inputs)
        assert entries[name].activation_fraction_bits == 7 - math.ceil(math.log2(largest))


def test_the_formats_hold_the_input_and_survive_their_file() -> None:
    network = mixed_network()
    formats = choose_formats(network, [np.full(network.input.shape, 200, np.uint8)])
    assert formats.input_shape == network.input.shape
    assert (formats.channel_order, formats.scale) == ("rgb", 0.0625)
    assert formats.mean == (100.5, 20.0)
    data = json.dumps(formats_document(formats)).encode()
    assert formats_from_json(Path("formats.json"), data) == formats
    image = evolve(network.input, mean=np.zeros((6, 7, 2), np.float32))
    other = choose_formats(evolve(network, input=image), [np.zeros((6, 7, 2), np.uint8)])
    assert other.mean is None


def test_ranges_are_of_magnitudes_over_all_inputs() -> None:
    assert activation_magnitudes(
        inner_product(-2.0, 0.5), [np.full((1, 1, 1), pixel, np.uint8) for pixel in (32, 255, 64)]
    ) == {"data": 255 / 256, "ip": 2 * 255 / 256 - 0.5}
    network = mixed_network()
    layer = network.layers[0]
    assert isinstance(layer, Convolution)
    weights = np.full_like(layer.weights, 0.1)
    weights[1, 1, 1, 1] = -3.0
    changed = evolve(network, layers=(evolve(layer, weights=weights), *network.layers[1:]))
    formats = choose_formats(changed, [np.zeros(network.input.shape, np.uint8)])
    assert formats.layers["conv"].weight_fraction_bits == 5


def test_ranges_need_inputs() -> None:
    with pytest.raises(InputError, match="at least one"):
        choose_formats(mixed_network(), [])


def test_a_value_that_is_not_a_number_does_not_get_lost_among_inputs() -> None:
    network = inner_product(math.nan, 0.0)
    with pytest.raises(FileFormatError, match="nan"):
        choose_formats(network, [np.full((1, 1, 1), value, np.uint8) for value in (0, 9, 1)])


@requires_models
def test_logits_of_arms_m4_network_are_caffes() -> None:
    # The golden logits were made with the rounded mean and printed with five decimals. Measured:
    # at most 5.8e-6, of which 5e-6 are the rounding to five decimals.
    assert MODELS is not None
    folder = MODELS / "arm_cifar10"
    weights = folder / "cifar10_m4_iter_70000.caffemodel.h5"
    network = build_network(
        read_prototxt(folder / "cifar10_m4_train_test.prototxt"),
        read_weights(weights),
        weights,
        input_shape=Shape(32, 32, 3),
    )
    mean = read_mean(str(folder / "cifar10_mean_rounded.npy"))
    network = evolve(network, input=evolve(network.input, mean=mean))
    golden = json.loads((MODELS / "golden" / "golden_cifar10_m4_foolbox20.json").read_text())
    images = sorted((MODELS / "images" / "foolbox").glob("cifar10_*.png"))
    assert len(golden) == len(images) == 20
    for path, entry in zip(images, golden, strict=True):
        logits = forward(network, read_image(path, network.input.shape))[network.output.name]
        np.testing.assert_allclose(logits.ravel(), entry["float"], rtol=0, atol=2e-5)


def test_the_bundled_network_names_its_samples_in_float_and_in_fixed_point() -> None:
    folder = models_root() / "lenet-mnist"
    weights = folder / "lenet.caffemodel.h5"
    network = build_network(
        read_prototxt(folder / "lenet.prototxt"),
        read_weights(weights),
        weights,
        input_shape=Shape(28, 28, 1),
    )
    quantized = quantize_network(network, read_formats(folder / "formats.json"))
    samples = read_samples(
        folder / "samples-images.idx.gz", folder / "samples-labels.idx.gz", network.input.shape
    )
    assert len(samples) == 200
    output = network.output.name
    exact = [int(forward(network, sample.pixels)[output].argmax()) for sample in samples]
    fixed = [run_reference(quantized, sample.pixels).top1 for sample in samples]
    labels = [sample.label for sample in samples]
    assert sum(a == b for a, b in zip(exact, labels, strict=True)) >= 194
    assert sum(a == b for a, b in zip(fixed, labels, strict=True)) >= 194
