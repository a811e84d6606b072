"""Networks with branches through the numpy reference, against a scalar oracle."""

import numpy as np
import pytest

import oracle
import oracle_branches
from branch_networks import BRANCHES, Branches, random_branches
from hand_made import changed, hand_made_network
from oracle_depthwise import depthwise_conv
from qrig.fixedpoint.digest import network_sha256
from qrig.fixedpoint.quantized import (
    QuantizedConcat,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedEltwiseSum,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedSigmoid,
    QuantizedTanH,
)
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.graph import Shape
from qrig.reference import run_reference
from qrig.reference.run import compute_layer

SEMANTICS = [Semantics(), Semantics(pooling="c", softmax="5.4"), Semantics(truncate=True)]


def _by_oracle(layer: QuantizedLayer, tensors: list[list[int]], semantics: Semantics) -> list[int]:
    shape, x, truncate = layer.in_shape, tensors[0], semantics.truncate
    if isinstance(layer, QuantizedConcat):
        channels = [each.c for each in layer.in_shapes]
        return oracle_branches.concat(tensors, channels, layer.input_shifts, truncate)
    if isinstance(layer, QuantizedEltwiseSum):
        return oracle_branches.eltwise_sum(
            tensors, layer.input_shifts, layer.output_shift, truncate
        )
    if isinstance(layer, QuantizedSigmoid):
        return oracle_branches.activation("sigmoid", x, layer.int_width)
    if isinstance(layer, QuantizedTanH):
        return oracle_branches.activation("tanh", x, layer.int_width)
    if isinstance(layer, QuantizedConvolution):
        return oracle.conv(
            x, shape.h, shape.w, shape.c, layer.weights.ravel().tolist(), layer.bias.tolist(),
            layer.out_shape.c, *layer.kernel, *layer.pad, *layer.stride, layer.bias_shift,
            layer.output_shift, truncate=truncate,
        )[0]  # fmt: skip
    if isinstance(layer, QuantizedDepthwiseConvolution):
        return depthwise_conv(
            x, shape.h, shape.w, shape.c, layer.weights.ravel().tolist(), layer.bias.tolist(),
            *layer.kernel, *layer.pad, *layer.stride, layer.bias_shift, layer.output_shift,
            truncate=truncate,
        )[0]  # fmt: skip
    return _simple(layer, x, semantics)


def _simple(layer: QuantizedLayer, x: list[int], semantics: Semantics) -> list[int]:
    shape = layer.in_shape
    if isinstance(layer, QuantizedInnerProduct):
        return oracle.fully_connected(
            x, layer.weights.ravel().tolist(), layer.bias.tolist(), layer.bias_shift,
            layer.output_shift, truncate=semantics.truncate,
        )  # fmt: skip
    if isinstance(layer, QuantizedPooling):
        pool = oracle.max_pool if layer.method == "max" else oracle.avg_pool
        form: oracle.PoolForm = "dsp" if semantics.pooling == "dsp" else "c"
        return pool(
            x, shape.h, shape.w, shape.c, *layer.kernel, *layer.pad, *layer.stride,
            layer.out_shape.h, layer.out_shape.w, form,
        )  # fmt: skip
    if layer.type == "relu":
        return oracle.relu(x)
    return oracle.softmax(x, "5.9" if semantics.softmax == "5.9" else "5.4")


def _check(network: QuantizedNetwork, semantics: Semantics) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, network.input.shape, dtype=np.uint8)
    trace = run_reference(network, pixels, semantics)
    names = [stage.name for stage in network.stages]
    tensors = dict(zip(names, trace.tensors, strict=True))
    for layer in network.layers:
        inputs = [tensors[name].ravel().tolist() for name in layer.inputs]
        assert tensors[layer.name].shape == tuple(layer.out_shape)
        assert tensors[layer.name].ravel().tolist() == _by_oracle(layer, inputs, semantics), layer


@pytest.mark.parametrize("semantics", SEMANTICS, ids=["default", "c-5.4", "truncate"])
@pytest.mark.parametrize("seed", range(20))
def test_random_branches_equal_the_oracle(seed: int, semantics: Semantics) -> None:
    _check(random_branches(1000 + seed), semantics)


@pytest.mark.parametrize("name", ["shared-relu", "from-the-input", "three-terms", "gates"])
def test_branches_by_hand_equal_the_oracle(name: str) -> None:
    for semantics in SEMANTICS:
        _check(BRANCHES[name], semantics)


@pytest.mark.parametrize("int_width", range(4))
def test_every_value_of_a_table(int_width: int) -> None:
    shape, values = Shape(16, 16, 1), range(-128, 128)
    tensor = np.array(values, np.int8).reshape(shape)
    for layer in (
        QuantizedSigmoid("sigmoid", ("data",), shape, shape, 7, int_width),
        QuantizedTanH("tanh", ("data",), shape, shape, 7, int_width),
    ):
        found = compute_layer(layer, (tensor,), Semantics())
        assert found.ravel().tolist() == _by_oracle(layer, [list(values)], Semantics())


@pytest.mark.parametrize("truncate", [False, True])
def test_sums_of_extremes(truncate: bool) -> None:
    shape = Shape(1, 1, 5)
    extremes = [np.array(v, np.int8).reshape(shape) for v in ([-128] * 5, [127, -128, -1, 0, 1])]
    for shifts, out_shift in (((22, 22), 31), ((22, 0), 0), ((0, 0), 8), ((0, 7), 15)):
        layer = QuantizedEltwiseSum(
            "sum", ("a", "b"), shape, shape, 0, (shape, shape), shifts, out_shift
        )
        for tensors in ((extremes[0], extremes[1]), (extremes[1], extremes[1])):
            found = compute_layer(layer, tensors, Semantics(truncate=truncate))
            flat = [tensor.ravel().tolist() for tensor in tensors]
            assert found.ravel().tolist() == oracle_branches.eltwise_sum(
                flat, shifts, out_shift, truncate
            )


def test_logits_are_what_the_last_softmax_reads() -> None:
    net = Branches(1, Shape(4, 4, 1))
    logits = net.inner_product("data")
    net.relu(logits)
    net.softmax(logits)
    network = net.network("out-of-order")
    assert network.stages[network.logits_stage].name == logits
    trace = run_reference(network, np.full((4, 4, 1), 200, np.uint8))
    assert trace.logits.tolist() == trace.tensors[1].ravel().tolist()
    assert BRANCHES["inception"].logits_stage == len(BRANCHES["inception"].layers) - 1
    assert BRANCHES["gates"].logits_stage == len(BRANCHES["gates"].layers)


def test_a_digest_knows_shifts_and_inputs() -> None:
    network = BRANCHES["residual"]
    index = next(i for i, layer in enumerate(network.layers) if layer.type == "eltwise")
    layer = network.layers[index]
    digests = {
        network_sha256(network),
        network_sha256(changed(network, index, input_shifts=(0, 1))),
        network_sha256(changed(network, index, output_shift=1)),
        network_sha256(changed(network, index, inputs=layer.inputs[::-1])),
        network_sha256(hand_made_network()),
    }
    assert len(digests) == 5
