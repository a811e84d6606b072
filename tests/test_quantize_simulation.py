"""Batched arithmetic: exactly the reference's integers, nearly the float network's numbers."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from fast_networks import random_fast_network
from float_networks import branches, chain, images_for
from full_runs import FULL
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.quantized import QuantizedNetwork, QuantizedPooling
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.networks.forward import forward
from qrig.networks.graph import Network, Pair, Pooling, Shape
from qrig.quantize import choose_formats
from qrig.quantize.float_pass import float_layer, float_tensors
from qrig.quantize.simulate import simulate, simulate_layer
from qrig.reference import run_reference
from qrig.reference.run import compute_layer

SEMANTICS = (DEFAULT, Semantics(pooling="c"), Semantics(truncate=True))


def check(network: QuantizedNetwork, images: npt.NDArray[np.uint8], semantics: Semantics) -> None:
    found = simulate(network, images, semantics, keep=True)
    stages = network.stages[: network.logits_stage + 1]
    assert list(found) == [stage.name for stage in stages]
    for index, image in enumerate(images):
        expected = run_reference(network, image, semantics).tensors
        for stage, tensor in zip(
            network.stages, expected[: network.logits_stage + 1], strict=False
        ):
            np.testing.assert_array_equal(found[stage.name][index], tensor, stage.name)
    last = network.stages[network.logits_stage].name
    alone = simulate(network, images, semantics)
    np.testing.assert_array_equal(alone[last], found[last])


@pytest.mark.parametrize("semantics", SEMANTICS, ids=["default", "c", "truncate"])
@pytest.mark.parametrize("seed", range(200 if FULL else 12))
def test_random_networks_are_exact(seed: int, semantics: Semantics) -> None:
    network = random_fast_network(seed)
    numbers = np.random.default_rng(seed)
    check(network, numbers.integers(0, 256, (3, *network.input.shape), dtype=np.uint8), semantics)


@pytest.mark.parametrize("make", [chain, branches])
@pytest.mark.parametrize("spread", [0.05, 0.4, 3.0])
def test_networks_from_floats_are_exact(make: Callable[..., Network], spread: float) -> None:
    network = make(3, spread=spread)
    images = images_for(network, 6)
    quantized = quantize_network(network, choose_formats(network, list(images)))
    for semantics in SEMANTICS:
        check(quantized, images, semantics)


def test_known_tensors_are_taken_as_they_are() -> None:
    network = chain()
    images = images_for(network, 4)
    quantized = quantize_network(network, choose_formats(network, list(images)))
    found = simulate(quantized, images, keep=True)
    first = quantized.layers[0].name
    other = {name: found[name] for name in ("data", first)}
    other[first] = np.zeros_like(found[first])
    changed = simulate(quantized, images, known=other, keep=True)
    last = quantized.stages[quantized.logits_stage].name
    assert not changed[first].any()
    assert not np.array_equal(changed[last], found[last])
    assert other.keys() == {"data", first}


@pytest.mark.parametrize("network", [chain(), branches()], ids=lambda network: network.name)
def test_floats_are_those_of_the_forward_pass(network: Network) -> None:
    images = images_for(network, 5)
    found = dict(float_tensors(network, images))
    for index, image in enumerate(images):
        for name, tensor in forward(network, image).items():
            np.testing.assert_allclose(found[name][index], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", [250, 258, 512])
@pytest.mark.parametrize("semantics", [Semantics(pooling="c"), Semantics()])
def test_averages_of_large_windows_are_exact(semantics: Semantics, side: int) -> None:
    """One less than an average of 127 tips it over, and must not be lost in a rounded sum."""
    sides, one = Pair(side, side), Pair(1, 1)
    shapes = Shape(side, side, 1), Shape(1, 1, 1)
    layer = QuantizedPooling("pool", ("data",), *shapes, 0, "average", sides, one, Pair(0, 0))
    for value in (127, 126, -128):
        tensor = np.full((side, side, 1), value, np.int8)
        tensor[side // 2, 1] += 1 if value < 0 else -1
        found = simulate_layer(layer, [tensor[np.newaxis]], semantics)
        assert np.array_equal(found[0], compute_layer(layer, (tensor,), semantics))


def test_float_averages_are_divided_once() -> None:
    """An average that is a step of a format is that step, and not the number below it."""
    values = np.random.default_rng(0).integers(0, 128, (50, 7, 7, 4)).astype(
        np.float32
    ) / np.float32(4)
    shapes = Shape(7, 7, 4), Shape(3, 3, 4)
    layer = Pooling("pool", ("c",), *shapes, "average", Pair(3, 3), Pair(2, 2), Pair(0, 0))
    windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3), axis=(1, 2))[:, ::2, ::2]
    exact = windows.astype(np.float64).sum(axis=(4, 5)) / 9
    steps = exact * 4 == np.round(exact * 4)
    assert steps.sum() > 100
    assert np.array_equal(float_layer(layer, [values])[steps], exact[steps])
