"""Float layers in a line, for tests that put a few of them together."""

from collections.abc import Sequence

import numpy as np

from qrig.networks.graph import (
    BatchNorm,
    Concat,
    Convolution,
    Eltwise,
    Flatten,
    FloatArray,
    InnerProduct,
    Input,
    Layer,
    Network,
    Pair,
    Pooling,
    Scale,
    Shape,
)

NUMBERS = np.random.default_rng(5)
IMAGE = Shape(4, 5, 4)
ONE, TWO, NONE = Pair(1, 1), Pair(2, 2), Pair(0, 0)
PLACE = "net.prototxt:7"
VECTOR = Shape(1, 1, IMAGE.size)


def floats(*shape: int) -> FloatArray:
    return NUMBERS.normal(size=shape).astype(np.float32)


def conv(
    name: str, source: str, image: Shape = IMAGE, channels: int = 4, pad: Pair = NONE
) -> Convolution:
    kernel = Pair(1 + 2 * pad.y, 1 + 2 * pad.x)
    return Convolution(
        name, (source,), image, Shape(image.h, image.w, channels), kernel, ONE, pad,
        floats(channels, *kernel, image.c), floats(channels), source=PLACE,
    )  # fmt: skip


def norm(name: str, source: str, shape: Shape = IMAGE) -> BatchNorm:
    mean, variance = floats(shape.c), np.abs(floats(shape.c)) + np.float32(0.1)
    return BatchNorm(name, (source,), shape, shape, mean, variance, 1e-3, source=PLACE)


def scale(
    name: str, source: str, shape: Shape = IMAGE, factors: float = 0, offsets: float | None = None
) -> Scale:
    """Random factors and offsets, or what is given."""
    weights = np.full(shape.c, factors, np.float32) if factors else floats(shape.c)
    bias = floats(shape.c) if offsets is None else np.full(shape.c, offsets, np.float32)
    return Scale(name, (source,), shape, shape, weights, bias, source=PLACE)


def plain(kind: type[Layer], name: str, source: str, shape: Shape = IMAGE) -> Layer:
    return kind(name, (source,), shape, shape, source=PLACE)


def flat(name: str, source: str, shape: Shape = IMAGE) -> Flatten:
    return Flatten(name, (source,), shape, Shape(1, 1, shape.size), source=PLACE)


def product(name: str, source: str, shape: Shape = IMAGE) -> InnerProduct:
    return InnerProduct(
        name, (source,), shape, Shape(1, 1, 3), floats(3, shape.size), floats(3), source=PLACE
    )


def pool(name: str, source: str, method: str, shape: Shape = IMAGE) -> Pooling:
    return Pooling(name, (source,), shape, Shape(2, 3, shape.c), method, TWO, TWO, NONE)


def concat(name: str, sources: Sequence[str], shapes: Sequence[Shape]) -> Concat:
    out = Shape(*shapes[0][:2], sum(shape.c for shape in shapes))
    return Concat(name, tuple(sources), shapes[0], out, tuple(shapes), source=PLACE)


def total(name: str, sources: Sequence[str], shape: Shape = IMAGE) -> Eltwise:
    shapes = (shape,) * len(sources)
    return Eltwise(
        name, tuple(sources), shape, shape, "sum", shapes, (1.0,) * len(sources), source=PLACE
    )


def made(*layers: Layer) -> Network:
    return Network("made", Input("x", IMAGE, scale=2.0**-7), layers)
