"""The fast path as a process on this machine, under sanitizers: kernels in portable C.

`suites/networks/test_fast_path.py` does the same on targets, with kernels in assembler.
"""

import pytest

from fast_checks import check_deployment
from fast_edges import EDGES, every_choice, many_kernels, two_layers
from fast_networks import random_choices, random_fast_network
from full_runs import FULL
from qrig.build import build_deployment
from qrig.build.kernels import Kernels
from qrig.codegen.choices import KERNELS, Choice
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.runs.targets import find_target

NATIVE = find_target("host@native")
SEMANTICS = (DEFAULT, Semantics(pooling="c"), DEFAULT, Semantics(truncate=True))


@pytest.mark.parametrize("seed", range(100, 164 if FULL else 104))
def test_random_networks_with_random_kernels(seed: int) -> None:
    semantics = SEMANTICS[seed % len(SEMANTICS)]
    network = random_fast_network(seed)
    choices = random_choices(network, seed, semantics)
    built = build_deployment(network, NATIVE.board, Kernels(semantics), choices=choices)
    check_deployment(NATIVE, built, seed=seed)


def test_every_kernel_of_every_convolution() -> None:
    network = many_kernels()
    found = list(every_choice(network, (1, 2, 4)))
    for choices in found if FULL else found[::3]:
        check_deployment(NATIVE, build_deployment(network, NATIVE.board, choices=choices))


@pytest.mark.parametrize("name", EDGES)
def test_edge_shapes(name: str) -> None:
    network = EDGES[name]
    choices = random_choices(network, 1, DEFAULT)
    check_deployment(NATIVE, build_deployment(network, NATIVE.board, choices=choices))


@pytest.mark.parametrize("choice", [Choice("sliding", 5), Choice("columns")], ids=KERNELS[1:])
def test_a_kernel_that_is_not_possible_is_refused(choice: Choice) -> None:
    network = EDGES["tall"]
    name = network.layers[0].name
    with pytest.raises(UnsupportedNetworkError, match=rf"layer '{name}': expected .*qrig tune"):
        build_deployment(network, NATIVE.board, choices={name: choice})


NAMES = [
    ("conv", "conv data"),
    ("conv plane", "conv"),
    ("conv", "conv_weights"),
    ("conv", "conv start"),
    ("int", "memcpy"),
    ("arena", "products"),
    ("network", "plane"),
    ("columns", "lanes"),
]


@pytest.mark.parametrize("names", NAMES, ids="-".join)
@pytest.mark.parametrize("choice", [Choice("sliding", 2, staged=True), Choice("columns")], ids=str)
def test_names_of_layers_are_nothing_but_names(names: tuple[str, str], choice: Choice) -> None:
    """They are neither those of other layers' buffers and functions, nor C's."""
    network = two_layers(names)
    built = build_deployment(network, NATIVE.board, choices=dict.fromkeys(names, choice))
    check_deployment(NATIVE, built, inputs=1)
