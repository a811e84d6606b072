"""`.network` files of made networks: byte for byte what another writer writes, and back again."""

import attrs
import numpy as np
import pytest

from hand_made import hand_made_network, separable_network
from network_files import ChainMaker, network_bytes, random_chain
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.interleave import Order, deinterleaved, interleaved
from qrig.fixedpoint.network_file import (
    file_from_network,
    layer_names,
    network_from_file,
    parse_network_file,
)
from qrig.fixedpoint.quantized import (
    QuantizedConcat,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedSoftmax,
)
from qrig.networks.graph import Pair, Shape
from qrig.reference import run_reference
from qrig.runs.networks import LoadedNetwork, with_softmax


@pytest.mark.parametrize("seed", range(40))
def test_a_file_is_what_another_writer_writes(seed: int) -> None:
    network, batch = random_chain(seed), 1 + seed * 37
    data = bytes(network_bytes(network, batch=batch).data)
    assert file_from_network(network, batch=batch).to_bytes() == data
    file = parse_network_file(data, "chain")
    assert file.to_bytes() == data
    assert file.batch == batch


@pytest.mark.parametrize("seed", range(40))
def test_what_is_read_computes_what_was_written(seed: int) -> None:
    network = random_chain(seed)
    again = network_from_file(file_from_network(network), "again")
    pixels = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    traces = [run_reference(one, pixels).tensors for one in (network, again)]
    for before, after in zip(*traces, strict=True):
        assert np.array_equal(before, after)
        assert before.shape == after.shape


def test_layers_have_names_and_no_formats() -> None:
    file = file_from_network(hand_made_network())
    assert layer_names(file) == ("data", "conv1", "relu1", "pool1", "ip1")
    network = network_from_file(file, "hand")
    assert network.name == "hand"
    assert [stage.name for stage in network.stages] == list(layer_names(file))
    assert {layer.fraction_bits for layer in network.layers} == {0}
    maker = ChainMaker(Shape(6, 6, 1)).relu().conv(2, 3).relu().conv(3, 3).ip(4).relu().ip(2)
    names = "data relu1 conv1 relu2 conv2 ip1 relu3 ip2"
    assert " ".join(layer_names(file_from_network(maker.made()))) == names


def test_a_softmax_at_the_end_is_left_out() -> None:
    network = hand_made_network()
    ended = with_softmax(LoadedNetwork("hand", network)).quantized
    assert file_from_network(ended).to_bytes() == file_from_network(network).to_bytes()


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("columns", [1, 4, 7])
@pytest.mark.parametrize("rows", [1, 4, 6, 9])
def test_interleaving_is_undone(rows: int, columns: int, order: Order) -> None:
    matrix = np.random.default_rng(3).integers(-128, 128, (rows, columns), dtype=np.int8)
    values = interleaved(matrix, order)
    assert np.array_equal(deinterleaved(values, (rows, columns), order), matrix)


def _with_input(network: QuantizedNetwork, **changes: object) -> QuantizedNetwork:
    return attrs.evolve(network, input=attrs.evolve(network.input, **changes))  # type: ignore[arg-type]  # as given


def _with_layer(index: int, **changes: object) -> QuantizedNetwork:
    layers = list(hand_made_network().layers)
    layers[index] = attrs.evolve(layers[index], **changes)  # type: ignore[arg-type]  # as given
    return attrs.evolve(hand_made_network(), layers=tuple(layers))


def _branched() -> QuantizedNetwork:
    network = hand_made_network()
    one, two = network.layers[0], attrs.evolve(network.layers[1], inputs=("data",))
    return attrs.evolve(network, layers=(one, two, *network.layers[2:]))


def _depthwise() -> QuantizedNetwork:
    layer = attrs.evolve(separable_network().layers[1], inputs=("data",))
    return attrs.evolve(hand_made_network(), layers=(layer,))


def _joined() -> QuantizedNetwork:
    network = hand_made_network()
    shape = network.layers[1].out_shape
    joint = QuantizedConcat("joint", ("relu1",), shape, shape, 0, (shape,), (0,))
    return attrs.evolve(network, layers=(*network.layers[:2], joint))


def _softmax_before() -> QuantizedNetwork:
    network = hand_made_network()
    last = network.layers[-1]
    soft = QuantizedSoftmax("soft", (last.name,), last.out_shape, last.out_shape, 7)
    after = attrs.evolve(network.layers[1], name="relu2", inputs=("soft",), out_shape=soft.in_shape)
    return attrs.evolve(network, layers=(*network.layers, soft, after))


def _padded_pooling() -> QuantizedNetwork:
    network = hand_made_network()
    layers = list(network.layers)
    shape = layers[0].out_shape
    sides = (Pair(3, 3), Pair(1, 1), Pair(1, 1))
    layers[2] = QuantizedPooling("pool1", ("relu1",), shape, shape, 0, "average", *sides)
    return attrs.evolve(network, layers=tuple(layers[:3]))


_HAND = hand_made_network()
REFUSED = {
    "no squares": (separable_network(), "no window that differs along x and y"),
    "stride": (_with_layer(0, stride=Pair(1, 2)), "no stride that differs"),
    "pad": (_with_layer(2, pad=Pair(1, 0)), "no padding that differs"),
    "depthwise": (_depthwise(), "no depthwise convolutions"),
    "concat": (_joined(), "no concatenated channels"),
    "branches": (_branched(), "no branches"),
    "softmax": (_softmax_before(), "no softmax but at the end"),
    "mean image": (
        _with_input(_HAND, mean=np.zeros((8, 8, 3), np.int16)),
        "no mean images, found that its mean is one",
    ),
    "channels": (
        QuantizedNetwork("two", attrs.evolve(_HAND.input, shape=Shape(8, 8, 2)), _HAND.layers),
        "of 1 or 3 channels",
    ),
    "bgr": (_with_input(_HAND, channel_order="bgr"), "order of channels but RGB"),
    "scale": (_with_input(_HAND, multiplier=181, shift=3), "found 181 / 2"),
    "small scale": (_with_input(_HAND, multiplier=16), "input scale of 4 to 31 .* found 3"),
    "large scale": (_with_input(_HAND, shift=25), "found 32"),
    "mean": (_with_input(_HAND, mean=np.array([0, -2000, 3], np.int16)), "found -2000"),
    "shift": (_with_layer(0, output_shift=32), "r_shift: expected 0 to 31, found 32"),
    "padded pool": (_padded_pooling(), "less than window and stride, found 1"),
    "nothing": (attrs.evolve(_HAND, layers=()), "2 to 1024 layers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_format_lacks_is_named(name: str) -> None:
    network, expected = REFUSED[name]
    with pytest.raises(UnsupportedNetworkError, match=expected):
        file_from_network(network)
