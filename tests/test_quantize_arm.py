"""ARM's method against an independent, slow one: the same formats for networks made at random.

Weights, pixels and windows are such that every sum before a format is exact in single precision:
nothing but the method decides.
"""

import functools

import numpy as np
import pytest

from float_networks import images_for
from oracle_arm import ArmSearch
from qrig.networks.graph import (
    Convolution,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    Network,
    Pair,
    Pooling,
    ReLU,
    Shape,
)
from qrig.networks.shapes import convolution_output, pooling_output
from qrig.quantize.arm import arm_bits, arm_formats
from qrig.quantize.calibration import calibrate

SEEDS = range(40)
IMAGES = 60
CLASSES = 6


class Chain:
    """A chain of layers from a seed."""

    def __init__(self, seed: int) -> None:
        self.numbers = np.random.default_rng(seed)
        self.layers: list[Layer] = []
        self.shape = Shape(7, 6, 2)
        self.last = "data"

    def add(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.shape, self.last = layer.out_shape, layer.name

    def base(self, kind: str, out: Shape) -> tuple[str, tuple[str, ...], Shape, Shape]:
        return f"{kind}{len(self.layers)}", (self.last,), self.shape, out

    def weights(self, *shape: int) -> FloatArray:
        """Multiples of 1/64, most of them small, a few far out: saturating those may pay."""
        values = self.numbers.standard_t(2.5, size=shape) * 0.4
        return np.asarray(np.clip(np.round(values * 64), -192, 192) / 64, np.float32)

    def bias(self, count: int) -> FloatArray:
        """Multiples of 2^-10, of one of several sizes: too fine for the accumulator, or coarse."""
        values = self.numbers.standard_t(1.5, size=count) * self.numbers.choice([0.003, 0.1, 2.0])
        return np.asarray(np.round(np.clip(values, -60, 60) * 1024) / 1024, np.float32)

    def convolution(self, side: int, channels: int) -> None:
        kernel, step, pad = Pair(side, side), Pair(1, 1), Pair(side // 2, side // 2)
        out = convolution_output(self.shape, kernel, step, pad, channels)
        weights = self.weights(channels, side, side, self.shape.c)
        base = self.base("conv", out)
        self.add(Convolution(*base, kernel, step, pad, weights, self.bias(channels)))

    def pooling(self, method: str) -> None:
        side, step, pad = Pair(2, 2), Pair(2, 2), Pair(0, 0)
        out = pooling_output(self.shape, side, step, pad)
        self.add(Pooling(*self.base("pool", out), method, side, step, pad))

    def relu(self) -> None:
        self.add(ReLU(*self.base("relu", self.shape)))

    def inner_product(self, rows: int) -> None:
        weights = self.weights(rows, self.shape.size)
        self.add(InnerProduct(*self.base("ip", Shape(1, 1, rows)), weights, self.bias(rows)))


def network(seed: int) -> Network:
    """Convolutions, poolings of both kinds behind or before ReLUs, one to three inner products.

    Some have a convolution behind an inner product, which is searched before it.
    """
    made = Chain(seed)
    for _ in range(int(made.numbers.integers(1, 3))):
        made.convolution(int(made.numbers.choice([1, 3])), int(made.numbers.integers(3, 6)))
        method = str(made.numbers.choice(["max", "average"]))
        for step in made.numbers.permutation([0, 1]):
            made.relu() if step else made.pooling(method)
    for _ in range(int(made.numbers.integers(0, 3))):
        made.inner_product(int(made.numbers.integers(5, 9)))
        if made.numbers.random() < 0.6:
            made.convolution(1, 6)
        made.relu()
    made.inner_product(CLASSES)
    source = Input("data", Shape(7, 6, 2), "rgb", np.full(2, 100, np.float32), 1 / 64)
    return Network(f"chain{seed}", source, tuple(made.layers))


@functools.cache
def searched(seed: int) -> ArmSearch:
    """What the slow search finds; labels are the float network's answers, some of them changed."""
    made, images = network(seed), images_for(network(seed), IMAGES, seed)
    labels = calibrate(made, images).logits.argmax(axis=1).astype(np.int64)
    labels[::9] = (labels[::9] + 1) % CLASSES
    search = ArmSearch(made, images, labels)
    search.run()
    return search


@pytest.mark.parametrize("seed", SEEDS)
def test_bits_are_those_of_the_slow_search(seed: int) -> None:
    slow = searched(seed)
    found = arm_bits(calibrate(slow.network, slow.images, slow.labels))
    for bits, expected in (
        (found.weights, slow.weight_bits),
        (found.activations, slow.act_bits),
        (found.biases, slow.bias_bits),
    ):
        assert list(bits.items()) == list(expected.items())  # searched in the same order, too


@pytest.mark.parametrize("seed", SEEDS)
def test_formats_are_those_of_the_slow_search(seed: int) -> None:
    slow = searched(seed)
    found = arm_formats(calibrate(slow.network, slow.images, slow.labels)).layers
    bits = {slow.network.input.name: slow.act_bits[slow.network.input.name]}
    assert found[slow.network.input.name].activation_fraction_bits == bits["data"]
    for layer in slow.network.layers:
        entry, (before,) = found[layer.name], layer.inputs
        if layer.name not in slow.weight_bits:
            bits[layer.name] = bits[before]
            assert entry.activation_fraction_bits == bits[before]
            continue
        accumulator = slow.weight_bits[layer.name] + bits[before]
        bits[layer.name] = min(slow.act_bits[layer.name], accumulator)  # no shift is negative
        bias = min(slow.bias_bits[layer.name], accumulator)
        assert entry.weight_fraction_bits == slow.weight_bits[layer.name]
        assert entry.bias_fraction_bits == bias
        assert entry.activation_fraction_bits == bits[layer.name]
        assert entry.bias_shift == accumulator - bias
        assert entry.output_shift == accumulator - bits[layer.name]


def test_the_networks_need_every_part_of_the_method() -> None:
    """Formats move in all three passes, and biases meet the accumulator's bits."""
    found = [searched(seed) for seed in SEEDS]
    assert {what for slow in found for what in slow.moved} == {"weights", "activations", "biases"}
    assert sum(bool(slow.capped) for slow in found) >= 5
    kinds = {
        (layer.type, getattr(layer, "method", "")) for slow in found for layer in slow.layers()
    }
    assert {("pooling", "max"), ("pooling", "average"), ("innerproduct", "")} <= kinds
    products = [sum(layer.type == "innerproduct" for layer in slow.layers()) for slow in found]
    assert max(products) == 3
