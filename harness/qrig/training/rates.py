"""Learning rates: Caffe's policies (`SGDSolver::GetLearningRate`)."""

from __future__ import annotations

import math

from qrig.networks.caffe.solver import Solver


def advanced_step(solver: Solver, iteration: int, step: int) -> int:
    """Return how many steps the rate has taken at `iteration`, after `step` of them before.

    "multistep" takes at most one step in an iteration, "step" as many as the iteration says; the
    others take none.
    """
    if solver.lr_policy == "step":
        return iteration // solver.stepsize
    values = solver.stepvalue
    if solver.lr_policy == "multistep" and step < len(values) and iteration >= values[step]:
        return step + 1
    return step


def learning_rate(solver: Solver, iteration: int, step: int) -> float:
    """Return the rate at `iteration` (from 0) after `step` steps; infinite if it is too large."""
    try:
        return solver.base_lr * _factor(solver, iteration, step)
    except OverflowError:
        return math.inf if solver.lr_policy != "sigmoid" else 0.0


def _factor(solver: Solver, iteration: int, step: int) -> float:
    gamma, power = solver.gamma, solver.power
    match solver.lr_policy:
        case "step" | "multistep":
            return float(gamma**step)
        case "exp":
            return float(gamma**iteration)
        case "inv":
            return float((1 + gamma * iteration) ** -power)
        case "poly":
            return float((1 - iteration / solver.max_iter) ** power)
        case "sigmoid":
            return 1 / (1 + math.exp(-gamma * (iteration - solver.stepsize)))
        case _:
            return 1.0
