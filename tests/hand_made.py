"""Networks made by hand, small enough to run everywhere in a moment, one with samples."""

import attrs
import numpy as np

from qrig.datasets import Sample
from qrig.fixedpoint.quantized import (
    Int8Array,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
)
from qrig.networks.graph import Pair, Shape
from qrig.runs.networks import LoadedNetwork


def hand_made_network() -> QuantizedNetwork:
    """Convolution, ReLU, max pooling, inner product."""
    numbers = np.random.default_rng(7)
    image, map_, pooled = Shape(8, 8, 3), Shape(8, 8, 6), Shape(4, 4, 6)
    square = Pair(2, 2)
    layers: tuple[QuantizedLayer, ...] = (
        QuantizedConvolution(
            "conv1", ("data",), image, map_, 0, Pair(3, 3), Pair(1, 1), Pair(1, 1),
            numbers.integers(-128, 128, (6, 3, 3, 3), dtype=np.int8),
            numbers.integers(-128, 128, 6, dtype=np.int8), 2, 9,
        ),
        QuantizedReLU("relu1", ("conv1",), map_, map_, 0),
        QuantizedPooling("pool1", ("relu1",), map_, pooled, 0, "max", square, square, Pair(0, 0)),
        QuantizedInnerProduct(
            "ip1", ("pool1",), pooled, Shape(1, 1, 5), 0,
            numbers.integers(-128, 128, (5, pooled.size), dtype=np.int8),
            numbers.integers(-128, 128, 5, dtype=np.int8), 1, 8,
        ),
    )  # fmt: skip
    source = QuantizedInput("data", image, "rgb", np.array([128, 120, 110], np.int16), 1, 0, 0)
    return QuantizedNetwork("hand-made", source, layers)


def separable_network() -> QuantizedNetwork:
    """A wide convolution, depthwise and pointwise ones, an average over the whole map."""
    numbers = np.random.default_rng(13)

    def weights(*shape: int) -> Int8Array:
        return numbers.integers(-128, 128, shape, dtype=np.int8)

    image, map_, last, one = Shape(11, 6, 1), Shape(6, 5, 8), Shape(6, 5, 12), Shape(1, 1, 12)
    unit, none = Pair(1, 1), Pair(0, 0)
    layers: tuple[QuantizedLayer, ...] = (
        QuantizedConvolution(
            "conv1", ("data",), image, map_, 0, Pair(5, 4), Pair(2, 1), Pair(2, 1),
            weights(8, 5, 4, 1), weights(8), 2, 9,
        ),
        QuantizedDepthwiseConvolution(
            "dw2", ("conv1",), map_, map_, 0, Pair(3, 3), unit, unit,
            weights(3, 3, 8), weights(8), 4, 8,
        ),
        QuantizedReLU("relu2", ("dw2",), map_, map_, 0),
        QuantizedConvolution(
            "pw2", ("relu2",), map_, last, 0, unit, unit, none,
            weights(12, 1, 1, 8), weights(12), 3, 8,
        ),
        QuantizedPooling("pool", ("pw2",), last, one, 0, "average", Pair(6, 5), unit, none),
    )  # fmt: skip
    source = QuantizedInput("data", image, "gray", np.array([128], np.int16), 1, 0, 0)
    return QuantizedNetwork("separable", source, layers)


def hand_made(samples: int = 4) -> LoadedNetwork:
    """The network with random samples."""
    network = hand_made_network()
    numbers = np.random.default_rng(11)
    return LoadedNetwork(
        network.name,
        network,
        samples=tuple(
            Sample(f"noise-{index}", numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8), index % 5)
            for index in range(samples)
        ),
    )


def changed(network: QuantizedNetwork, index: int, **changes: object) -> QuantizedNetwork:
    """Return the network with fields of one layer replaced."""
    layers = list(network.layers)
    layers[index] = attrs.evolve(layers[index], **changes)  # type: ignore[arg-type]  # as given
    return attrs.evolve(network, layers=tuple(layers))
