"""Float networks in deployable form, made from a seed: chains and branches."""

import numpy as np
import numpy.typing as npt

from qrig.networks.graph import (
    Concat,
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    Network,
    Pair,
    Pooling,
    ReLU,
    Shape,
    Sigmoid,
    Softmax,
    TanH,
)
from qrig.networks.shapes import convolution_output, pooling_output


class FloatMaker:
    """Layers, each behind any tensor made before; weights are normal, scaled by `spread`."""

    def __init__(self, seed: int, image: Shape, *, spread: float = 0.3) -> None:
        self.numbers = np.random.default_rng(seed)
        self.spread = spread
        self.layers: list[Layer] = []
        self.shapes = {"data": image}
        self.last = "data"

    def _add(self, layer: Layer) -> str:
        self.layers.append(layer)
        self.shapes[layer.name] = layer.out_shape
        self.last = layer.name
        return layer.name

    def _base(
        self, kind: str, source: str | None, out: Shape | None = None
    ) -> tuple[str, tuple[str, ...], Shape, Shape]:
        source = source or self.last
        shape = self.shapes[source]
        return f"{kind}{len(self.layers)}", (source,), shape, out or shape

    def values(self, *shape: int) -> FloatArray:
        return (self.numbers.normal(size=shape) * self.spread).astype(np.float32)

    def convolution(
        self, side: int, channels: int, *, pad: int = 0, stride: int = 1, source: str | None = None
    ) -> str:
        kernel, steps, border = Pair(side, side), Pair(stride, stride), Pair(pad, pad)
        before = self.shapes[source or self.last]
        out = convolution_output(before, kernel, steps, border, channels)
        return self._add(
            Convolution(
                *self._base("conv", source, out), kernel, steps, border,
                self.values(channels, side, side, before.c), self.values(channels),
            )
        )  # fmt: skip

    def depthwise(self, side: int, *, source: str | None = None) -> str:
        kernel, border = Pair(side, side), Pair(side // 2, side // 2)
        before = self.shapes[source or self.last]
        return self._add(
            DepthwiseConvolution(
                *self._base("dw", source), kernel, Pair(1, 1), border,
                self.values(side, side, before.c), self.values(before.c),
            )
        )  # fmt: skip

    def pooling(self, method: str, side: int, stride: int, *, source: str | None = None) -> str:
        before = self.shapes[source or self.last]
        out = pooling_output(before, Pair(side, side), Pair(stride, stride), Pair(0, 0))
        return self._add(
            Pooling(
                *self._base("pool", source, out), method, Pair(side, side), Pair(stride, stride),
                Pair(0, 0),
            )
        )  # fmt: skip

    def relu(self, source: str | None = None) -> str:
        return self._add(ReLU(*self._base("relu", source)))

    def sigmoid(self, source: str | None = None) -> str:
        return self._add(Sigmoid(*self._base("sigmoid", source)))

    def tanh(self, source: str | None = None) -> str:
        return self._add(TanH(*self._base("tanh", source)))

    def softmax(self) -> str:
        return self._add(Softmax(*self._base("softmax", None)))

    def concat(self, *sources: str) -> str:
        shapes = tuple(self.shapes[name] for name in sources)
        out = shapes[0]._replace(c=sum(shape.c for shape in shapes))
        name = f"concat{len(self.layers)}"
        return self._add(Concat(name, sources, shapes[0], out, shapes))

    def add(self, *sources: str) -> str:
        shapes = tuple(self.shapes[name] for name in sources)
        name = f"sum{len(self.layers)}"
        return self._add(Eltwise(name, sources, shapes[0], shapes[0], "sum", shapes))

    def inner_product(self, rows: int) -> str:
        before = self.shapes[self.last]
        return self._add(
            InnerProduct(
                *self._base("ip", None, Shape(1, 1, rows)), self.values(rows, before.size),
                self.values(rows),
            )
        )  # fmt: skip

    def network(self, name: str, *, scale: float = 1 / 128) -> Network:
        image = self.shapes["data"]
        order = "gray" if image.c == 1 else "rgb"
        mean = np.full(image.c, 128, np.float32)
        return Network(name, Input("data", image, order, mean, scale), tuple(self.layers))


def chain(seed: int = 1, *, spread: float = 0.3) -> Network:
    """Three convolutions, one depthwise, pooling and ReLU in both orders, two inner products."""
    maker = FloatMaker(seed, Shape(12, 10, 2), spread=spread)
    maker.convolution(3, 4, pad=1)
    maker.pooling("max", 3, 2)
    maker.relu()
    maker.depthwise(3)
    maker.relu()
    maker.convolution(1, 6)
    maker.pooling("average", 2, 2)
    maker.inner_product(7)
    maker.relu()
    maker.inner_product(5)
    maker.softmax()
    return maker.network("chain")


def branches(seed: int = 1, *, spread: float = 0.3) -> Network:
    """A shared ReLU, a concatenation, a sum, tables of sigmoid and hyperbolic tangent."""
    maker = FloatMaker(seed, Shape(9, 9, 3), spread=spread)
    maker.convolution(3, 4, pad=1)
    shared = maker.relu()
    left = maker.convolution(1, 3, source=shared)
    right = maker.convolution(3, 4, pad=1, source=shared)
    total = maker.add(shared, right)
    maker.concat(left, total, "data")
    maker.pooling("max", 3, 2)
    maker.tanh()
    maker.convolution(2, 5)
    maker.sigmoid()
    maker.inner_product(6)
    return maker.network("branches")


def images_for(network: Network, count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Random pixels (count, h, w, c), smooth and noisy ones."""
    numbers = np.random.default_rng(seed)
    shape = network.input.shape
    noise = numbers.integers(0, 256, (count, *shape), dtype=np.uint8)
    noise[::2] = noise[::2] // 4 + numbers.integers(0, 192, (len(noise[::2]), 1, 1, 1))
    return noise
