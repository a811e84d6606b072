"""Networks with branches as a process on this machine, under sanitizers.

`suites/networks/test_branches.py` does the same on targets.
"""

import pytest

from branch_networks import BRANCHES, random_branches
from fast_checks import check_deployment
from fast_networks import random_choices
from full_runs import FULL
from qrig.build import build_deployment
from qrig.build.kernels import Kernels
from qrig.codegen.choose import FAST, LIBRARY_PLAN, SMALL
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.runs.targets import find_target

NATIVE = find_target("host@native")
SEMANTICS = (DEFAULT, Semantics(pooling="c"), Semantics(truncate=True))
PLANS = {
    "inception": FAST,
    "residual": SMALL,
    "shared-relu": LIBRARY_PLAN,
    "from-the-input": FAST,
    "three-terms": LIBRARY_PLAN,
    "gates": FAST,
    "nested": FAST,
    "dead-ends": FAST,
    "planes": SMALL,
}


@pytest.mark.parametrize("name", BRANCHES)
def test_every_layer_is_exact(name: str) -> None:
    for plan in (FAST, SMALL, LIBRARY_PLAN) if FULL else (PLANS[name],):
        built = build_deployment(BRANCHES[name], NATIVE.board, Kernels(plan=plan))
        check_deployment(NATIVE, built)


@pytest.mark.parametrize("implementation", ["dsp", "portable"])
def test_sums_and_tables_of_both_implementations(implementation: str) -> None:
    kernels = Kernels(Semantics(truncate=True), implementation)
    check_deployment(NATIVE, build_deployment(BRANCHES["three-terms"], NATIVE.board, kernels))


@pytest.mark.parametrize("seed", range(60 if FULL else 3))
def test_random_branches_with_random_kernels(seed: int) -> None:
    semantics = SEMANTICS[seed % len(SEMANTICS)]
    network = random_branches(100 + seed)
    choices = random_choices(network, seed, semantics)
    built = build_deployment(network, NATIVE.board, Kernels(semantics), choices=choices)
    check_deployment(NATIVE, built, seed=seed)
