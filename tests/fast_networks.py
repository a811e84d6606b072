"""Networks of convolutions made from a seed, each convolution with a kernel it admits."""

import random
from collections.abc import Callable

import attrs
import numpy as np

from qrig.codegen.choices import SLIDING, Choice
from qrig.codegen.choose import candidates, is_positive
from qrig.fixedpoint.quantized import (
    Int8Array,
    QuantizedConvolution,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
    QuantizedSoftmax,
)
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.graph import Pair, Shape
from qrig.networks.shapes import convolution_output, pooling_output

_MOST_VALUES = 9000
_PASSES = (1, 1, 1, 2, 4)

_ONE, _NONE = Pair(1, 1), Pair(0, 0)


class Maker:
    """Layers one behind the other; `pick` decides everything but the weights."""

    def __init__(self, seed: int, image: Shape) -> None:
        self.pick = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.layers: list[QuantizedLayer] = []
        self.image = self.shape = image
        self.last = "data"

    def base(
        self, kind: str, out: Shape, name: str = ""
    ) -> tuple[str, tuple[str, ...], Shape, Shape, int]:
        name = name or f"{kind}{len(self.layers)}"
        found = (name, (self.last,), self.shape, out, 0)
        self.last, self.shape = name, out
        return found

    def values(self, *shape: int) -> Int8Array:
        """Random int8 values: everything, small ones, or mostly extremes."""
        kind = self.pick.random()
        if kind < 0.2:
            return self.numbers.choice(np.array([-128, 127], dtype=np.int8), size=shape)
        limit = 128 if kind < 0.7 else 20
        return self.numbers.integers(-limit, limit, size=shape, dtype=np.int8)

    def convolution(
        self,
        kernel: Pair,
        channels: int,
        *,
        stride: Pair = _ONE,
        pad: Pair = _NONE,
        name: str = "",
    ) -> None:
        """Add a convolution whose outputs are mostly in range."""
        before = self.shape
        out = convolution_output(before, kernel, stride, pad, channels)
        weights = self.values(channels, *kernel, before.c)
        wanted = int(np.log2(np.abs(weights.astype(int)).reshape(channels, -1).sum(1).max() + 1))
        shift = self.pick.choice((0, wanted, wanted, wanted - 1, wanted + 1, 12))
        bias, bias_shift = self.values(channels), self.pick.choice((0, 3, 7, 12))
        self.layers.append(
            QuantizedConvolution(
                *self.base("conv", out, name), kernel, stride, pad, weights, bias, bias_shift,
                max(0, shift),
            )
        )  # fmt: skip

    def pooling(self, method: str, kernel: Pair, stride: Pair, pad: Pair = _NONE) -> bool:
        """Add a pooling if the map has room for its windows; return whether it had."""
        if any(k > side for k, side in zip(kernel, self.shape[:2], strict=True)):
            return False
        out = pooling_output(self.shape, kernel, stride, pad)
        sides = zip(out[:2], self.shape[:2], stride, pad, strict=True)
        if any(o > side or (o - 1) * s - p >= side for o, side, s, p in sides):
            return False
        self.layers.append(QuantizedPooling(*self.base("pool", out), method, kernel, stride, pad))
        return True

    def relu(self) -> None:
        self.layers.append(QuantizedReLU(*self.base("relu", self.shape)))

    def inner_product(self, rows: int) -> None:
        before = self.shape
        weights = self.values(rows, before.size)
        base = self.base("ip", Shape(1, 1, rows))
        self.layers.append(QuantizedInnerProduct(*base, weights, self.values(rows), 2, 9))

    def softmax(self) -> None:
        self.layers.append(QuantizedSoftmax(*self.base("softmax", self.shape)))

    def network(self, name: str) -> QuantizedNetwork:
        mean = self.numbers.integers(90, 160, self.image.c).astype(np.int16)
        order = "gray" if self.image.c == 1 else "rgb"
        source = QuantizedInput("data", self.image, order, mean, 1, 0, 0)
        return QuantizedNetwork(name, source, tuple(self.layers))


