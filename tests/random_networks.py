"""Small quantised networks made from a seed: odd shapes, extreme shifts, saturation."""

import random

import numpy as np

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
    QuantizedSoftmax,
)
from qrig.networks.graph import Pair, Shape
from qrig.networks.shapes import convolution_output, pooling_output


class _Maker:
    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.layers: list[QuantizedLayer] = []
        self.square = self.pick.random() < 0.6
        self.shape = Shape(*self.pair(7, 14), self.pick.choice((1, 2, 3, 3, 4, 4, 5, 8)))
        self.last = "data"

    def values(self, *shape: int) -> Int8Array:
        """Random int8 values: everything, or mostly extremes so that outputs saturate."""
        if self.pick.random() < 0.3:
            return self.numbers.choice(np.array([-128, 127], dtype=np.int8), size=shape)
        return self.numbers.integers(-128, 128, size=shape, dtype=np.int8)

    def base(self, kind: str, out: Shape) -> tuple[str, tuple[str, ...], Shape, Shape, int]:
        name = f"{kind}{len(self.layers)}"
        found = (name, (self.last,), self.shape, out, 0)
        self.last, self.shape = name, out
        return found

    def pair(self, low: int, high: int) -> Pair:
        """Two extents, equal in a square network."""
        y = self.pick.randint(low, high)
        return Pair(y, y if self.square else self.pick.randint(low, high))

    def window(self) -> tuple[Pair, Pair, Pair] | None:
        """Kernel, stride and padding that fit the image; a single tap every now and then."""
        if self.pick.random() < 0.2:
            return Pair(1, 1), Pair(1, 1), Pair(0, 0)
        kernel, stride, pad = self.pair(1, 5), self.pair(1, 2), self.pair(0, 2)
        sides = zip(kernel, self.shape[:2], pad, strict=True)
        return None if any(k > side + 2 * p for k, side, p in sides) else (kernel, stride, pad)

    def shifts(self) -> tuple[int, int]:
        """Bias shift and output shift, both also beyond what a network has."""
        return self.pick.choice((0, 0, 3, 7, 24, 31)), self.pick.choice((0, 5, 7, 9, 11, 30))

    def convolution(self) -> None:
        window = self.window()
        if window is None:
            return
        before, channels = self.shape, self.pick.choice((1, 2, 3, 4, 4, 7, 8, 8, 12))
        base = self.base("conv", convolution_output(before, *window, channels))
        weights = self.values(channels, *window[0], before.c)
        bias, shifts = self.values(channels), self.shifts()
        self.layers.append(QuantizedConvolution(*base, *window, weights, bias, *shifts))

    def depthwise(self) -> None:
        window = self.window()
        if window is None:
            return
        channels = self.shape.c
        base = self.base("depthwise", convolution_output(self.shape, *window, channels))
        weights, bias = self.values(*window[0], channels), self.values(channels)
        shifts = self.shifts()
        self.layers.append(QuantizedDepthwiseConvolution(*base, *window, weights, bias, *shifts))

    def pooling(self) -> None:
        method = self.pick.choice(("max", "average"))
        kernel = Pair(*([self.pick.randint(2, 3)] * 2))
        stride = Pair(*([self.pick.randint(1, 3)] * 2))
        pad = Pair(1, 1) if method == "max" and stride.y > 1 else Pair(0, 0)
        if self.pick.random() < 0.2:  # the whole map
            kernel, stride, pad = Pair(*self.shape[:2]), Pair(1, 1), Pair(0, 0)
        if self.shape.h < kernel.y or self.shape.w < kernel.x:
            return
        out = pooling_output(self.shape, kernel, stride, pad)
        sides = zip(out[:2], self.shape[:2], strict=True)
        if any(o > i or (o - 1) * stride.y - pad.y >= i for o, i in sides):
            return  # not to be computed in place
        self.layers.append(QuantizedPooling(*self.base("pool", out), method, kernel, stride, pad))

    def relu(self) -> None:
        self.layers.append(QuantizedReLU(*self.base("relu", self.shape)))

    def inner_product(self) -> None:
        before, rows = self.shape, self.pick.randint(1, 13)
        self.layers.append(
            QuantizedInnerProduct(
                *self.base("ip", Shape(1, 1, rows)),
                self.values(rows, before.size),
                self.values(rows),
                self.pick.randint(0, 9),
                self.pick.randint(0, 12),
            )
        )


def random_network(seed: int) -> QuantizedNetwork:
    """Return a network that the seed alone decides; it ends in any of the layer types."""
    maker = _Maker(seed)
    shape = maker.shape
    mean_shape = tuple(shape) if maker.pick.random() < 0.5 else (shape.c,)
    shift = maker.pick.choice((0, 0, 1, 3))
    source = QuantizedInput(
        "data",
        shape,
        "gray" if shape.c == 1 else "rgb",
        maker.numbers.integers(0, 256, size=mean_shape).astype(np.int16),
        maker.pick.choice((1, 1, 2, 181)),
        shift,
        0,
    )
    for _ in range(maker.pick.randint(2, 6)):
        maker.pick.choice(
            (maker.convolution, maker.convolution, maker.depthwise, maker.pooling, maker.relu)
        )()
    for _ in range(maker.pick.randint(0, 2)):
        maker.inner_product()
        if maker.pick.random() < 0.5:
            maker.relu()
    if not maker.layers:
        maker.inner_product()
    if maker.shape.h == maker.shape.w == 1 and maker.pick.random() < 0.5:
        maker.layers.append(QuantizedSoftmax(*maker.base("softmax", maker.shape)))
    return QuantizedNetwork(f"random-{seed}", source, tuple(maker.layers))
