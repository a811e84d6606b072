"""A network whose result depends on every choice of what kernels compute."""

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
    QuantizedSoftmax,
)
from qrig.networks.graph import Pair, Shape
from qrig.runs.networks import LoadedNetwork


def pooled_network() -> QuantizedNetwork:
    """Convolution, average and max pooling, ReLU, inner product, softmax; all square."""
    numbers = np.random.default_rng(3)
    image, map_, half, quarter, ten = (
        Shape(16, 16, 3), Shape(16, 16, 6), Shape(8, 8, 6), Shape(4, 4, 6), Shape(1, 1, 10),
    )  # fmt: skip
    layers: tuple[QuantizedLayer, ...] = (
        QuantizedConvolution(
            "conv1", ("data",), image, map_, 0, Pair(3, 3), Pair(1, 1), Pair(1, 1),
            numbers.integers(-128, 128, (6, 3, 3, 3), dtype=np.int8),
            numbers.integers(-128, 128, 6, dtype=np.int8), 2, 9,
        ),
        QuantizedPooling(
            "pool1", ("conv1",), map_, half, 0, "average", Pair(3, 3), Pair(2, 2), Pair(0, 0)
        ),
        QuantizedReLU("relu1", ("pool1",), half, half, 0),
        QuantizedPooling(
            "pool2", ("relu1",), half, quarter, 0, "max", Pair(2, 2), Pair(2, 2), Pair(0, 0)
        ),
        QuantizedInnerProduct(
            "ip1", ("pool2",), quarter, ten, 3,
            numbers.integers(-128, 128, (10, quarter.size), dtype=np.int8),
            numbers.integers(-128, 128, 10, dtype=np.int8), 1, 13,
        ),
        QuantizedSoftmax("softmax", ("ip1",), ten, ten, 7),
    )  # fmt: skip
    source = QuantizedInput("data", image, "rgb", np.array([128, 120, 110], np.int16), 1, 1, 0)
    return QuantizedNetwork("pooled", source, layers)


def pooled(samples: int = 3) -> LoadedNetwork:
    """The network with random samples."""
    network = pooled_network()
    numbers = np.random.default_rng(5)
    return LoadedNetwork(
        network.name,
        network,
        samples=tuple(
            Sample(f"noise-{index}", numbers.integers(0, 256, (16, 16, 3), dtype=np.uint8))
            for index in range(samples)
        ),
    )
