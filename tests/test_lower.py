"""The deployable form: the same function, fewer layers, and every refusal by name and place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layer_makers import (
    IMAGE,
    NONE,
    ONE,
    PLACE,
    TWO,
    VECTOR,
    concat,
    conv,
    flat,
    floats,
    made,
    norm,
    plain,
    pool,
    product,
    scale,
    total,
)
from property_runs import tried
from qrig.fixedpoint import convert
from qrig.networks.deployable import DEPLOYABLE
from qrig.networks.forward import forward
from qrig.networks.graph import (
    BatchNorm,
    Concat,
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    Flatten,
    Layer,
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
from qrig.networks.lower import lower
from random_float_networks import random_float_network


def assert_same(network: Network, lowered: Network, seed: int = 0) -> None:
    """The last tensors are equal, up to float32 of the largest value."""
    pixels = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    expected = forward(network, pixels)[network.output.name]
    found = forward(lowered, pixels)[lowered.output.name]
    largest = max(1e-3, float(np.abs(expected).max()))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * largest)


@tried(200)
@given(seed=st.integers(0, 1 << 32))
def test_the_deployable_form_computes_the_same(seed: int) -> None:
    network = random_float_network(seed)
    lowered = lower(network)
    assert {type(layer) for layer in lowered.layers} <= set(DEPLOYABLE)
    for layer in lowered.layers:
        if isinstance(layer, Convolution):
            assert (layer.groups, layer.dilation) == (1, ONE)
    known = {lowered.input.name: lowered.input.shape}
    for layer in lowered.layers:
        shapes = layer.in_shapes if isinstance(layer, Concat | Eltwise) else (layer.in_shape,)
        assert tuple(known[name] for name in layer.inputs) == shapes
        assert layer.source
        known[layer.name] = layer.out_shape
    assert set(known) <= {network.input.name, *(layer.name for layer in network.layers)}
    assert_same(network, lowered, seed)
    again = lower(lowered)
    assert (repr(again.layers), again.notices) == (repr(lowered.layers), lowered.notices)


def test_every_deployable_layer_can_be_quantised() -> None:
    assert set(convert._quantize.registry) - {object, Layer} == set(DEPLOYABLE)


FOLDED: dict[str, tuple[Layer, ...]] = {
    "behind a convolution": (conv("c", "x", pad=ONE), norm("n", "c"), scale("s", "n")),
    "behind a depthwise convolution": (
        DepthwiseConvolution(
            "c", ("x",), IMAGE, Shape(3, 4, 4), TWO, ONE, NONE, floats(2, 2, 4), floats(4)
        ),
        norm("n", "c", Shape(3, 4, 4)),
    ),
    "behind an inner product": (
        product("p", "x"), norm("n", "p", Shape(1, 1, 3)), scale("s", "n", Shape(1, 1, 3)),
    ),
    "in front of a convolution": (norm("n", "x"), scale("s", "n"), conv("c", "s")),
    "in front of a depthwise convolution": (
        norm("n", "x"),
        DepthwiseConvolution(
            "c", ("n",), IMAGE, Shape(3, 4, 4), TWO, ONE, NONE, floats(2, 2, 4), floats(4)
        ),
    ),
    "in front of an inner product": (norm("n", "x"), product("p", "n")),
    "in front of a flattened one": (
        norm("n", "x"), flat("f", "n"), product("p", "f", Shape(1, 1, IMAGE.size)),
    ),
    "a scale in front of a padded one": (
        scale("s", "x", offsets=0), conv("c", "s", pad=ONE),
    ),
    "in front of two": (
        plain(ReLU, "r", "x"), norm("n", "r"), conv("a", "n"), conv("b", "n"),
        total("t", ("a", "b")),
    ),
    "in front of a norm and a convolution": (
        norm("n", "x"), norm("m", "n"), conv("a", "m"), conv("b", "n"), total("t", ("a", "b")),
    ),
    "through a mean": (
        conv("c", "x"), pool("p", "c", "average"), norm("n", "p", Shape(2, 3, 4)),
    ),
    "through a maximum": (
        conv("c", "x"), pool("p", "c", "max"), norm("n", "p", Shape(2, 3, 4)),
    ),
    "forward through a mean": (
        norm("n", "x"), pool("p", "n", "average"), product("q", "p", Shape(2, 3, 4)),
    ),
    "through a ReLU": (
        conv("c", "x"), plain(ReLU, "r", "c"), scale("s", "r", factors=0.5, offsets=0),
    ),
    "through a Concat": (
        conv("a", "x", channels=2), conv("b", "x", channels=3),
        concat("j", ("a", "b"), (Shape(4, 5, 2), Shape(4, 5, 3))), norm("n", "j", Shape(4, 5, 5)),
    ),
    "forward through a Concat": (
        norm("n", "x"), concat("j", ("x", "n", "n"), (IMAGE,) * 3),
        product("p", "j", Shape(4, 5, 12)),
    ),
    "both branches of a Concat": (
        norm("n", "x"), scale("s", "x"), concat("j", ("n", "s"), (IMAGE, IMAGE)),
        conv("c", "j", Shape(4, 5, 8)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLDED)
def test_norms_and_scales_become_weights(case: str) -> None:
    network = made(*FOLDED[case])
    lowered = lower(network)
    kept = [layer.name for layer in network.layers if not isinstance(layer, BatchNorm | Scale)]
    kept = [name for name in kept if name != "f"]
    assert [layer.name for layer in lowered.layers] == kept
    assert_same(network, lowered)


def test_folding_rounds_once() -> None:
    """Factors that cancel leave the weights as they were: nothing is rounded in between."""
    layer = conv("c", "x")
    third = scale("a", "c", factors=1 / 3, offsets=0)
    back = scale("b", "a", factors=1 / float(third.weights[0]), offsets=0)
    (found,) = lower(made(layer, third, back)).layers
    assert isinstance(found, Convolution)
    np.testing.assert_allclose(found.weights, layer.weights, rtol=6e-8)


@pytest.mark.parametrize(("groups", "channels"), [(2, 6), (4, 8), (2, 2), (4, 4)])
@pytest.mark.parametrize("dilation", [ONE, Pair(2, 1), Pair(1, 2)])
def test_groups_and_dilation_become_zeros(groups: int, channels: int, dilation: Pair) -> None:
    reach = Pair(1 + dilation.y, 1 + dilation.x)
    layer = Convolution(
        "c", ("x",), IMAGE, Shape(4 + 2 - reach.y + 1, 5 - reach.x + 1, channels), TWO, ONE,
        Pair(1, 0), floats(channels, 2, 2, 4 // groups), floats(channels), dilation, groups,
        source=PLACE,
    )  # fmt: skip
    network = made(layer)
    lowered = lower(network)
    (found,) = lowered.layers
    assert isinstance(found, Convolution | DepthwiseConvolution)
    assert found.source == PLACE
    depthwise = groups == channels == 4
    assert isinstance(found, DepthwiseConvolution) == depthwise
    assert found.kernel == reach
    times = np.prod(reach) / 4 * (1 if depthwise else groups)
    expected = [] if times == 1 else [f"{times:.3g} times the multiplications of {groups} groups"]
    assert [text.split("too, ")[1].split(" and")[0] for text in lowered.notices] == expected
    assert_same(network, lowered)


def test_a_kernel_beyond_the_image_is_clipped() -> None:
    pooled = Pooling("p", ("x",), IMAGE, Shape(1, 1, 4), "average", Pair(5, 6), TWO, NONE)
    network = made(pooled)
    (found,) = lower(network).layers
    assert isinstance(found, Pooling)
    assert found.kernel == (4, 5)
    assert_same(network, lower(network))


FLAT: dict[str, tuple[Layer, ...]] = {
    "an inner product": (flat("f", "x"), product("p", "f", VECTOR)),
    "several": (
        flat("f", "x"), product("p", "f", VECTOR), product("q", "f", VECTOR),
        total("t", ("p", "q"), Shape(1, 1, 3)),
    ),
    "two in a row": (flat("f", "x"), flat("g", "f", VECTOR), product("p", "g", VECTOR)),
    "layers value by value": (
        flat("f", "x"), plain(ReLU, "r", "f", VECTOR), plain(Sigmoid, "s", "r", VECTOR),
        plain(TanH, "t", "s", VECTOR), product("p", "t", VECTOR),
    ),
    "a sum of two": (
        plain(TanH, "a", "x"), flat("f", "x"), flat("g", "a"), total("t", ("f", "g"), VECTOR),
        product("p", "t", VECTOR),
    ),
    "two side by side": (
        conv("a", "x", channels=2), flat("f", "x"), flat("g", "a", Shape(4, 5, 2)),
        concat("j", ("f", "g"), (VECTOR, Shape(1, 1, 40))), product("p", "j", Shape(1, 1, 120)),
    ),
    "the map itself as well": (
        flat("f", "x"), conv("c", "x"), product("p", "f", VECTOR), product("q", "c"),
        total("t", ("p", "q"), Shape(1, 1, 3)),
    ),
    "a vector anyway": (
        product("p", "x"), flat("f", "p", Shape(1, 1, 3)), plain(Softmax, "s", "f", Shape(1, 1, 3)),
    ),
    "a vector anyway, at the end": (product("p", "x"), flat("f", "p", Shape(1, 1, 3))),
}  # fmt: skip


@pytest.mark.parametrize("case", FLAT)
def test_a_flatten_becomes_an_order_of_columns(case: str) -> None:
    network = made(*FLAT[case])
    lowered = lower(network)
    kept = [layer.name for layer in network.layers if not isinstance(layer, Flatten)]
    assert [layer.name for layer in lowered.layers] == kept
    assert_same(network, lowered)


def test_joints_of_one_tensor_disappear() -> None:
    single = Eltwise("e", ("j",), IMAGE, IMAGE, "sum", (IMAGE,), (1.0,))
    network = made(concat("j", ("x",), (IMAGE,)), single, plain(ReLU, "r", "e"))
    (found,) = lower(network).layers
    assert found.inputs == ("x",)
