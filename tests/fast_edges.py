"""Networks of convolutions whose shapes are at some edge, and one whose convolutions differ."""

from collections.abc import Callable, Iterator
from functools import partial

from fast_networks import Maker, choose
from qrig.codegen.choices import Choice
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT
from qrig.networks.graph import Pair, Shape

_ONE, _TWO, _THREE = Pair(1, 1), Pair(2, 2), Pair(3, 3)


def many_kernels() -> QuantizedNetwork:
    """Kernels of many sizes: 3 to 16 channels, poolings of every fast form between them."""
    maker = Maker(1, Shape(18, 24, 3))
    maker.convolution(Pair(5, 5), 8, pad=_TWO)
    maker.pooling("max", _THREE, _TWO)
    maker.relu()
    maker.convolution(_THREE, 7, pad=_ONE)
    maker.relu()
    maker.convolution(_ONE, 16)
    maker.relu()
    maker.pooling("average", _THREE, Pair(1, 1))
    maker.convolution(Pair(2, 4), 6, pad=Pair(1, 2))
    maker.pooling("average", _TWO, _TWO)
    maker.convolution(Pair(3, 2), 4)
    maker.relu()
    maker.pooling("max", Pair(*maker.shape[:2]), _ONE)
    maker.inner_product(5)
    return maker.network("many-kernels")


def every_choice(network: QuantizedNetwork, passes: tuple[int, ...]) -> Iterator[dict[str, Choice]]:
    """Yield choices until every convolution had all it admits, `passes` one after the other."""
    counts: list[int] = []

    def counted(options: list[Choice]) -> Choice:
        counts.append(len(options))
        return options[0]

    choose(network, DEFAULT, counted, lambda: 1)
    for number in range(max(counts)):
        yield choose(network, DEFAULT, _nth(number), partial(_cycled, passes, number))


def _nth(number: int) -> Callable[[list[Choice]], Choice]:
    return lambda options: options[number % len(options)]


def _cycled(passes: tuple[int, ...], number: int) -> int:
    return passes[number % len(passes)]


def tall() -> QuantizedNetwork:
    """200 rows, one channel, a kernel higher than wide; then one left over."""
    maker = Maker(2, Shape(200, 5, 1))
    maker.convolution(Pair(11, 3), 3, pad=Pair(10, 2))
    maker.pooling("average", _THREE, _TWO)
    maker.relu()
    maker.convolution(Pair(3, 1), 1)
    maker.relu()
    maker.convolution(_ONE, 2)
    return maker.network("tall")


def many_channels() -> QuantizedNetwork:
    """512 channels in and out; a map of one pixel, and its softmax."""
    maker = Maker(3, Shape(4, 4, 2))
    maker.convolution(_ONE, 512)
    maker.convolution(_THREE, 2, pad=_ONE)
    maker.relu()
    maker.convolution(Pair(4, 4), 6)
    maker.softmax()
    return maker.network("many-channels")


def low() -> QuantizedNetwork:
    """Maps lower than a block, and narrower than a tile; planes handed on five times."""
    maker = Maker(4, Shape(1, 17, 3))
    maker.convolution(Pair(1, 5), 5, pad=Pair(0, 2))
    maker.convolution(_THREE, 4, pad=_TWO)
    maker.relu()
    maker.convolution(Pair(2, 7), 3)
    maker.relu()
    maker.relu()
    maker.pooling("max", _TWO, _TWO)
    maker.convolution(Pair(1, 5), 2)
    maker.convolution(_ONE, 1)
    return maker.network("low")


def padded() -> QuantizedNetwork:
    """Paddings as large as the kernel and larger: windows that lie in them as a whole."""
    maker = Maker(5, Shape(6, 5, 3))
    maker.convolution(_TWO, 4, pad=Pair(3, 2))
    maker.relu()
    maker.convolution(_ONE, 2, pad=_ONE)
    maker.convolution(_THREE, 4, stride=_TWO, pad=Pair(4, 5))
    maker.convolution(Pair(5, 2), 6, pad=Pair(4, 1))
    maker.inner_product(4)
    return maker.network("padded")


def doubled() -> QuantizedNetwork:
    """ReLU behind ReLU, poolings behind each other, in every order."""
    maker = Maker(6, Shape(16, 16, 3))
    maker.convolution(_THREE, 4, pad=_ONE)
    maker.relu()
    maker.relu()
    maker.pooling("average", Pair(3, 2), Pair(1, 2))
    maker.convolution(_ONE, 4)
    maker.pooling("max", _TWO, Pair(1, 1))
    maker.pooling("average", _TWO, Pair(1, 1))
    maker.relu()
    maker.pooling("max", _THREE, _TWO)
    maker.convolution(_THREE, 5, pad=_ONE)
    maker.pooling("average", _TWO, _TWO)
    maker.relu()
    maker.relu()
    return maker.network("doubled")


def two_layers(names: tuple[str, str]) -> QuantizedNetwork:
    """Two convolutions of those names, each with a ReLU behind it."""
    maker = Maker(7, Shape(8, 8, 3))
    maker.convolution(_THREE, 4, pad=_ONE, name=names[0])
    maker.relu()
    maker.convolution(_THREE, 4, pad=_ONE, name=names[1])
    maker.relu()
    return maker.network("two-layers")


EDGES = {network.name: network for network in (tall(), many_channels(), low(), padded(), doubled())}
"""The networks of edge shapes by name."""
