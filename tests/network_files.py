"""`.network` files made field by field, and networks that fit into one; shares nothing with qrig's.

What is written is the layout of section 4.2 of OpenMV's tools: words of 32 bits, little-endian, and
arrays of int8 behind the word that says how long they are.
"""

import random
import struct
from collections.abc import Sequence

import numpy as np
from attrs import define, field, frozen

from oracle import interleave_x4
from qrig.fixedpoint.quantized import (
    Int8Array,
    QuantizedConvolution,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
)
from qrig.networks.graph import Pair, Shape

WORD = 4


@frozen
class Field:
    """One field of a file: the layer it belongs to, its name, and the bytes it takes."""

    layer: int
    name: str
    offset: int
    size_bytes: int


@define
class NetworkBytes:
    """A file and its fields; `put` changes one of them."""

    data: bytearray = field(factory=bytearray)
    fields: list[Field] = field(factory=list)

    def word(self, layer: int, name: str, value: int) -> None:
        self.fields.append(Field(layer, name, len(self.data), WORD))
        self.data += (value & 0xFFFF_FFFF).to_bytes(WORD, "little")

    def array(self, layer: int, name: str, values: Sequence[int]) -> None:
        self.word(layer, f"{name} count", len(values))
        self.fields.append(Field(layer, name, len(self.data), len(values)))
        self.data += struct.pack(f"{len(values)}b", *values)

    def find(self, layer: int, name: str) -> Field:
        (found,) = (each for each in self.fields if (each.layer, each.name) == (layer, name))
        return found

    def with_word(self, layer: int, name: str, value: int) -> bytes:
        """Return the file with another number in one field."""
        at = self.find(layer, name).offset
        changed = bytearray(self.data)
        changed[at : at + WORD] = (value & 0xFFFF_FFFF).to_bytes(WORD, "little")
        return bytes(changed)


def input_scale(source: QuantizedInput) -> int:
    """Return the scale of the file that gives the input's multiplier and shift."""
    return 7 + source.shift - (source.multiplier.bit_length() - 1)


def network_bytes(network: QuantizedNetwork, *, batch: int = 1) -> NetworkBytes:
    """Write a network whose layers the format has."""
    file = NetworkBytes()
    file.word(0, "magic", int.from_bytes(b"CAFE", "little"))
    file.word(0, "layers", len(network.stages))
    _head(file, 0, 0, batch, network.input.shape)
    means = [int(network.input.mean[i % network.input.mean.size]) for i in range(3)]
    for index, mean in enumerate(means):
        file.word(0, f"mean {index}", mean)
    file.word(0, "scale", input_scale(network.input))
    for number, layer in enumerate(network.layers, 1):
        _layer(file, number, layer, batch)
    return file


def _head(file: NetworkBytes, number: int, code: int, batch: int, shape: Shape) -> None:
    file.word(number, "type", code)
    for name, value in (("n", batch), ("c", shape.c), ("h", shape.h), ("w", shape.w)):
        file.word(number, name, value)


def _layer(file: NetworkBytes, number: int, layer: QuantizedLayer, batch: int) -> None:
    if isinstance(layer, QuantizedReLU):
        _head(file, number, 2, batch, layer.out_shape)
    elif isinstance(layer, QuantizedPooling):
        _head(file, number, 3, batch, layer.out_shape)
        file.word(number, "method", int(layer.method == "average"))
        _window(file, number, layer)
    elif isinstance(layer, QuantizedConvolution):
        _head(file, number, 1, batch, layer.out_shape)
        _shifts(file, number, layer)
        _window(file, number, layer)
        file.array(number, "weights", layer.weights.ravel().tolist())
        file.array(number, "biases", layer.bias.tolist())
    elif isinstance(layer, QuantizedInnerProduct):
        _head(file, number, 4, batch, layer.out_shape)
        _shifts(file, number, layer)
        rows, columns = layer.weights.shape
        file.array(number, "weights", interleave_x4(layer.weights.ravel().tolist(), rows, columns))
        file.array(number, "biases", layer.bias.tolist())
    else:
        raise TypeError(layer.type)


def _shifts(
    file: NetworkBytes, number: int, layer: QuantizedConvolution | QuantizedInnerProduct
) -> None:
    file.word(number, "l_shift", layer.bias_shift)
    file.word(number, "r_shift", layer.output_shift)


def _window(
    file: NetworkBytes, number: int, layer: QuantizedConvolution | QuantizedPooling
) -> None:
    for name, value in (("k", layer.kernel), ("pad", layer.pad), ("stride", layer.stride)):
        assert value.y == value.x
        file.word(number, name, value.y)


