"""Networks whose numbers no format holds: told by the layer, its magnitude and what to do."""

import re

import attrs
import numpy as np
import pytest

from float_networks import FloatMaker, images_for
from qrig.datasets.image_set import ImageSet
from qrig.errors import UnsupportedNetworkError
from qrig.networks.graph import Convolution, Network, Shape
from qrig.runs.quantize import METHODS, quantize

IMAGE = Shape(6, 6, 2)


def grown(network: Network, name: str, *, weights: float = 1.0, bias: float = 1.0) -> Network:
    """Return the network with the weights and the bias of one layer multiplied."""
    layers = []
    for layer in network.layers:
        if layer.name == name:
            assert isinstance(layer, Convolution)
            layer = attrs.evolve(layer, weights=layer.weights * weights, bias=layer.bias * bias)
        layers.append(layer)
    return attrs.evolve(network, layers=tuple(layers))


def with_table() -> Network:
    """A convolution, conv0, whose output a hyperbolic tangent reads."""
    made = FloatMaker(1, IMAGE)
    made.convolution(3, 4)
    made.tanh()
    made.inner_product(3)
    return made.network("table")


def with_join(kind: str) -> Network:
    """A hyperbolic tangent joined with a convolution, conv2, of any magnitude."""
    made = FloatMaker(2, IMAGE)
    made.convolution(3, 4)
    table = made.tanh()
    other = made.convolution(3, 4, source="data")
    {"concat": made.concat, "sum": made.add}[kind](table, other)
    made.inner_product(3)
    return made.network("join")


def refused(network: Network, method: str) -> str:
    images = ImageSet("made", images_for(network, 6), None, network.input.channel_order)
    with pytest.raises(UnsupportedNetworkError) as caught:
        quantize(network, images, methods=(method,))
    text = str(caught.value)
    assert "choose" not in text  # whoever reads this has chosen no format
    assert "found" in text
    return text


@pytest.mark.parametrize("method", [name for name in METHODS if name != "arm"])
def test_a_bias_that_no_table_reads(method: str) -> None:
    network = grown(with_table(), "conv0", bias=1e9)
    layer = network.layers[0]
    assert isinstance(layer, Convolution)
    weights, bias = (float(np.abs(each).max()) for each in (layer.weights, layer.bias))
    text = refused(network, method)
    assert "expected values of up to 8 in a format of 4 to 7 fractional bits" in text
    assert f"'conv0' has weights of up to {weights:.3g} and a bias of up to {bias:,.0f};" in text
    assert "weight decay" in text


@pytest.mark.parametrize("method", [name for name in METHODS if name != "arm"])
@pytest.mark.parametrize(("kind", "weights"), [("concat", 1e12), ("sum", 1e10)])
def test_joined_tensors_of_magnitudes_too_far_apart(method: str, kind: str, weights: float) -> None:
    text = refused(grown(with_join(kind), "conv2", weights=weights), method)
    assert re.search(r"found 'conv2' with values of up to [\d,]{9,} beside 'tanh1' with", text)
    assert re.search(r"'conv2' has weights of up to [\d,]{9,} and a bias of up to 0\.\d+;", text)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e29, 1e-29])
def test_a_scale_of_the_input_that_no_format_holds(method: str, scale: float) -> None:
    made = FloatMaker(3, IMAGE)
    made.convolution(3, 4)
    made.inner_product(3)
    network = made.network("scaled")
    changed = attrs.evolve(network, input=attrs.evolve(network.input, scale=scale))
    text = refused(changed, method)
    assert text.startswith("scaled: 'data': expected values that formats of at most 64 ")
    assert f"the input is multiplied by {scale:.3g}; give the scale" in text
    assert "--scale" in text


@pytest.mark.parametrize("method", METHODS)
def test_outputs_beyond_every_format_in_a_file(method: str) -> None:
    made = FloatMaker(4, IMAGE)
    made.convolution(3, 4)
    made.inner_product(3)
    network = grown(made.network("large"), "conv0", weights=1e25)
    text = refused(network, method)
    assert "layer 'conv0' has weights of up to 6.76e+24 and a bias of up to 0.556;" in text


@pytest.mark.parametrize("magnitude", [1e-12, 1e12])
def test_what_formats_hold_is_quantised(magnitude: float) -> None:
    made = FloatMaker(4, IMAGE)
    made.convolution(3, 4)
    made.inner_product(3)
    network = grown(made.network("fits"), "conv0", weights=magnitude, bias=magnitude)
    images = ImageSet("made", images_for(network, 6), None, network.input.channel_order)
    for found in quantize(network, images, methods=tuple(METHODS)):
        assert np.isfinite(found.chosen_on.logits_error)
