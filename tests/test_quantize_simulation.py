"""Batched arithmetic: exactly the reference's integers, nearly the float network's numbers."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from fast_networks import random_fast_network
from float_networks import branches, chain, images_for
from full_runs import FULL
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.networks.forward import forward
from qrig.networks.graph import Network
from qrig.quantize import choose_formats
from qrig.quantize.float_pass import float_tensors
from qrig.quantize.simulate import simulate
from qrig.reference import run_reference

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
