"""The scale of the input, which multiplies the pixels once the mean is subtracted.

Fixed point has one factor for the whole input. Factors by channel, as PyTorch's networks are
trained with, become a Scale layer behind the input, which `lower` folds into the layers behind it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np

from qrig.errors import UsageError
from qrig.networks.graph import Layer, Network, Scale

_SMALLEST, _LARGEST = 1e-30, 1e30


def read_scale(text: str) -> tuple[float, ...]:
    """Read factors: numbers or quotients like 1/255, one or one for each channel.

    Raises UsageError for what is no positive number.
    """
    found = []
    for part in text.split(","):
        above, slash, below = part.partition("/")
        try:
            value = float(above) / (float(below) if slash else 1.0)
        except (ValueError, ArithmeticError):
            value = math.nan
        if not _SMALLEST < value < _LARGEST:
            raise UsageError(
                "expected a positive number as scale, a quotient like 1/255, or one for each "
                f"channel with commas between, found {text[:80]!r}; correct it"
            )
        found.append(value)
    return tuple(found)


def with_scale(network: Network, scale: Sequence[float]) -> Network:
    """Return the network with another scale of its input: one factor, or one for each channel.

    Raises UsageError for another number of factors.
    """
    source = network.input
    if len(scale) not in (1, source.shape.c):
        raise UsageError(
            f"expected one number as scale or {source.shape.c}, one for each channel of "
            f"{source.name!r}, found {len(scale)}; correct it"
        )
    largest = float(max(scale))
    changed = attrs.evolve(network, input=attrs.evolve(source, scale=largest))
    if all(value == largest for value in scale):
        return changed
    notice = (
        "a scale for each channel is part of the weights, not of the formats: give the same one "
        "with these formats, or write it into network.toml"
    )
    ratios = np.array(scale, dtype=np.float64) / largest
    taken = {source.name, *(layer.name for layer in network.layers)}
    name = next(
        candidate
        for number in range(len(taken) + 1)
        if (candidate := f"{source.name}_scale{number or ''}") not in taken
    )
    factors = Scale(
        name,
        (source.name,),
        source.shape,
        source.shape,
        weights=ratios.astype(np.float32),
        bias=np.zeros(source.shape.c, dtype=np.float32),
    )
    layers = (reading(layer, source.name, name) for layer in network.layers)
    return attrs.evolve(changed, layers=(factors, *layers), notices=(*network.notices, notice))


def reading(layer: Layer, old: str, new: str) -> Layer:
    """Return the layer with tensor `new` in the place of `old`."""
    return attrs.evolve(layer, inputs=tuple(new if name == old else name for name in layer.inputs))