def random_fast_network(seed: int) -> QuantizedNetwork:
    """Return two to five convolutions with any layers behind them; the seed decides."""
    pick = random.Random(seed)
    sides = [pick.choice((4, 5, 7, 8, 8, 9, 12, 13, 16, 16, 17, 24, 30, 32)) for _ in range(2)]
    if pick.random() < 0.4:
        sides[1] = sides[0]
    maker = Maker(seed, Shape(sides[0], sides[1], pick.choice((1, 2, 3, 3, 4, 5))))
    for _ in range(pick.randint(2, 5)):
        _convolution(maker)
        for _ in range(pick.choice((0, 1, 1, 2, 2, 3))):
            pick.choice((maker.relu, maker.relu, lambda: _pooling(maker)))()
    if pick.random() < 0.3:
        _pooling(maker, whole=True)
    if pick.random() < 0.5:
        maker.inner_product(pick.randint(2, 11))
    if maker.shape.h == maker.shape.w == 1 and pick.random() < 0.5:
        maker.softmax()
    return maker.network(f"fast-{seed}")


def _convolution(maker: Maker) -> None:
    """Add a convolution of any kernel, stride, padding and channels."""
    pick, before = maker.pick, maker.shape
    sides = [pick.choice((1, 1, 2, 3, 3, 3, 4, 5, 5, 7, 9, 11)) for _ in range(2)]
    if pick.random() < 0.6:
        sides[1] = sides[0]
    kernel = Pair(*sides)
    stride = Pair(1, 1) if pick.random() < 0.8 else Pair(pick.randint(1, 3), pick.randint(1, 3))
    same = Pair(*((k - 1) // 2 for k in kernel))
    pad = same if pick.random() < 0.6 else Pair(*(pick.randint(0, k + 1) for k in kernel))
    if any(k > side + 2 * p for k, side, p in zip(kernel, before[:2], pad, strict=True)):
        kernel, stride, pad = Pair(1, 1), Pair(1, 1), Pair(0, 0)
    area = convolution_output(before, kernel, stride, pad, 1).size
    most = max(1, min(_MOST_VALUES // area, 4000 // (kernel.y * kernel.x * before.c)))
    channels = min(most, pick.choice((1, 2, 3, 4, 4, 6, 7, 8, 8, 12, 16)))
    maker.convolution(kernel, channels, stride=stride, pad=pad)


def _pooling(maker: Maker, *, whole: bool = False) -> None:
    """Add a pooling of a usual form, an odd one, or over the whole map."""
    pick = maker.pick
    kernel, stride, pad = pick.choice(
        (
            ((2, 2), (2, 2), (0, 0)),
            ((3, 3), (2, 2), (0, 0)),
            ((3, 3), (1, 1), (0, 0)),
            ((3, 3), (2, 2), (1, 1)),
            ((pick.randint(1, 4), pick.randint(1, 4)), (pick.randint(1, 3), 1), (0, 0)),
            ((pick.randint(1, 4), 2), (pick.randint(1, 4), 2), (0, 0)),
            ((pick.randint(1, 4), 3), (pick.randint(1, 3), 2), (0, 0)),
        )
    )
    method = pick.choice(("max", "average"))
    if whole:
        kernel, stride, pad = maker.shape[:2], (1, 1), (0, 0)
    if pad != (0, 0):
        method = "max"
    maker.pooling(method, Pair(*kernel), Pair(*stride), Pair(*pad))


def random_choices(network: QuantizedNetwork, seed: int, semantics: Semantics) -> dict[str, Choice]:
    """Return an admissible choice of every convolution; the seed decides."""
    pick = random.Random(seed)

    def take(options: list[Choice]) -> Choice:
        """Choose sliding kernels twice as often."""
        return pick.choice([*options, *(each for each in options if each.kernel == SLIDING)])

    return choose(network, semantics, take, lambda: pick.choice(_PASSES))


def choose(
    network: QuantizedNetwork,
    semantics: Semantics,
    take: Callable[[list[Choice]], Choice],
    passes: Callable[[], int],
) -> dict[str, Choice]:
    """Return a choice of every convolution: `take` of its candidates, in as many passes."""
    found: dict[str, Choice] = {}
    for layer in network.layers:
        if not isinstance(layer, QuantizedConvolution):
            continue
        positive = is_positive(network, layer)
        options = list(candidates(layer, positive=positive, truncate=semantics.truncate))
        choice = take(options)
        if choice.kernel == SLIDING:
            tiles = -(-layer.out_shape.w // choice.outputs)
            choice = attrs.evolve(choice, passes=min(passes(), tiles))
        found[layer.name] = choice
    return found
