"""From a network as a file means it to the form the kernels compute.

BatchNorm and Scale disappear into their neighbours, groups and dilation become zeros in dense
kernels, Flatten becomes an order of columns. What is left is Convolution without groups or
dilation, DepthwiseConvolution, Pooling, ReLU, Sigmoid, TanH, InnerProduct, Concat, the plain sum of
an Eltwise, and Softmax.
"""

from __future__ import annotations

import attrs

from qrig.errors import UnsupportedNetworkError
from qrig.networks.deployable import check
from qrig.networks.expand import expand
from qrig.networks.flat import without_flattens
from qrig.networks.fold import fold
from qrig.networks.graph import Concat, Eltwise, Layer, Network


def lower(network: Network) -> Network:
    """Return the deployable form of `network`: the same function of its input, with fewer layers.

    Layers that stay keep their names. Raises UnsupportedNetworkError, with the layer's name and
    place, for what cannot be deployed.
    """
    layers: list[Layer] = []
    notices: list[str] = []
    for layer in network.layers:
        expanded, notice = expand(layer)
        layers.append(expanded)
        notices += [notice] if notice else []
    lowered = without_flattens(_without_joints_of_one(fold(network.input, layers)))
    if not lowered:
        raise UnsupportedNetworkError(
            f"network {network.name!r}: expected layers that compute something, found none but "
            "those that change the order of values; deploy a network with weights"
        )
    for layer in lowered:
        check(layer)
    return attrs.evolve(network, layers=tuple(lowered), notices=(*network.notices, *notices))


def _without_joints_of_one(layers: list[Layer]) -> list[Layer]:
    """Leave out what joins a single tensor with nothing."""
    names: dict[str, str] = {}
    kept: list[Layer] = []
    for layer in layers:
        inputs = tuple(names.get(name, name) for name in layer.inputs)
        plain = isinstance(layer, Eltwise) and layer.coefficients in ((), (1.0,))
        if len(inputs) == 1 and (isinstance(layer, Concat) or plain):
            names[layer.name] = inputs[0]
        else:
            kept.append(attrs.evolve(layer, inputs=inputs))
    return kept
