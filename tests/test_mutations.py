"""The product's promise: a wrong bit, shift or kernel on the target is found and named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hand_made import changed, hand_made, hand_made_network, separable_network
from qrig.build import Deployment, Kernels, build_deployment, deployment, kernels, toolchain
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedNetwork,
)
from qrig.reference import run_reference
from qrig.resources import firmware_root
from qrig.runs.deployed import Deployed
from qrig.runs.targets import find_target

TARGETS = ["host@native", "mps2-an386@qemu", "mps2-an500@qemu"]


def _first_difference(target_name: str, built: QuantizedNetwork) -> tuple[str, str]:
    """Run a deployment of `built` and compare it with the network that was meant."""
    target = find_target(target_name)
    return _compare(target_name, build_deployment(built, target.board))


def _compare(target_name: str, built: Deployment) -> tuple[str, str]:
    with Deployed(find_target(target_name), built) as deployed:
        for sample in hand_made().samples:
            remote = deployed.run(sample.pixels)
            layers = deployed.compare(remote, run_reference(hand_made_network(), sample.pixels))
            for layer in layers:
                if layer.comparison.verdict == "differs":
                    assert layer.comparison.differing
                    return layer.name, layer.comparison.first_difference or ""
    return "", ""


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_differs_without_a_mutation(target: str) -> None:
    assert _first_difference(target, hand_made_network()) == ("", "")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("bit", range(8))
def test_a_wrong_weight_bit_is_named(target: str, bit: int) -> None:
    network = hand_made_network()
    layer = network.layers[0]
    assert isinstance(layer, QuantizedConvolution)
    weights = layer.weights.copy()
    weights.view(np.uint8)[4, 1, 1, 0] ^= np.uint8(1 << bit)
    name, where = _first_difference(target, changed(network, 0, weights=weights))
    assert name == "conv1"
    assert ", channel 4: expected " in where


@pytest.mark.parametrize("target", TARGETS)
def test_a_wrong_depthwise_weight_is_named(target: str) -> None:
    network = separable_network()
    layer = network.layers[1]
    assert isinstance(layer, QuantizedDepthwiseConvolution)
    weights = layer.weights.copy()
    weights[1, 2, 5] ^= 64
    built = build_deployment(changed(network, 1, weights=weights), find_target(target).board)
    pixels = np.random.default_rng(1).integers(0, 256, network.input.shape, dtype=np.uint8)
    with Deployed(find_target(target), built) as deployed:
        layers = deployed.compare(deployed.run(pixels), run_reference(network, pixels))
    wrong = [layer for layer in layers if layer.comparison.verdict == "differs"]
    assert wrong[0].name == "dw2"
    assert ", channel 5: expected " in (wrong[0].comparison.first_difference or "")


@pytest.mark.parametrize("target", TARGETS)
def test_a_wrong_shift_is_named(target: str) -> None:
    network = hand_made_network()
    layer = network.layers[0]
    assert isinstance(layer, QuantizedConvolution)
    name, where = _first_difference(target, changed(network, 0, output_shift=8))
    assert name == "conv1"
    assert where.startswith("y ")
    name, _ = _first_difference(target, changed(network, 3, bias_shift=2))
    assert name == "ip1"


@pytest.mark.parametrize("target", TARGETS)
def test_a_kernel_that_is_off_by_one_is_named(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware = tmp_path / "firmware"
    shutil.copytree(firmware_root(), firmware)
    kernel = firmware / "kernels" / "arm_maxpool_q7_HWC_nonsquare.c"
    text = kernel.read_text()
    mutated = text.replace("dim_kernel_x, padding_x", "(uint16_t)(dim_kernel_x - 1u), padding_x")
    assert mutated != text
    kernel.write_text(mutated)
    for module in (deployment, kernels, toolchain):
        monkeypatch.setattr(module, "firmware_root", lambda: firmware)
    monkeypatch.setenv("QRIG_CACHE", str(tmp_path / "cache"))
    library = Kernels(plan="library")
    built = build_deployment(hand_made_network(), find_target(target).board, library)
    name, where = _compare(target, built)
    assert name == "pool1"
    assert "expected" in where
