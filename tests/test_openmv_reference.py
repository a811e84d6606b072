"""The semantics of OpenMV's firmware: the reference against the scalar oracle of them."""

import attrs
import numpy as np
import pytest

from hand_made import hand_made_network
from network_files import ChainMaker, random_chain
from oracle_openmv import openmv_softmax, openmv_tensors
from qrig.boards import find_board
from qrig.build import Kernels, build_deployment
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import QuantizedNetwork, QuantizedReLU
from qrig.fixedpoint.semantics import DEFAULT, OPENMV, Semantics
from qrig.networks.graph import Shape
from qrig.quantize.simulate import simulate
from qrig.reference import run_reference
from qrig.reference.openmv import output_values
from qrig.reference.run import compute_layer
from qrig.runs.networks import LoadedNetwork, with_softmax


def check(network: QuantizedNetwork, seed: int = 0) -> list[bool]:
    """Compare every tensor with the oracle's; return which differ from the default semantics'."""
    pixels = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    found = run_reference(network, pixels, OPENMV).tensors
    for tensor, expected in zip(found, openmv_tensors(network, pixels), strict=True):
        assert tensor.ravel().tolist() == expected
    usual = run_reference(network, pixels, DEFAULT).tensors
    return [not np.array_equal(one, other) for one, other in zip(found, usual, strict=True)]


@pytest.mark.parametrize("seed", range(60))
def test_every_tensor_equals_the_oracles(seed: int) -> None:
    check(random_chain(seed), seed)


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 7, 9])
@pytest.mark.parametrize(("k", "pad", "stride"), [(2, 0, 2), (3, 0, 2), (3, 1, 2), (3, 0, 1)])
def test_a_maximum_leaves_out_what_is_no_full_four(
    channels: int, k: int, pad: int, stride: int
) -> None:
    maker = ChainMaker(Shape(9, 9, 3), channels).conv(channels, 3)
    differs = check(maker.pool("max", k, pad=pad, stride=stride).made())
    assert differs == [False, False, True]


@pytest.mark.parametrize("method", ["max", "average"])
def test_four_channels_are_pooled_as_ever(method: str) -> None:
    assert not any(check(ChainMaker(Shape(9, 9, 3)).conv(4, 3).pool(method, 3).made()))


def test_maps_that_are_not_square_are_pooled_window_by_window() -> None:
    maker = ChainMaker(Shape(9, 12, 3)).conv(5, 3)
    assert not any(check(maker.pool("max", 3).made()))
    assert any(check(maker.pool("average", 3).made()))


@pytest.mark.parametrize(("size", "rectified"), [(65_535, 65_535), (65_536, 0), (65_539, 3)])
def test_a_relu_counts_in_16_bits(size: int, rectified: int) -> None:
    shape = Shape(1, 1, size)
    layer = QuantizedReLU("relu", ("data",), shape, shape, 0)
    tensor = np.full(shape, -5, np.int8)
    found = compute_layer(layer, (tensor,), OPENMV).ravel()
    assert not found[:rectified].any()
    assert (found[rectified:] == -5).all()
    assert (tensor == -5).all()
    assert not compute_layer(layer, (tensor,), DEFAULT).any()


def test_the_softmax_is_that_of_its_day() -> None:
    network = with_softmax(LoadedNetwork("hand", hand_made_network())).quantized
    for seed in range(5):
        pixels = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
        logits, outputs = run_reference(network, pixels, OPENMV).tensors[-2:]
        assert outputs.ravel().tolist() == openmv_softmax(logits.ravel().tolist())


def test_outputs_are_values_from_0_to_1() -> None:
    outputs = np.array([[[-128, 0, 127]]], np.int8)
    assert output_values(outputs).tolist() == [0.0, 128 / 255, 1.0]


@pytest.mark.parametrize("board", ["host", "mps2-an386"])
def test_generated_deployments_refuse_them(board: str) -> None:
    for semantics in (OPENMV, Semantics(pooling="openmv")):
        with pytest.raises(UnsupportedNetworkError, match="--deployment network"):
            build_deployment(hand_made_network(), find_board(board), Kernels(semantics))
        with pytest.raises(UnsupportedNetworkError, match="--deployment network"):
            _ = semantics.definitions


def test_the_simulation_of_formats_refuses_them() -> None:
    network = hand_made_network()
    images = np.zeros((2, *network.input.shape), np.uint8)
    layers = tuple(
        attrs.evolve(layer, inputs=("conv1",)) if index == 2 else layer
        for index, layer in enumerate(network.layers)
        if index != 1
    )
    for simulated in (network, attrs.evolve(network, layers=layers)):
        with pytest.raises(UnsupportedNetworkError, match="OpenMV's mistakes"):
            simulate(simulated, images, OPENMV)
