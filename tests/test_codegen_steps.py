"""Which kernel computes a layer, and that its call has the arguments the kernel takes."""

import ctypes
import re
import subprocess

import pytest

from branch_networks import BRANCHES
from hand_made import hand_made_network, separable_network
from qrig.codegen.describe import formats_text, stage_text
from qrig.codegen.plan import scratch_bytes, weight_bytes
from qrig.codegen.steps import Operands, Step, make_step
from qrig.fixedpoint.quantized import (
    QuantizedConcat,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedEltwiseSum,
    QuantizedLayer,
    QuantizedSigmoid,
    QuantizedTanH,
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
JOINS = {"arm_nn_activations_direct_q7", "qrig_concat_q7", "qrig_eltwise_sum_q7"}


def step(layer: QuantizedLayer) -> Step:
    sources = tuple(f"buffer_{name}" for name in layer.inputs)
    return make_step(layer, layer.name, Operands(sources, "buffer_1"))


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
    assert stage_text(layer) == "depthwise 3x3, stride 1x1, pad 1x1: 6x5x8 -> 6x5x8, 2,160 MAC"
    assert formats_text(layer, [0]) == "Q7.0, weights Q-1.8, bias Q3.4 -> Q7.0"
    macros = dict(found.macros)
    assert [macros[argument.removeprefix("DW2_")] for argument in found.arguments[1:4]] == [5, 6, 8]
    assert found.arguments[4] == "dw2_weights"


def test_calls_have_the_arguments_their_kernels_take() -> None:
    header = (firmware_root() / "kernels" / "arm_nnfunctions.h").read_text()
    seen = set()
    networks = [hand_made_network(), separable_network(), *map(random_network, range(40))]
    networks += BRANCHES.values()
    for network in networks:
        for layer in network.layers:
            found = step(layer)
            seen.add(found.function)
            declared = re.search(rf"\b{found.function}\(([^)]*)\)", header)
            assert declared is not None
            assert len(found.arguments) == declared.group(1).count(",") + 1
    assert seen == KERNELS | JOINS


def test_what_joins_tensors_names_them_in_order() -> None:
    shape = Shape(3, 2, 4)
    wide, name = Shape(3, 2, 8), "both"
    joined = QuantizedConcat(name, ("a", "b"), shape, wide, 3, (shape, shape), (0, 2))
    assert stage_text(joined) == "concat: 3x2x4 + 3x2x4 -> 3x2x8"
    assert formats_text(joined, [3, 5]) == "Q4.3 + Q2.5 -> Q4.3"
    concat = step(joined)
    assert concat.arguments == (
        "tensors", "channels", "shifts", "BOTH_COUNT", "BOTH_PIXELS", "buffer_1",
    )  # fmt: skip
    assert concat.arrays == (
        ("const q7_t *const tensors[]", "buffer_a, buffer_b"),
        ("const uint16_t channels[]", "BOTH_CH_0, BOTH_CH_1"),
        ("const uint16_t shifts[]", "BOTH_RSHIFT_0, BOTH_RSHIFT_1"),
    )
    assert dict(concat.macros) == {
        "CH_0": 4, "CH_1": 4, "RSHIFT_0": 0, "RSHIFT_1": 2, "COUNT": 2, "PIXELS": 6,
    }  # fmt: skip
    total = step(QuantizedEltwiseSum(name, ("b", "a"), shape, shape, 3, (shape, shape), (0, 5), 6))
    assert total.arguments == (
        "tensors", "shifts", "BOTH_COUNT", "BOTH_SIZE", "BOTH_OUT_RSHIFT", "buffer_1",
    )  # fmt: skip
    assert total.arrays == (
        ("const q7_t *const tensors[]", "buffer_b, buffer_a"),
        ("const uint16_t shifts[]", "BOTH_LSHIFT_0, BOTH_LSHIFT_1"),
    )
    assert dict(total.macros) == {
        "LSHIFT_0": 0, "LSHIFT_1": 5, "COUNT": 2, "SIZE": 24, "OUT_RSHIFT": 6,
    }  # fmt: skip


@pytest.mark.parametrize("made", [QuantizedSigmoid, QuantizedTanH])
def test_activations_name_their_table(made: type[QuantizedSigmoid | QuantizedTanH]) -> None:
    shape = Shape(3, 2, 4)
    found = step(made("gate", ("a",), shape, shape, 7, 2))
    kind = "ARM_SIGMOID" if made is QuantizedSigmoid else "ARM_TANH"
    assert found.arguments == ("buffer_1", "GATE_SIZE", "GATE_INT_WIDTH", kind)
    assert found.returns_status
    assert dict(found.macros) == {"SIZE": 24, "INT_WIDTH": 2}


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
