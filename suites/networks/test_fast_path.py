"""The fast path on targets: every kernel choice, exact in every layer and every trace.

`tests/test_fast_path_native.py` does the same on the host under sanitizers; QRIG_FULL=1 makes more.
"""

import numpy as np
import pytest

from fast_checks import check_deployment
from fast_edges import EDGES, every_choice, many_kernels
from fast_networks import random_choices, random_fast_network
from full_runs import FULL
from profiled_targets import profiled_target
from qrig.build import build_deployment
from qrig.build.kernels import Kernels
from qrig.codegen.choices import LIBRARY
from qrig.datasets import Sample
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.runs.networks import LoadedNetwork
from qrig.runs.profile import profile_deployment
from qrig.runs.targets import Target

SEMANTICS = (DEFAULT, Semantics(pooling="c"), DEFAULT, Semantics(truncate=True))


@pytest.mark.parametrize("seed", range(64 if FULL else 2))
def test_random_networks_with_random_kernels(target: Target, seed: int) -> None:
    semantics = SEMANTICS[seed % len(SEMANTICS)]
    network = random_fast_network(seed)
    choices = random_choices(network, seed, semantics)
    built = build_deployment(network, target.board, Kernels(semantics), choices=choices)
    check_deployment(target, built, seed=seed)


@pytest.mark.parametrize("passes", [(1,), (2,), (4,)] if FULL else [(1, 2, 4)])
def test_every_kernel_of_every_convolution(target: Target, passes: tuple[int, ...]) -> None:
    network = many_kernels()
    for choices in every_choice(network, passes):
        check_deployment(target, build_deployment(network, target.board, choices=choices))


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("seed", [None, *range(8 if FULL else 1)])
def test_edge_shapes(target: Target, name: str, seed: int | None) -> None:
    network = EDGES[name]
    choices = None if seed is None else random_choices(network, seed, DEFAULT)
    check_deployment(target, build_deployment(network, target.board, choices=choices))


@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an500"])
@pytest.mark.parametrize("seed", range(16 if FULL else 2))
def test_no_access_is_misaligned(board: str, seed: int) -> None:
    """In layers of our own kernels; those of the library widen bytes from any address.

    A compiler may join the byte stores of a tile of odd width into one word: cheaper than four.
    """
    target = profiled_target(board)
    network = many_kernels() if seed == 0 else random_fast_network(seed)
    choices = {
        name: choice
        for name, choice in random_choices(network, seed, DEFAULT).items()
        if choice.kernel != LIBRARY
    }
    built = build_deployment(network, target.board, choices=choices)
    pixels = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    cell = profile_deployment(
        target, LoadedNetwork(network.name, network), built, Sample("noise", pixels), {}
    )
    instructions = cell.tables["instructions"]
    loads = instructions[(instructions["class"] == "load") & (instructions["executions"] > 0)]
    assert choices
    for name in choices:
        found = loads[loads["layer"] == name]
        assert len(found) > 0
        misaligned = found[found["misaligned"] > 0]
        assert misaligned.empty, misaligned[["layer", "function", "text", "misaligned"]].to_string()
