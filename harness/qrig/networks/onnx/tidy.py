"""The graph as a person would draw it: no dead layers, biases and the input's scale in their place.

ONNX writes a bias as an Add node, and what is done to pixels as nodes at the front. Nothing here
changes what the network computes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs
import numpy as np

from qrig.networks.graph import (
    Convolution,
    DepthwiseConvolution,
    InnerProduct,
    Layer,
    Network,
    Scale,
)
from qrig.networks.normalise import reading

_MAX_MEAN = 1023  # of pixels, as the target subtracts them

Joined = Callable[[Layer, Scale], Layer | None]


def tidied(network: Network) -> Network:
    """Return the network without what the order of nodes in a file brought into it."""
    layers = _without_dead(network.layers)
    layers = _joined(layers, _scales)
    layers = _joined(layers, _biased)
    return _with_input_scale(attrs.evolve(network, layers=layers))


def _without_dead(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return the layers that the last one needs."""
    needed = {layers[-1].name}
    for layer in reversed(layers):
        if layer.name in needed:
            needed.update(layer.inputs)
    return tuple(layer for layer in layers if layer.name in needed)


def _joined(layers: tuple[Layer, ...], join: Joined) -> tuple[Layer, ...]:
    """Return the layers with each Scale layer in the one in front of it where `join` has a way.

    Only where nothing else reads that one. The joined layer keeps the first one's name.
    """
    readers = Counter(name for layer in layers for name in layer.inputs)
    found: dict[str, Layer] = {}
    renamed: dict[str, str] = {}
    for layer in layers:
        inputs = tuple(renamed.get(name, name) for name in layer.inputs)
        current = attrs.evolve(layer, inputs=inputs)
        front = found.get(inputs[0])
        if isinstance(current, Scale) and front is not None and readers[layer.inputs[0]] == 1:
            joined = join(front, current)
            if joined is not None:
                found[front.name] = joined
                renamed[current.name] = front.name
                continue
        found[current.name] = current
    return tuple(found.values())


def _scales(front: Layer, scale: Scale) -> Layer | None:
    """Join two Scale layers."""
    if not isinstance(front, Scale):
        return None
    return attrs.evolve(
        front,
        weights=front.weights * scale.weights,
        bias=front.bias * scale.weights + scale.bias,
    )


def _biased(front: Layer, scale: Scale) -> Layer | None:
    """Join a Scale layer that only adds with a layer that has a bias."""
    if not isinstance(front, Convolution | DepthwiseConvolution | InnerProduct):
        return None
    if (scale.weights != 1).any():
        return None
    return attrs.evolve(front, bias=front.bias + scale.bias)


def _with_input_scale(network: Network) -> Network:
    """Return the network with a Scale layer at its front as the input's mean and scale.

    Factors that differ by channel stay such a layer, relative to the largest.
    """
    readers = [layer for layer in network.layers if network.input.name in layer.inputs]
    if len(readers) != 1 or not isinstance(readers[0], Scale) or network.output is readers[0]:
        return network
    scale = readers[0]
    weights = scale.weights.astype(np.float64)
    if not weights.all() or np.abs(scale.bias / weights).max() > _MAX_MEAN:
        return network
    mean = (-scale.bias / weights).astype(np.float32)
    largest = float(np.abs(weights).max())
    source = attrs.evolve(network.input, mean=mean if mean.any() else None, scale=largest)
    ratios = (weights / largest).astype(np.float32)
    rest = attrs.evolve(scale, weights=ratios, bias=np.zeros_like(scale.bias))
    if (ratios != 1).any():
        layers = [rest if layer is scale else layer for layer in network.layers]
    else:
        layers = [
            reading(layer, scale.name, source.name)
            for layer in network.layers
            if layer is not scale
        ]
    return attrs.evolve(network, input=source, layers=tuple(layers))
