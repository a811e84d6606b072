"""Which kernel computes a layer, and that its call has the arguments the kernel takes."""

import ctypes
import re
import subprocess

import pytest

from hand_made import hand_made_network, separable_network
from qrig.codegen.plan import scratch_bytes, weight_bytes
from qrig.codegen.steps import Operands, Step, make_step
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedLayer,
)
from qrig.networks.graph import Pair, Shape
from qrig.networks.shapes import convolution_output
from qrig.resources import firmware_root
from qrig.runs.networks import bundled_networks, load_network
from random_networks import random_network

ONE, NONE, THREE = Pair(1, 1), Pair(0, 0), Pair(3, 3)
KERNELS = {
    "arm_avepool_q7_HWC_nonsquare",
    "arm_convolve_1x1_HWC_q7_fast_nonsquare",
    "arm_convolve_HWC_q7_RGB",
    "arm_convolve_HWC_q7_basic",
    "arm_convolve_HWC_q7_basic_nonsquare",
    "arm_convolve_HWC_q7_fast",
    "arm_convolve_HWC_q7_fast_nonsquare",
    "arm_depthwise_separable_conv_HWC_q7",
    "arm_depthwise_separable_conv_HWC_q7_nonsquare",
    "arm_fully_connected_q7",
    "arm_fully_connected_q7_opt",
    "arm_maxpool_q7_HWC_nonsquare",
    "arm_relu_q7",
    "arm_softmax_q7",
}


def step(layer: QuantizedLayer) -> Step:
    return make_step(layer, layer.name, Operands(("buffer_0",), (0,), "buffer_1"))


def convolution(
    image: Shape, channels: int, kernel: Pair = THREE, stride: Pair = ONE, pad: Pair = NONE
) -> QuantizedConvolution:
    """A convolution whose weights do not matter here."""
    out = convolution_output(image, kernel, stride, pad, channels)
    weights = separable_network().layers[0]
    assert isinstance(weights, QuantizedConvolution)
    return QuantizedConvolution(
        "conv1", ("data",), image, out, 0, kernel, stride, pad, weights.weights, weights.bias, 2, 9
    )


@pytest.mark.parametrize(
    ("layer", "kernel"),
    [
        (convolution(Shape(8, 8, 3), 4), "HWC_q7_RGB"),
        (convolution(Shape(8, 8, 1), 4), "HWC_q7_basic"),
        (convolution(Shape(8, 8, 4), 3), "HWC_q7_basic"),
        (convolution(Shape(8, 8, 6), 4), "HWC_q7_basic"),
        (convolution(Shape(8, 8, 4), 2), "HWC_q7_fast"),
        (convolution(Shape(8, 9, 3), 4), "HWC_q7_basic_nonsquare"),
        (convolution(Shape(8, 9, 4), 3), "HWC_q7_basic_nonsquare"),
        (convolution(Shape(8, 9, 4), 2), "HWC_q7_fast_nonsquare"),
        (convolution(Shape(8, 8, 4), 2, Pair(3, 2)), "HWC_q7_fast_nonsquare"),
        (convolution(Shape(8, 8, 4), 2, THREE, Pair(2, 1)), "HWC_q7_fast_nonsquare"),
        (convolution(Shape(8, 8, 4), 2, THREE, ONE, Pair(0, 1)), "HWC_q7_fast_nonsquare"),
        (convolution(Shape(8, 9, 4), 2, ONE), "1x1_HWC_q7_fast_nonsquare"),
        (convolution(Shape(8, 8, 4), 2, ONE), "1x1_HWC_q7_fast_nonsquare"),
        (convolution(Shape(8, 9, 4), 3, ONE), "HWC_q7_basic_nonsquare"),
        (convolution(Shape(8, 9, 4), 2, ONE, Pair(2, 2)), "HWC_q7_fast_nonsquare"),
        (convolution(Shape(8, 9, 4), 2, ONE, ONE, ONE), "HWC_q7_fast_nonsquare"),
    ],
)
def test_the_convolution_that_takes_the_layer(layer: QuantizedLayer, kernel: str) -> None:
    assert step(layer).function == f"arm_convolve_{kernel}"


def test_depthwise_calls() -> None:
    layer = separable_network().layers[1]
    assert isinstance(layer, QuantizedDepthwiseConvolution)
    found = step(layer)
    assert found.function == "arm_depthwise_separable_conv_HWC_q7_nonsquare"
    assert found.comment == ("depthwise 3x3, stride 1x1, pad 1x1: 6x5x8 Q7.0 -> 6x5x8 Q7.0")
    macros = dict(found.macros)
    assert [macros[argument.removeprefix("DW2_")] for argument in found.arguments[1:4]] == [5, 6, 8]
    assert found.arguments[4] == "dw2_weights"


def test_calls_have_the_arguments_their_kernels_take() -> None:
    header = (firmware_root() / "kernels" / "arm_nnfunctions.h").read_text()
    seen = set()
    networks = [hand_made_network(), separable_network(), *map(random_network, range(40))]
    for network in networks:
        for layer in network.layers:
            found = step(layer)
            seen.add(found.function)
            declared = re.search(rf"\b{found.function}\(([^)]*)\)", header)
            assert declared is not None
            assert len(found.arguments) == declared.group(1).count(",") + 1
    assert seen == KERNELS


def test_the_networks_that_run_on_targets_use_every_kernel() -> None:
    layers = [layer for seed in range(100, 112) for layer in random_network(seed).layers]
    assert {step(layer).function for layer in layers} == KERNELS


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The portable kernels as a shared library."""
    library = tmp_path_factory.mktemp("kernels") / "kernels.so"
    root = firmware_root() / "kernels"
    sources = [*root.glob("*.c"), *(root / "portable").glob("*.c")]
    command = ["gcc", "-shared", "-fPIC", f"-I{root}", *map(str, sources), "-o", str(library)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


_MACROS = {
    "ch_in": "IN_CH",
    "ch": "IN_CH",
    "dim_kernel": "KER_DIM",
    "dim_kernel_x": "KER_DIM_X",
    "dim_kernel_y": "KER_DIM_Y",
    "dim_out_x": "OUT_DIM_X",
    "dim_vec": "IN_DIM",
}


def asked_bytes(kernels: ctypes.CDLL, found: Step) -> int:
    """What the companion of the kernel asks for; 0 of one without a companion."""
    header = (firmware_root() / "kernels" / "arm_nnfunctions.h").read_text()
    declared = re.search(rf"\b{found.function}_buffer_bytes\(([^)]*)\)", header)
    if declared is None:
        return 0
    macros = dict(found.macros)
    names = re.findall(r"uint16_t (\w+)", declared.group(1))
    companion = getattr(kernels, f"{found.function}_buffer_bytes")
    companion.restype = ctypes.c_size_t
    return int(companion(*(macros[_MACROS[name]] for name in names)))


def test_scratch_is_all_that_the_kernels_ask_for(kernels: ctypes.CDLL) -> None:
    networks = [hand_made_network(), separable_network(), *map(random_network, range(40))]
    networks += [load_network(name).quantized for name in bundled_networks()]
    for network in networks:
        for layer in network.layers:
            asked = asked_bytes(kernels, step(layer))
            # A depthwise convolution asks for less than CMSIS-NN's own would.
            least = 0 if layer.type == "depthwise" else scratch_bytes(layer)
            assert least <= asked <= scratch_bytes(layer), layer


def test_constants_of_a_separable_network() -> None:
    found = [weight_bytes(layer) for layer in separable_network().layers]
    assert found == [8 * 20 + 8, 9 * 8 + 8, 0, 12 * 8 + 12, 0]
