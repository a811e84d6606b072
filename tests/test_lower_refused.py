"""What has no deployable form: the sentence, with name and place."""

import attrs
import numpy as np
import pytest

from layer_makers import (
    IMAGE,
    NONE,
    ONE,
    PLACE,
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
from qrig.errors import UnsupportedNetworkError
from qrig.networks.graph import (
    Convolution,
    Eltwise,
    Input,
    Layer,
    LocalResponseNormalization,
    Network,
    Pair,
    Pooling,
    ReLU,
    Scale,
    Shape,
    Softmax,
    TanH,
)
from qrig.networks.lower import lower

NOT_FOLDED: dict[str, tuple[tuple[Layer, ...], str]] = {
    "the input and a padded convolution": (
        (norm("n", "x"), conv("c", "n", pad=ONE)),
        "found the input in front of it and 'c', which pads with zeros, behind it",
    ),
    "a ReLU and a padded convolution": (
        (conv("a", "x"), plain(ReLU, "r", "a"), norm("n", "r"), conv("c", "n", pad=ONE)),
        r"found 'r' \(relu\) in front of it and 'c', which pads with zeros, behind it",
    ),
    "a convolution that others read too": (
        (conv("c", "x"), norm("n", "c"), plain(TanH, "t", "n"), total("e", ("c", "t"))),
        r"found 'c', which is read more than once, in front of it and 't' \(tanh\) behind it",
    ),
    "the end": ((plain(ReLU, "r", "x"), norm("n", "r")), "and nothing behind it"),
    "a maximum of negative factors": (
        (conv("c", "x"), pool("p", "c", "max"), scale("n", "p", Shape(2, 3, 4), -1.0)),
        r"found 'p' \(pooling\) in front of it",
    ),
    "one branch of several": (
        (norm("n", "x"), conv("a", "n"), plain(ReLU, "r", "n"), total("t", ("a", "r"))),
        r"'r' \(relu\) behind it",
    ),
    "a sum": (
        (conv("a", "x"), conv("b", "x"), total("t", ("a", "b")), norm("n", "t")),
        r"found 't' \(eltwise\) in front of it",
    ),
}


@pytest.mark.parametrize("case", NOT_FOLDED)
def test_what_cannot_be_folded_is_named_with_its_neighbours(case: str) -> None:
    layers, words = NOT_FOLDED[case]
    with pytest.raises(UnsupportedNetworkError, match=words) as caught:
        lower(made(*layers))
    assert str(caught.value).startswith(f"{PLACE}: layer 'n': expected a convolution or an inner")


def test_weights_beyond_float32_are_refused() -> None:
    huge = attrs.evolve(norm("n", "c"), variance=np.zeros(4, np.float32), eps=1e-38)
    layer = attrs.evolve(conv("c", "x"), bias=np.full(4, 3e38, np.float32))
    with pytest.raises(UnsupportedNetworkError, match=f"{PLACE}: layer 'c': .*float32 holds"):
        lower(made(layer, huge))


def test_kernels_that_would_become_too_large_are_refused_before_they_are_made() -> None:
    side, dilation = 60_001, Pair(30_000, 30_000)
    shape = Shape(side, side, 1)
    layer = Convolution(
        "c", ("x",), shape, Shape(1, 1, 1), Pair(3, 3), ONE, NONE, floats(1, 3, 3, 1), floats(1),
        dilation, source=PLACE,
    )  # fmt: skip
    with pytest.raises(UnsupportedNetworkError, match=f"{PLACE}: .* at most 67,108,864 weights"):
        lower(Network("big", Input("x", shape), (layer,)))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((flat("f", "x"),), "found nothing behind it"),
        ((flat("f", "x"), plain(Softmax, "s", "f", VECTOR)), r"found 's' \(softmax\)"),
        ((flat("f", "x"), plain(ReLU, "r", "f", VECTOR)), "found nothing behind it"),
        ((flat("f", "x"), conv("c", "f", VECTOR)), r"found 'c' \(convolution\)"),
        (
            (flat("f", "x"), product("q", "x"),
             concat("j", ("f", "q"), (VECTOR, Shape(1, 1, 3))), product("p", "j", Shape(1, 1, 83))),
            r"found 'j' \(concat\)",
        ),
        (
            (pool("a", "x", "max"), conv("b", "a", Shape(2, 3, 4), 12), flat("f", "x"),
             flat("g", "b", Shape(2, 3, 12)), concat("j", ("g", "f"), (Shape(1, 1, 72), VECTOR)),
             product("p", "j", Shape(1, 1, 152))),
            r"found 'j' \(concat\)",
        ),
    ],
)  # fmt: skip
def test_another_order_of_values_is_refused(layers: tuple[Layer, ...], words: str) -> None:
    with pytest.raises(UnsupportedNetworkError, match=rf"{PLACE}: layer '\w': .*Flatten.*{words}"):
        lower(made(*layers))


