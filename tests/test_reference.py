"""The numpy reference against the scalar oracle, and against ARM's golden vectors."""

import json

import numpy as np
import pytest

import oracle
from hand_made import separable_network
from oracle_depthwise import depthwise_conv
from qrig.datasets import read_image
from qrig.fixedpoint.quantized import (
    Int8Array,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
)
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.description import NetworkDescription
from qrig.networks.graph import Pair, Shape
from qrig.reference import run_reference
from qrig.reference.arithmetic import exact_type
from qrig.reference.run import compute_layer
from qrig.runs.networks import load_description
from random_networks import random_network
from real_models import MODELS, requires_models


def _by_oracle(layer: QuantizedLayer, tensor: list[int], semantics: Semantics) -> list[int]:
    shape = layer.in_shape
    if isinstance(layer, QuantizedConvolution):
        return oracle.conv(
            tensor, shape.h, shape.w, shape.c, layer.weights.ravel().tolist(),
            layer.bias.tolist(), layer.out_shape.c, *layer.kernel, *layer.pad, *layer.stride,
            layer.bias_shift, layer.output_shift, truncate=semantics.truncate,
        )[0]  # fmt: skip
    if isinstance(layer, QuantizedDepthwiseConvolution):
        return depthwise_conv(
            tensor, shape.h, shape.w, shape.c, layer.weights.ravel().tolist(),
            layer.bias.tolist(), *layer.kernel, *layer.pad, *layer.stride,
            layer.bias_shift, layer.output_shift, truncate=semantics.truncate,
        )[0]  # fmt: skip
    if isinstance(layer, QuantizedInnerProduct):
        return oracle.fully_connected(
            tensor, layer.weights.ravel().tolist(), layer.bias.tolist(), layer.bias_shift,
            layer.output_shift, truncate=semantics.truncate,
        )  # fmt: skip
    if isinstance(layer, QuantizedPooling):
        pool = oracle.max_pool if layer.method == "max" else oracle.avg_pool
        form: oracle.PoolForm = "dsp" if semantics.pooling == "dsp" else "c"
        return pool(
            tensor, shape.h, shape.w, shape.c, *layer.kernel, *layer.pad, *layer.stride,
            layer.out_shape.h, layer.out_shape.w, form,
        )  # fmt: skip
    if layer.type == "relu":
        return oracle.relu(tensor)
    return oracle.softmax(tensor, "5.9" if semantics.softmax == "5.9" else "5.4")


def _pixels(
    network: QuantizedNetwork, seed: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)


@pytest.mark.parametrize(
    "semantics",
    [Semantics(), Semantics(pooling="c", softmax="5.4"), Semantics(truncate=True)],
    ids=["default", "c-5.4", "truncate"],
)
@pytest.mark.parametrize("seed", range(40))
def test_every_layer_equals_the_oracle(seed: int, semantics: Semantics) -> None:
    network = random_network(seed)
    pixels = _pixels(network, seed)
    trace = run_reference(network, pixels, semantics)
    source = network.input
    expected = oracle.preprocess(
        pixels.ravel().tolist(), source.mean.ravel().tolist(), source.multiplier, source.shift
    )
    assert trace.tensors[0].ravel().tolist() == expected
    for layer, before, after in zip(network.layers, trace.tensors, trace.tensors[1:], strict=False):
        expected = _by_oracle(layer, before.ravel().tolist(), semantics)
        assert after.ravel().tolist() == expected, layer


@pytest.mark.parametrize("seed", range(3))
def test_a_separable_network_equals_the_oracle(seed: int) -> None:
    network = separable_network()
    trace = run_reference(network, _pixels(network, seed))
    for layer, before, after in zip(network.layers, trace.tensors, trace.tensors[1:], strict=False):
        assert after.ravel().tolist() == _by_oracle(layer, before.ravel().tolist(), Semantics())
        assert after.shape == tuple(layer.out_shape)


@pytest.mark.parametrize("truncate", [False, True])
def test_depthwise_accumulators_wrap_at_32_bits(truncate: bool) -> None:
    shape, one = Shape(1, 1, 3), Pair(1, 1)
    layer = QuantizedDepthwiseConvolution(
        "depthwise", ("data",), shape, shape, 0, one, one, Pair(0, 0),
        np.full((1, 1, 3), -128, np.int8), np.array([127, -128, 1], np.int8), 31, 24,
    )  # fmt: skip
    semantics = Semantics(truncate=truncate)
    for value in (-128, 0, 127):
        tensor = np.full(shape, value, np.int8)
        found = compute_layer(layer, (tensor,), semantics).ravel().tolist()
        assert found == _by_oracle(layer, tensor.ravel().tolist(), semantics)


