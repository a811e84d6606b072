"""Small nets, data and solvers that train in a moment, and a watcher that remembers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from qrig.networks.caffe.solver import Solver, read_solver
from qrig.training.preparation import Data, prepare
from qrig.training.trainer import Trainer

RECORDS, CLASSES, BATCH = 40, 4, 8
SHAPE = (2, 9, 9)

DATA = """
layer { name: "d" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "records.txt" batch_size: 8 } }
"""

HEAD = """
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST } }
"""

BODY = """
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  convolution_param { num_output: 4 kernel_size: 3 pad: 1
    weight_filler { type: "gaussian" std: 0.2 } bias_filler { type: "constant" value: 0.1 } } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "relu1" type: "ReLU" bottom: "pool1" top: "pool1" }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
  convolution_param { num_output: 5 kernel_size: 3 pad: 1
    weight_filler { type: "xavier" } bias_filler { type: "constant" value: 0.1 } } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2"
  pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool2" top: "ip"
  param { lr_mult: 1 decay_mult: 5 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 4 weight_filler { type: "msra" } } }
"""

LR_MULTS = [1, 2, 1, 1, 1, 2]
DECAY_MULTS = [1, 0, 1, 1, 5, 0]

DROPPED = BODY.replace(
    'layer { name: "ip"',
    'layer { name: "drop" type: "Dropout" bottom: "pool2" top: "pool2" }\nlayer { name: "ip"',
)
"""The same network with dropout in front of the inner product."""

NORMALISED = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param {
  num_output: 4 kernel_size: 3 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" batch_norm_param {
  moving_average_fraction: 0.9 } }
layer { name: "scale" type: "Scale" bottom: "bn" top: "scale" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "scale" top: "scale" }
layer { name: "drop" type: "Dropout" bottom: "scale" top: "drop" }
layer { name: "ip" type: "InnerProduct" bottom: "drop" top: "ip" inner_product_param {
  num_output: 4 weight_filler { type: "xavier" } } }
"""
"""A network with everything that is remembered or random: statistics and dropout."""


class Watched:
    """Remembers what a training tells."""

    def __init__(self, stop_after: int = -1) -> None:
        self.stages: list[tuple[str, int]] = []
        self.losses: list[float] = []
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.notes: list[str] = []
        self._stop_after, self._done = stop_after, 0

    def stage(self, solver: Solver, first: int) -> None:
        self.stages.append((solver.path.name, first))

    def iteration(self, done: int, loss: float) -> None:
        self._done = done
        self.losses.append(loss)

    def shown(self, done: int, numbers: Mapping[str, float]) -> None:
        self.rows.append((done, dict(numbers)))

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def stop(self) -> bool:
        return 0 <= self._stop_after <= self._done


def records(
    seed: int = 5, count: int = RECORDS
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return numbers (n, 2, 9, 9) and labels (n,) that can be learnt."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    values = rng.normal(size=(count, *SHAPE)).astype(np.float32)
    values[:, 0] += labels[:, None, None] * 0.3
    return values, labels


def write_records(folder: Path, name: str = "records", **changed: Any) -> Path:
    """Write an HDF5 file of records and the list that names it; returns the list."""
    values, labels = records(**changed)
    with h5py.File(folder / f"{name}.h5", "w") as file:
        file["data"], file["label"] = values, labels.astype(np.float32)
    (folder / f"{name}.txt").write_text(f"{name}.h5\n")
    return folder / f"{name}.txt"


def write_net(folder: Path, body: str = BODY, data: str = DATA) -> Path:
    """Write a net whose phases both read the records."""
    (folder / "net.prototxt").write_text(f'name: "small"\n{data}{body}{HEAD}')
    return folder / "net.prototxt"


def write_solver(folder: Path, text: str = "", name: str = "solver", **fields: Any) -> Path:
    """Write a solver of `net.prototxt`; keyword arguments replace its fields."""
    base: dict[str, Any] = {
        "net": '"net.prototxt"',
        "base_lr": 0.05,
        "momentum": 0.9,
        "weight_decay": 0.01,
        "lr_policy": '"fixed"',
        "max_iter": 20,
        "snapshot_prefix": f'"{folder / "out" / name}"',
    }
    fields = {**base, **fields}
    lines = [f"{key}: {value}" for key, value in fields.items() if value is not None]
    (folder / f"{name}.prototxt").write_text("\n".join([*lines, text]) + "\n")
    return folder / f"{name}.prototxt"


def make_trainer(folder: Path, seed: int = 3, body: str = BODY, **fields: Any) -> Trainer:
    """Write everything and return a trainer of it."""
    write_records(folder)
    write_net(folder, body)
    solver = read_solver(write_solver(folder, **fields))
    return prepare(solver, Data(), seed, folder / "out")[0]
