"""Float networks made from a seed: branches, groups, dilation, normalisations, flattened maps."""

import random
from typing import Any

import attrs
import numpy as np

from qrig.networks.graph import (
    BatchNorm,
    Concat,
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    Flatten,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    LocalResponseNormalization,
    Network,
    Pair,
    Pooling,
    ReLU,
    Scale,
    Shape,
    Sigmoid,
    Softmax,
    TanH,
)
from qrig.networks.shapes import convolution_output, pooling_output

SOURCE = "net.prototxt:1"


class Maker:
    """Makes layers one behind the other; `last` and `shape` are the tensor at the end."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.layers: list[Layer] = []
        self.shape = Shape(*self.pair(5, 9), self.pick.choice((1, 2, 3, 4, 6)))
        self.last = "data"

    def floats(self, *shape: int) -> FloatArray:
        return self.numbers.normal(size=shape).astype(np.float32)

    def pair(self, low: int, high: int) -> Pair:
        return Pair(self.pick.randint(low, high), self.pick.randint(low, high))

    def base(self, out: Shape) -> dict[str, Any]:
        name = f"layer{len(self.layers)}"
        found = {
            "name": name,
            "inputs": (self.last,),
            "in_shape": self.shape,
            "out_shape": out,
            "source": SOURCE,
        }
        self.last, self.shape = name, out
        return found

    def add(self, layer: Layer) -> None:
        self.layers.append(layer)

    def convolution(self, out: Shape | None = None) -> None:
        """A convolution; of a single tap, if the shape of the output is prescribed."""
        before, one = self.shape, Pair(1, 1)
        kernel, stride, pad, dilation = self.pair(1, 3), self.pair(1, 2), self.pair(0, 1), one
        if self.pick.random() < 0.3:
            dilation = self.pair(1, 3)
        channels = self.pick.choice((1, 2, 3, 4, 6, 8))
        if out is not None:
            kernel, stride, pad, dilation, channels = one, one, Pair(0, 0), one, out.c
        reach = Pair(*(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)))
        sides = zip(reach, before[:2], pad, strict=True)
        if any(extent > side + 2 * p for extent, side, p in sides):
            return
        divisors = [n for n in range(1, 7) if before.c % n == 0 and channels % n == 0]
        groups = self.pick.choice((1, self.pick.choice(divisors)))
        base = self.base(convolution_output(before, reach, stride, pad, channels))
        self.add(
            Convolution(
                **base, kernel=kernel, stride=stride, pad=pad, dilation=dilation, groups=groups,
                weights=self.floats(channels, *kernel, before.c // groups),
                bias=self.floats(channels),
            )
        )  # fmt: skip

    def depthwise(self) -> None:
        kernel, pad = self.pair(1, 3), self.pair(0, 1)
        if any(k > s + 2 * p for k, s, p in zip(kernel, self.shape[:2], pad, strict=True)):
            return
        stride, channels = self.pair(1, 2), self.shape.c
        base = self.base(convolution_output(self.shape, kernel, stride, pad, channels))
        self.add(
            DepthwiseConvolution(
                **base, kernel=kernel, stride=stride, pad=pad,
                weights=self.floats(*kernel, channels), bias=self.floats(channels),
            )
        )  # fmt: skip

    def pooling(self) -> None:
        method = self.pick.choice(("max", "average"))
        kernel, stride, none = self.pair(1, 3), self.pair(1, 3), Pair(0, 0)
        if self.pick.random() < 0.2:
            kernel, stride = Pair(*self.shape[:2]), Pair(1, 1)
        ceil = self.pick.random() < 0.7
        out = pooling_output(self.shape, kernel, stride, none, ceil=ceil)
        starts = ((count - 1) * step for count, step in zip(out[:2], stride, strict=True))
        if min(out) < 1 or any(a >= b for a, b in zip(starts, self.shape[:2], strict=True)):
            return
        self.add(Pooling(**self.base(out), method=method, kernel=kernel, stride=stride, pad=none))

    def activation(self) -> None:
        kind = self.pick.choice((ReLU, ReLU, Sigmoid, TanH))
        self.add(kind(**self.base(self.shape)))

    def batch_norm(self) -> None:
        channels = self.shape.c
        mean, variance = self.floats(channels), np.abs(self.floats(channels)) + np.float32(0.1)
        self.add(BatchNorm(**self.base(self.shape), mean=mean, variance=variance, eps=1e-3))

    def scale(self) -> None:
        channels = self.shape.c
        weights, bias = self.floats(channels), self.floats(channels)
        self.add(Scale(**self.base(self.shape), weights=weights, bias=bias))

    def inner_product(self) -> None:
        rows, before = self.pick.randint(1, 9), self.shape
        base = self.base(Shape(1, 1, rows))
        weights, bias = self.floats(rows, before.size), self.floats(rows)
        self.add(InnerProduct(**base, weights=weights, bias=bias))

    def flatten(self) -> None:
        self.add(Flatten(**self.base(Shape(1, 1, self.shape.size))))

    def joint(self) -> None:
        """Two branches from here, or this tensor and a branch, put together again."""
        start, shape = self.last, self.shape
        ends: list[tuple[str, Shape]] = []
        joined = self.pick.choice(("concat", "sum"))
        for branch in range(2):
            self.last, self.shape = start, shape
            out = Shape(*shape[:2], shape.c if joined == "sum" else self.pick.randint(1, 4))
            if branch == 0 or self.pick.random() < 0.6:
                self.convolution(out)
                self.normalised()
                if self.pick.random() < 0.5:
                    self.activation()
            ends.append((self.last, self.shape))
        shapes = tuple(end for _, end in ends)
        out = shapes[0]
        if joined == "concat":
            out = Shape(out.h, out.w, sum(each.c for each in shapes))
        base = {**self.base(out), "inputs": tuple(name for name, _ in ends), "in_shape": shapes[0]}
        if joined == "concat":
            self.add(Concat(**base, in_shapes=shapes))
        else:
            self.add(Eltwise(**base, operation="sum", in_shapes=shapes, coefficients=(1.0, 1.0)))

    def normalised(self) -> None:
        """Mostly a BatchNorm, a Scale or both."""
        if self.pick.random() < 0.7:
            self.batch_norm()
        if self.pick.random() < 0.7:
            self.scale()

    def block(self) -> None:
        """Layers that can be deployed whatever is in front of them."""
        kind = self.pick.choice(("conv", "conv", "depthwise", "pooling", "joint", "pooled norm"))
        if kind == "pooling":
            self.pooling()
        elif kind == "joint":
            self.joint()
        elif kind == "pooled norm":
            self.convolution(Shape(*self.shape[:2], 4))
            self.average()
            self.normalised()
        else:
            self.convolution() if kind == "conv" else self.depthwise()
            if self.layers and isinstance(self.layers[-1], Convolution | DepthwiseConvolution):
                self.normalised()
            if self.pick.random() < 0.5:
                self.activation()

    def average(self) -> None:
        kernel, stride, none = Pair(2, 2), Pair(2, 2), Pair(0, 0)
        if min(self.shape[:2]) >= 2:
            out = pooling_output(self.shape, kernel, stride, none)
            base = self.base(out)
            self.add(Pooling(**base, method="average", kernel=kernel, stride=stride, pad=none))

    def tail(self) -> None:
        """A vector at the end, through a Flatten or not, and a norm that folds forward."""
        behind_activation = self.pick.random() < 0.4
        if behind_activation:
            self.activation()
            self.normalised()
        if self.pick.random() < 0.6:
            self.flatten()
            if self.pick.random() < 0.5:
                self.normalised()
            elif not behind_activation:
                self.activation()
        self.inner_product()
        self.normalised()
        if self.pick.random() < 0.5:
            self.activation()
            self.inner_product()
        if self.pick.random() < 0.4:
            self.add(Softmax(**self.base(self.shape)))


def random_float_network(seed: int) -> Network:
    """Return a network the seed decides, which has a deployable form."""
    maker = Maker(seed)
    shape = maker.shape
    mean = maker.numbers.uniform(0, 255, shape.c).astype(np.float32)
    for _ in range(maker.pick.randint(1, 4)):
        maker.block()
    maker.tail()
    order = "gray" if shape.c == 1 else "rgb"
    source = Input("data", shape, order, maker.pick.choice((None, mean)), 2.0**-7)
    return Network(f"random-{seed}", source, tuple(maker.layers))


def any_float_network(seed: int) -> Network:
    """Return a network the seed decides, also of layers that have no deployable form."""
    network = random_float_network(seed)
    maker = Maker(seed + 1)
    source, layers = network.input, list(network.layers)
    operation = maker.pick.choice(("sum", "weighted", "product", "max"))
    coefficients = (0.5, -2.0) if operation == "weighted" else ()
    first: list[Layer] = [
        LocalResponseNormalization(
            "lrn", (source.name,), source.shape, source.shape, size=3, alpha=0.5, beta=0.75,
            k=1.0, within_channel=maker.pick.random() < 0.5, source=SOURCE,
        ),
        ReLU("leaky", ("lrn",), source.shape, source.shape, 0.25, source=SOURCE),
        Eltwise(
            "joined", ("lrn", "leaky"), source.shape, source.shape,
            "sum" if coefficients else operation, (source.shape,) * 2, coefficients, source=SOURCE,
        ),
        Pooling(
            "padded", ("joined",), source.shape, source.shape, "average", Pair(3, 3), Pair(1, 1),
            Pair(1, 1), counts_padding=True, source=SOURCE,
        ),
    ]  # fmt: skip
    for at, layer in enumerate(layers):
        inputs = tuple("padded" if name == source.name else name for name in layer.inputs)
        layers[at] = _reading(layer, inputs)
    return Network(network.name, source, (*first, *layers))


def _reading(layer: Layer, inputs: tuple[str, ...]) -> Layer:
    changed: Layer = attrs.evolve(layer, inputs=inputs)
    return changed