class ChainMaker:
    """Makes networks layer by layer; every name is the type and the number of the layer."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        self.numbers = np.random.default_rng(seed)
        self.source_shape = self.shape = shape
        self.layers: list[QuantizedLayer] = []

    def values(self, *shape: int) -> Int8Array:
        return self.numbers.integers(-128, 128, shape, dtype=np.int8)

    def _base(self, kind: str, out: Shape) -> tuple[str, tuple[str, ...], Shape, Shape, int]:
        last = self.layers[-1].name if self.layers else "data"
        base = (f"{kind}{len(self.layers) + 1}", (last,), self.shape, out, 0)
        self.shape = out
        return base

    def conv(
        self,
        channels: int,
        k: int,
        *,
        pad: int = 0,
        stride: int = 1,
        shifts: tuple[int, int] = (2, 8),
    ) -> "ChainMaker":
        before = self.shape
        sides = [(side + 2 * pad - k) // stride + 1 for side in before[:2]]
        window = (Pair(k, k), Pair(stride, stride), Pair(pad, pad))
        weights, bias = self.values(channels, k, k, before.c), self.values(channels)
        base = self._base("conv", Shape(sides[0], sides[1], channels))
        self.layers.append(QuantizedConvolution(*base, *window, weights, bias, *shifts))
        return self

    def pool(
        self, method: str, k: int, *, pad: int = 0, stride: int = 2, up: bool = True
    ) -> "ChainMaker":
        sides = [pool_side(side, k, pad, stride, up=up) for side in self.shape[:2]]
        window = (Pair(k, k), Pair(stride, stride), Pair(pad, pad))
        base = self._base("pool", Shape(sides[0], sides[1], self.shape.c))
        self.layers.append(QuantizedPooling(*base, method, *window))
        return self

    def relu(self) -> "ChainMaker":
        self.layers.append(QuantizedReLU(*self._base("relu", self.shape)))
        return self

    def ip(self, rows: int, *, shifts: tuple[int, int] = (1, 9)) -> "ChainMaker":
        weights, bias = self.values(rows, self.shape.size), self.values(rows)
        base = self._base("ip", Shape(1, 1, rows))
        self.layers.append(QuantizedInnerProduct(*base, weights, bias, *shifts))
        return self

    def made(
        self, name: str = "chain", *, scale: int = 7, mean: Sequence[int] | None = None
    ) -> QuantizedNetwork:
        """Return the network; `scale` is that of the file, taken as it stands."""
        channels = self.source_shape.c
        means = np.array((mean or (120, 130, 110))[:channels], np.int16)
        factor = (1 << (7 - scale), 0) if scale < 7 else (1, scale - 7)
        order = "gray" if channels == 1 else "rgb"
        source = QuantizedInput("data", self.source_shape, order, means, *factor, 7 - scale)
        return QuantizedNetwork(name, source, tuple(self.layers))


def pool_side(size: int, k: int, pad: int, stride: int, *, up: bool = True) -> int:
    """Return a side of a pooling's result as Caffe has it, rounded up or down."""
    span = size + 2 * pad - k
    out = (-(-span // stride) if up else span // stride) + 1
    return out - 1 if pad and (out - 1) * stride >= size + pad else out


def random_chain(seed: int) -> QuantizedNetwork:
    """Return a network that the format can hold, decided by the seed alone."""
    pick = random.Random(seed)
    square = pick.random() < 0.5
    height = pick.randint(5, 13)
    width = height if square else pick.randint(5, 13)
    maker = ChainMaker(Shape(height, width, pick.choice((1, 3))), seed)
    for _ in range(pick.randint(1, 6)):
        pick.choice((_random_conv, _random_conv, _random_pool, _random_relu))(maker, pick)
    for _ in range(pick.randint(0, 3)):
        maker.ip(pick.randint(1, 11), shifts=(pick.randint(0, 9), pick.randint(0, 12)))
        if pick.random() < 0.4:
            maker.relu()
    if not maker.layers:
        maker.relu()
    means = [pick.randint(0, 255) for _ in range(3)]
    scale = pick.choice((4, 5, 6, 7, 7, 8, 9, 31))
    return maker.made(f"chain-{seed}", scale=scale, mean=means)


def _random_conv(maker: ChainMaker, pick: random.Random) -> None:
    k, pad, stride = pick.randint(1, 5), pick.randint(0, 3), pick.randint(1, 3)
    if k <= min(maker.shape[:2]) + 2 * pad:
        shifts = (pick.choice((0, 3, 7, 31)), pick.choice((0, 5, 8, 10, 31)))
        maker.conv(pick.randint(1, 9), k, pad=pad, stride=stride, shifts=shifts)


def _random_pool(maker: ChainMaker, pick: random.Random) -> None:
    k, stride = pick.randint(1, 4), pick.randint(1, 4)
    pad = pick.randint(0, min(k, stride) - 1)
    up = pick.random() < 0.7
    if k > min(maker.shape[:2]) + 2 * pad:
        return
    for side in maker.shape[:2]:
        out = pool_side(side, k, pad, stride, up=up)
        if out > side or (out - 1) * stride - pad >= side:
            return
    maker.pool(pick.choice(("max", "average")), k, pad=pad, stride=stride, up=up)


def _random_relu(maker: ChainMaker, pick: random.Random) -> None:
    maker.relu()
