"""Training gives what Caffe's formulas give, by an oracle of its own in float64 numpy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import training_oracle as oracle
from qrig.networks.caffe.solver import read_solver

pytest.importorskip("torch", reason="PyTorch is not installed")

from qrig.training.preparation import Data, prepare
from qrig.training.rates import advanced_step, learning_rate
from qrig.training.trainer import Trainer
from training_files import (
    BATCH,
    DECAY_MULTS,
    LR_MULTS,
    RECORDS,
    make_trainer,
    records,
    write_solver,
)

ITERATIONS = 50
TOLERANCE = 1e-4

RECIPES: dict[str, dict[str, Any]] = {
    "SGD": {},
    "Nesterov": {},
    "AdaGrad": {"base_lr": 0.02, "momentum": 0},
    "RMSProp": {"base_lr": 0.01, "momentum": 0, "rms_decay": 0.98},
    "AdaDelta": {"base_lr": 1, "momentum": 0.95, "delta": 1e-6},
    "Adam": {"base_lr": 0.005, "momentum2": 0.99},
}


def oracle_layers(trainer: Trainer) -> tuple[list[Any], dict[str, list[oracle.Array]]]:
    """Return the network of training_files in numpy, with the trainer's weights."""
    found = {
        name: [blob.astype(np.float64) for blob in blobs]
        for name, blobs in trainer.parameters.weights().items()
    }
    layers = [
        oracle.Conv(found["conv1"][0], found["conv1"][1], 1),
        oracle.Pool("max", 3, 2),
        oracle.ReLU(),
        oracle.Conv(found["conv2"][0], found["conv2"][1], 1),
        oracle.ReLU(),
        oracle.Pool("average", 3, 2),
        oracle.InnerProduct(found["ip"][0], found["ip"][1]),
    ]
    return layers, found


def batch_of(number: int) -> tuple[oracle.Array, Any]:
    values, labels = records()
    chosen = (np.arange(BATCH) + number * BATCH) % RECORDS
    return values[chosen].astype(np.float64), labels[chosen]


def difference(trainer: Trainer, wanted: dict[str, list[oracle.Array]]) -> float:
    """Return the largest difference of a weight, relative to the largest weight of its blob."""
    found = trainer.parameters.weights()
    return max(
        float(np.abs(one - other).max() / np.abs(other).max())
        for name, blobs in wanted.items()
        for one, other in zip(found[name], blobs, strict=True)
    )


def compare(trainer: Trainer, iterations: int = ITERATIONS, **changed: Any) -> None:
    solver = trainer.solver
    names = ("momentum", "momentum2", "rms_decay", "delta", "weight_decay")
    options = {name: getattr(solver, name) for name in names}
    layers, wanted = oracle_layers(trainer)
    rate = changed.pop("rate", lambda t: solver.base_lr)
    losses = oracle.train(
        layers,
        batch_of,
        solver.type,
        iterations,
        rate,
        options,
        LR_MULTS,
        DECAY_MULTS,
        iter_size=solver.iter_size,
        **changed,
    )
    found = [trainer.step().loss for _ in range(iterations)]
    assert np.allclose(found, losses, rtol=TOLERANCE)
    assert losses[-1] < losses[0]
    assert difference(trainer, wanted) < TOLERANCE


@pytest.mark.parametrize("kind", RECIPES)
def test_fifty_iterations_of_every_solver_match_the_oracle(kind: str, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, type=f'"{kind}"', **RECIPES[kind])
    compare(trainer)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_accumulated_batches_match_the_oracle(kind: str, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, type=f'"{kind}"', iter_size=3, **RECIPES[kind])
    compare(trainer, 12)


def test_clipping_and_lasso_match_the_oracle(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, clip_gradients=0.3, regularization_type='"L1"', iter_size=2)
    compare(trainer, 25, lasso=True, clip=0.3)


def test_a_falling_rate_matches_the_oracle(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, lr_policy='"inv"', gamma=0.1, power=0.75)
    compare(trainer, 25, rate=lambda t: 0.05 * (1 + 0.1 * t) ** -0.75)


def test_one_large_batch_is_several_small_ones_accumulated(tmp_path: Path) -> None:
    small = make_trainer(tmp_path, iter_size=5)
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace("batch_size: 8", "batch_size: 40"))
    solver = read_solver(write_solver(tmp_path))
    large = prepare(solver, Data(), small.seed, tmp_path)[0]
    for _ in range(10):
        assert small.step().loss == pytest.approx(large.step().loss, rel=1e-5)
    wanted = {
        name: [blob.astype(np.float64) for blob in blobs]
        for name, blobs in large.parameters.weights().items()
    }
    assert difference(small, wanted) < TOLERANCE


POLICIES: dict[str, tuple[dict[str, Any], Any]] = {
    "fixed": ({}, lambda t: 1.0),
    "step": ({"gamma": 0.5, "stepsize": 7}, lambda t: 0.5 ** (t // 7)),
    "exp": ({"gamma": 0.97}, lambda t: 0.97**t),
    "inv": ({"gamma": 0.01, "power": 0.75}, lambda t: (1 + 0.01 * t) ** -0.75),
    "poly": ({"power": 2}, lambda t: (1 - t / 60) ** 2),
    "sigmoid": (
        {"gamma": -0.2, "stepsize": 30},
        lambda t: 1 / (1 + math.exp(0.2 * (t - 30))),
    ),
}


def rates(folder: Path, count: int, **fields: Any) -> list[float]:
    solver = read_solver(write_solver(folder, base_lr=0.5, max_iter=60, **fields))
    step, found = 0, []
    for iteration in range(count):
        step = advanced_step(solver, iteration, step)
        found.append(learning_rate(solver, iteration, step))
    return found


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_follows_its_formula(policy: str, tmp_path: Path) -> None:
    fields, formula = POLICIES[policy]
    found = rates(tmp_path, 60, lr_policy=f'"{policy}"', **fields)
    assert np.allclose(found, [0.5 * formula(t) for t in range(60)], rtol=1e-6)


def test_multistep_takes_its_steps_one_at_a_time(tmp_path: Path) -> None:
    found = rates(
        tmp_path,
        12,
        lr_policy='"multistep"',
        gamma=0.1,
        stepvalue=4,
        text="stepvalue: 8 stepvalue: 8",
    )
    steps = [round(math.log10(0.5 / rate)) for rate in found]
    assert steps == [0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 3]


def test_a_rate_that_grows_without_limit_is_infinite(tmp_path: Path) -> None:
    solver = read_solver(write_solver(tmp_path, lr_policy='"exp"', gamma=1e30))
    assert learning_rate(solver, 60, 0) == math.inf


def test_a_sigmoid_far_from_its_middle_is_zero(tmp_path: Path) -> None:
    solver = read_solver(
        write_solver(tmp_path, lr_policy='"sigmoid"', gamma=-1, stepsize=10, max_iter=5000)
    )
    assert learning_rate(solver, 4000, 0) == 0
