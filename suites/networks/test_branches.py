"""Networks with branches on targets: every layer, trace, count and plan.

`tests/test_branches_native.py` does the same on the host under sanitizers; QRIG_FULL=1 makes more.
"""

import numpy as np
import pytest

from branch_networks import BRANCHES, random_branches
from fast_checks import check_deployment
from fast_networks import random_choices
from full_runs import FULL, FULL_RUN
from profiled_targets import profiled_target
from qrig.build import build_deployment
from qrig.build.kernels import Kernels
from qrig.codegen.choose import FAST, LIBRARY_PLAN, SMALL
from qrig.datasets import Sample
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.runs.networks import LoadedNetwork
from qrig.runs.profile import profile_deployment
from qrig.runs.targets import Target
from qrig.runs.tune import tune

SEMANTICS = (DEFAULT, Semantics(pooling="c"), Semantics(truncate=True))
QUICK = ("inception", "residual", "shared-relu", "from-the-input", "gates", "planes")


def _sample(network_name: str) -> Sample:
    shape = BRANCHES[network_name].input.shape
    return Sample("noise", np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8))


@pytest.mark.parametrize("name", BRANCHES if FULL else QUICK)
def test_every_layer_is_exact(target: Target, name: str) -> None:
    for plan in (FAST, SMALL, LIBRARY_PLAN) if FULL else (FAST,):
        check_deployment(target, build_deployment(BRANCHES[name], target.board, Kernels(plan=plan)))


@pytest.mark.parametrize("seed", range(60 if FULL else 2))
def test_random_branches_with_random_kernels(target: Target, seed: int) -> None:
    semantics = SEMANTICS[seed % len(SEMANTICS)]
    network = random_branches(200 + seed)
    choices = random_choices(network, seed, semantics)
    built = build_deployment(network, target.board, Kernels(semantics), choices=choices)
    check_deployment(target, built, seed=seed)


@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an500"] if FULL else ["mps2-an386"])
def test_profiles_know_every_layer(board: str) -> None:
    target, network = profiled_target(board), BRANCHES["residual"]
    built = build_deployment(network, target.board)
    loaded = LoadedNetwork(network.name, network)
    cell = profile_deployment(target, loaded, built, _sample(network.name), {})
    fused = {"relu1": "conv0", "relu3": "conv2"}
    assert {each.name: each.computed_with for each in cell.layers if each.computed_with} == fused
    counted = cell.tables["layers"].set_index("layer")["instructions"]
    functions = cell.tables["functions"]
    for layer in cell.layers:
        if layer.computed_with is None:
            assert layer.instructions == counted[layer.name] > 0
        if layer.type == "eltwise":
            names = set(functions[functions["layer"] == layer.name]["function"])
            assert "qrig_eltwise_sum_q7" in names


@pytest.mark.parametrize("name", [pytest.param("residual", marks=FULL_RUN)])
def test_a_tuning_is_exact_and_no_worse(target: Target, name: str) -> None:
    network = BRANCHES[name]
    found = tune(target, LoadedNetwork(network.name, network), _sample(name))
    assert found.before is not None
    assert found.after <= found.before
    built = build_deployment(network, target.board, choices=found.tuning.choices)
    check_deployment(target, built)
