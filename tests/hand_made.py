"""A network made by hand, small enough to run everywhere in a moment, with samples."""

import attrs
import numpy as np

from qrig.datasets import Sample
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
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