def test_a_network_that_only_orders_values_is_refused() -> None:
    source = Input("x", Shape(1, 1, 3))
    with pytest.raises(UnsupportedNetworkError, match="expected layers that compute something"):
        lower(Network("none", source, (flat("f", "x", Shape(1, 1, 3)),)))


def averaged(pad: Pair, counts: bool) -> Pooling:
    return Pooling("y", ("x",), IMAGE, IMAGE, "average", Pair(3, 3), ONE, pad, counts, source=PLACE)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (LocalResponseNormalization("y", ("x",), IMAGE, IMAGE, 3, 1.0, 0.75, 1.0, source=PLACE),
         r"a local response normalisation \('LRN'\)"),
        (ReLU("y", ("x",), IMAGE, IMAGE, 0.1, source=PLACE), "a ReLU with negative_slope 0.1"),
        (averaged(ONE, True), r"an average pooling with padding \(1, 1\)"),
        (averaged(ONE, False), r"an average pooling with padding \(1, 1\)"),
        (Eltwise("y", ("x", "x"), IMAGE, IMAGE, "max", (IMAGE,) * 2, source=PLACE),
         "an element-wise max"),
        (Eltwise("y", ("x", "x"), IMAGE, IMAGE, "product", (IMAGE,) * 2, source=PLACE),
         "an element-wise product"),
        (Eltwise("y", ("x", "x"), IMAGE, IMAGE, "sum", (IMAGE,) * 2, (1.0, -0.5), source=PLACE),
         r"a sum \('Eltwise'\) with coefficients 1, -0.5"),
        (plain(Softmax, "y", "x"), "a softmax over a tensor of shape 4x5x4"),
        (Pooling("y", ("x",), Shape(4, 4, 4), Shape(2, 2, 4), "max", ONE, Pair(4, 4), NONE,
                 source=PLACE), "a pooling whose last window lies outside the image"),
        (Layer("y", ("x",), IMAGE, IMAGE, source=PLACE), "a layer of type 'layer'"),
    ],
)  # fmt: skip
def test_what_the_kernels_cannot_compute_is_named(layer: Layer, words: str) -> None:
    with pytest.raises(UnsupportedNetworkError, match=f"^{PLACE}: layer 'y': {words}") as caught:
        lower(made(layer))
    assert str(caught.value).endswith("which qrig cannot deploy")


def test_very_long_ways_are_refused() -> None:
    """A file may have thousands of layers, or more paths than anyone can walk."""
    chain: list[Layer] = [plain(ReLU, "r0", "x")]
    chain += [plain(ReLU, f"r{i}", f"r{i - 1}") for i in range(1, 400)]
    layers = (conv("c", "x"), *(attrs.evolve(chain[0], inputs=("c",)), *chain[1:]))
    doubled = scale("n", "r399", chain[-1].out_shape, 2.0)
    assert isinstance(doubled, Scale)
    far = (*layers, attrs.evolve(doubled, bias=np.zeros_like(doubled.bias)))
    with pytest.raises(UnsupportedNetworkError, match="found too many layers in front of it"):
        lower(Network("far", Input("x", IMAGE), far))
