"""Networks with branches, by hand and from a seed: tensors with several readers, joined again."""

import random

import numpy as np

from qrig.fixedpoint.quantized import (
    Int8Array,
    QuantizedConcat,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedEltwiseSum,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
    QuantizedSigmoid,
    QuantizedSoftmax,
    QuantizedTanH,
)
from qrig.networks.graph import Pair, Shape
from qrig.networks.shapes import convolution_output, pooling_output

_ONE, _NONE = Pair(1, 1), Pair(0, 0)


class Branches:
    """Layers that name what they read; each method returns the name of the tensor it adds."""

    def __init__(self, seed: int, image: Shape) -> None:
        self.pick = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.layers: list[QuantizedLayer] = []
        self.shapes = {"data": image}

    def base(
        self, kind: str, sources: tuple[str, ...], out: Shape
    ) -> tuple[str, tuple[str, ...], Shape, Shape, int]:
        name = f"{kind}{len(self.layers)}"
        self.shapes[name] = out
        return name, sources, self.shapes[sources[0]], out, 0

    def add(self, layer: QuantizedLayer) -> str:
        self.layers.append(layer)
        return layer.name

    def values(self, *shape: int) -> Int8Array:
        return self.numbers.integers(-128, 128, size=shape, dtype=np.int8)

    def convolution(
        self, source: str, channels: int, side: int = 3, stride: Pair = _ONE, pad: int | None = None
    ) -> str:
        """A convolution that keeps the map's size, unless stride or padding is another."""
        before = self.shapes[source]
        kernel, around = Pair(side, side), Pair(*([side // 2 if pad is None else pad] * 2))
        weights = self.values(channels, side, side, before.c)
        shift = int(np.log2(np.abs(weights.astype(int)).reshape(channels, -1).sum(1).max()))
        out = convolution_output(before, kernel, stride, around, channels)
        base = self.base("conv", (source,), out)
        bias, shift = self.values(channels), max(0, shift - self.pick.randint(0, 2))
        return self.add(
            QuantizedConvolution(*base, kernel, stride, around, weights, bias, 4, shift)
        )

    def depthwise(self, source: str) -> str:
        shape, three = self.shapes[source], Pair(3, 3)
        base = self.base("depthwise", (source,), shape)
        weights, bias = self.values(3, 3, shape.c), self.values(shape.c)
        return self.add(
            QuantizedDepthwiseConvolution(*base, three, _ONE, _ONE, weights, bias, 3, 8)
        )

    def pool(self, source: str, method: str, side: int = 2, stride: int = 2, pad: int = 0) -> str:
        kernel, step, around = Pair(side, side), Pair(stride, stride), Pair(pad, pad)
        out = pooling_output(self.shapes[source], kernel, step, around)
        base = self.base("pool", (source,), out)
        return self.add(QuantizedPooling(*base, method, kernel, step, around))

    def relu(self, source: str) -> str:
        return self.add(QuantizedReLU(*self.base("relu", (source,), self.shapes[source])))

    def sigmoid(self, source: str, int_width: int = 2) -> str:
        base = self.base("sigmoid", (source,), self.shapes[source])
        return self.add(QuantizedSigmoid(*base, int_width))

    def tanh(self, source: str, int_width: int = 1) -> str:
        return self.add(
            QuantizedTanH(*self.base("tanh", (source,), self.shapes[source]), int_width)
        )

    def concat(self, *sources: str, shifts: tuple[int, ...] | None = None) -> str:
        shapes = tuple(self.shapes[name] for name in sources)
        out = Shape(shapes[0].h, shapes[0].w, sum(shape.c for shape in shapes))
        by = shifts or tuple(self.pick.choice((0, 0, 1, 2, 9)) for _ in sources)
        return self.add(QuantizedConcat(*self.base("concat", sources, out), shapes, by))

    def sum(
        self, *sources: str, shifts: tuple[int, ...] | None = None, out_shift: int | None = None
    ) -> str:
        shape = self.shapes[sources[0]]
        by = shifts or tuple(self.pick.choice((0, 0, 1, 3, 12)) for _ in sources)
        down = self.pick.choice((0, 1, 1, 2, 5)) if out_shift is None else out_shift
        base = self.base("sum", sources, shape)
        return self.add(QuantizedEltwiseSum(*base, (shape,) * len(sources), by, down))

    def inner_product(self, source: str, rows: int = 6) -> str:
        weights = self.values(rows, self.shapes[source].size)
        base = self.base("ip", (source,), Shape(1, 1, rows))
        return self.add(QuantizedInnerProduct(*base, weights, self.values(rows), 2, 10))

    def softmax(self, source: str) -> str:
        return self.add(QuantizedSoftmax(*self.base("softmax", (source,), self.shapes[source])))

    def network(self, name: str) -> QuantizedNetwork:
        image = self.shapes["data"]
        mean = self.numbers.integers(90, 160, image.c).astype(np.int16)
        order = "gray" if image.c == 1 else "rgb"
        source = QuantizedInput("data", image, order, mean, 1, 0, 0)
        return QuantizedNetwork(name, source, tuple(self.layers))


def inception() -> QuantizedNetwork:
    """Branches of 1x1, 3x3, 5x5 and a pooling, each with its ReLU, side by side."""
    net = Branches(1, Shape(12, 12, 3))
    stem = net.relu(net.convolution("data", 6))
    for _ in range(2):
        branches = [
            net.relu(net.convolution(stem, 4, 1)),
            net.relu(net.convolution(net.relu(net.convolution(stem, 3, 1)), 6, 3)),
            net.relu(net.convolution(net.relu(net.convolution(stem, 2, 1)), 3, 5)),
            net.relu(net.convolution(net.pool(stem, "max", 1, 1), 2, 1)),
        ]
        stem = net.concat(*branches)
    last = net.pool(stem, "average", 12, 1)
    net.softmax(net.inner_product(last))
    return net.network("inception")


def residual() -> QuantizedNetwork:
    """Blocks with an identity or a projection beside two convolutions; sums saturate."""
    net = Branches(2, Shape(9, 10, 3))
    x = net.relu(net.convolution("data", 5))
    inner = net.convolution(net.relu(net.convolution(x, 5)), 5)
    x = net.relu(net.sum(x, inner, shifts=(0, 0), out_shift=0))
    inner = net.convolution(net.relu(net.convolution(x, 8, stride=Pair(2, 2))), 8)
    side = net.convolution(x, 8, 1, Pair(2, 2))
    x = net.relu(net.sum(inner, side, shifts=(0, 2), out_shift=2))
    x = net.sum(x, net.convolution(x, 8, 1), shifts=(1, 0), out_shift=1)
    net.inner_product(x)
    return net.network("residual")


def shared_relu() -> QuantizedNetwork:
    """Tensors that are read before and behind layers which would overwrite them."""
    net = Branches(3, Shape(8, 8, 2))
    conv = net.convolution("data", 4)
    relu = net.relu(conv)
    again = net.relu(net.sum(conv, relu, shifts=(0, 0), out_shift=1))
    small = net.pool(again, "average", 3, 1)
    largest = net.pool(again, "max", 3, 1)
    cut = net.convolution(again, 4, 3, pad=0)
    net.concat(small, cut, largest, net.tanh(cut), net.sigmoid(small), cut)
    return net.network("shared-relu")


def from_the_input() -> QuantizedNetwork:
    """The input's tensor beside what is made of it, once behind a pooling that destroys it."""
    net = Branches(4, Shape(7, 11, 3))
    pooled = net.pool("data", "average", 3, 1)
    both = net.concat("data", net.convolution("data", 5))
    cut = net.convolution(both, 3, 3, pad=0)
    net.sum(cut, pooled, net.convolution("data", 3, 3, pad=0))
    return net.network("from-the-input")


def three_terms() -> QuantizedNetwork:
    """Sums of one to five tensors, the same one twice among them, and of 32 bits."""
    net = Branches(5, Shape(6, 5, 1))
    a, b = net.convolution("data", 3), net.convolution("data", 3, 1)
    c = net.relu(b)
    total = net.sum(a, b, c)
    twice = net.sum(total, total, shifts=(0, 0), out_shift=1)
    wide = net.sum(twice, a, shifts=(19, 0), out_shift=17)
    alone = net.sum(wide, shifts=(3,), out_shift=2)
    net.sum(alone, a, b, c, twice, shifts=(2, 0, 1, 0, 3), out_shift=3)
    return net.network("three-terms")


def gates() -> QuantizedNetwork:
    """Sigmoid and tanh of every width in the middle, one at the end."""
    net = Branches(6, Shape(5, 6, 2))
    conv = net.convolution("data", 4)
    gate = net.sigmoid(conv, 0)
    state = net.tanh(net.sum(gate, net.tanh(conv, 3)), 2)
    mixed = net.convolution(net.concat(gate, state, net.sigmoid(conv, 3)), 6)
    net.tanh(net.inner_product(net.sigmoid(mixed, 1)), 1)
    return net.network("gates")


def nested() -> QuantizedNetwork:
    """A concatenation of concatenations, and one of odd channels that convolutions read."""
    net = Branches(7, Shape(8, 9, 1))
    a, b = net.relu(net.convolution("data", 3)), net.convolution("data", 5)
    inner = net.concat(a, b)
    outer = net.concat(inner, net.concat("data", a), a)
    left, right = net.relu(net.convolution(outer, 6)), net.depthwise(outer)
    net.concat(net.pool(left, "max"), net.pool(right, "max"), net.pool(left, "average"))
    return net.network("nested")


def dead_ends() -> QuantizedNetwork:
    """Layers nobody reads, layers out of the order of branches, a softmax in the middle."""
    net = Branches(8, Shape(8, 8, 3))
    a = net.convolution("data", 4)
    b = net.convolution("data", 4)
    first, _unread = net.relu(a), net.relu(b)
    net.pool(a, "max")
    pooled = net.pool(first, "max", 8, 1)
    logits = net.inner_product(pooled)
    net.softmax(logits)
    net.convolution(first, 2)
    net.relu(logits)
    return net.network("dead-ends")


def planes() -> QuantizedNetwork:
    """Convolutions that hand planes over, next to ones that cannot."""
    net = Branches(9, Shape(16, 12, 3))
    a = net.relu(net.convolution("data", 6))
    b = net.pool(net.relu(net.convolution(a, 6)), "max")
    far = net.relu(net.convolution(b, 5))
    near = net.convolution(b, 5, 1)
    net.sum(net.convolution(far, 5), net.relu(near))
    return net.network("planes")


BRANCHES = {
    network.name: network
    for network in (
        inception(),
        residual(),
        shared_relu(),
        from_the_input(),
        three_terms(),
        gates(),
        nested(),
        dead_ends(),
        planes(),
    )
}
"""Networks with branches, by name."""


def random_branches(seed: int) -> QuantizedNetwork:
    """Return four to fourteen layers, each of which reads any tensors there are."""
    pick = random.Random(seed)
    net = Branches(seed, Shape(pick.randint(4, 13), pick.randint(4, 13), pick.choice((1, 2, 3, 4))))
    for _ in range(pick.randint(4, 14)):
        _add_any(net, pick)
    last = net.layers[-1].name if net.layers else "data"
    ending = pick.random()
    if ending < 0.3:
        last = net.inner_product(last, pick.randint(1, 9))
    if ending < 0.15:
        net.softmax(last)
    return net.network(f"branches-{seed}")


def _add_any(net: Branches, pick: random.Random) -> None:
    names = list(net.shapes)
    source = pick.choice(names[-4:]) if pick.random() < 0.8 else pick.choice(names)
    shape = net.shapes[source]
    like = [name for name in names if net.shapes[name] == shape]
    beside = [name for name in names if net.shapes[name][:2] == shape[:2]]
    kind = pick.choice(("conv", "conv", "conv", "relu", "relu", "pool", "table", "sum", "concat"))
    if kind == "conv":
        _add_convolution(net, pick, source)
    elif kind == "relu":
        net.relu(source)
    elif kind == "pool" and min(shape[:2]) > 2:
        side = pick.randint(2, 3)
        net.pool(source, pick.choice(("max", "average")), side, pick.randint(1, side))
    elif kind == "table":
        pick.choice((net.sigmoid, net.tanh))(source, pick.randint(0, 3))
    elif kind == "sum":
        net.sum(*pick.choices(like, k=pick.randint(1, 3)))
    elif shape.c < 24:
        net.concat(*pick.choices(beside, k=pick.randint(1, 3)))


def _add_convolution(net: Branches, pick: random.Random, source: str) -> None:
    shape = net.shapes[source]
    if pick.random() < 0.15:
        net.depthwise(source)
        return
    like = [found.c for found in net.shapes.values() if found[:2] == shape[:2] and found.c < 12]
    channels = pick.choice([*like, 2, 3, 4, 6, 8])
    stride = pick.choice((_ONE, _ONE, _ONE, Pair(2, 2)))
    net.convolution(source, channels, pick.choice((1, 1, 3, 3, 5)), stride)