_SIZE = 9
_WINDOWS = [
    (kernel, stride, pad)
    for kernel in (2, 3, 4)
    for stride in (1, 2, 3)
    for pad in range(kernel)
    if (_SIZE + 2 * pad - kernel) // stride + 1 <= _SIZE  # it is computed in place
]


@pytest.mark.parametrize(("kernel", "stride", "pad"), _WINDOWS)
@pytest.mark.parametrize("method", ["max", "average"])
def test_dsp_pooling_rereads_what_it_wrote(method: str, kernel: int, stride: int, pad: int) -> None:
    size, out = _SIZE, (_SIZE + 2 * pad - kernel) // stride + 1
    layer = QuantizedPooling(
        "pool", ("data",), Shape(size, size, 3), Shape(out, out, 3), 0, method,
        Pair(kernel, kernel), Pair(stride, stride), Pair(pad, pad),
    )  # fmt: skip
    tensor = np.random.default_rng(kernel).integers(-128, 128, (size, size, 3), dtype=np.int8)
    result = compute_layer(layer, (tensor,), Semantics())
    assert result.ravel().tolist() == _by_oracle(layer, tensor.ravel().tolist(), Semantics())


def test_float32_is_used_only_where_it_cannot_round() -> None:
    largest = np.full((1, 1032), 127, dtype=np.int8)
    assert exact_type(largest) is np.float32
    assert exact_type(np.full((1, 1033), 127, dtype=np.int8)) is np.float64
    assert exact_type(np.full((1, 1025), -128, dtype=np.int8)) is np.float64


def _arm(name: str, snapshot: str) -> QuantizedNetwork:
    assert MODELS is not None
    folder = MODELS / "arm_cifar10"
    return load_description(
        NetworkDescription(
            name,
            folder / f"cifar10_{name}_train_test.prototxt",
            folder / f"cifar10_{name}_{snapshot}.caffemodel.h5",
            folder / f"cifar10_{name}.pkl",
            mean=str(folder / "cifar10_mean_rounded.npy"),
        )
    ).quantized


@requires_models
@pytest.mark.parametrize("form", ["dsp", "c"])
def test_m4_logits_equal_arms_on_20_images(form: str) -> None:
    assert MODELS is not None
    network = _arm("m4", "iter_70000")
    golden = json.loads((MODELS / "golden" / "golden_cifar10_m4_foolbox20.json").read_text())
    right = 0
    for index, entry in enumerate(golden):
        (path,) = (MODELS / "images" / "foolbox").glob(f"cifar10_{index:02d}_*.png")
        pixels = read_image(path, network.input.shape)
        trace = run_reference(network, pixels, Semantics(pooling=form))
        assert trace.logits.tolist() == entry[f"q_{form}"]
        right += trace.top1 == entry["label"]
    assert right == 19


@requires_models
@pytest.mark.parametrize("form", ["dsp", "plain_c"])
@pytest.mark.parametrize("image", [0, 1])
def test_m4_layers_equal_arms(form: str, image: int) -> None:
    assert MODELS is not None
    network = _arm("m4", "iter_70000")
    with np.load(MODELS / "golden" / "cifar10_m4_layers.npz") as golden:
        trace = run_reference(
            network, golden[f"image{image}"], Semantics(pooling=form.removeprefix("plain_"))
        )
        compared = 0
        for stage, tensor in zip(network.stages, trace.tensors, strict=True):
            key = f"image{image}_{form}_{stage.name}"
            if key in golden.files:
                assert np.array_equal(tensor.reshape(golden[key].shape), golden[key]), stage.name
                compared += 1
    assert compared == 10


def test_input_is_not_changed() -> None:
    network = random_network(1)
    tensor: Int8Array = np.arange(network.input.shape.size, dtype=np.int64).astype(np.int8)
    tensor = tensor.reshape(network.input.shape)
    before = tensor.copy()
    compute_layer(network.layers[0], (tensor,), Semantics())
    assert np.array_equal(tensor, before)
