"""Snapshots of a training: weights and solver state, each whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import define

from qrig.errors import FileFormatError, UsageError
from qrig.networks.caffe.solver import Solver
from qrig.networks.caffe.solverstate import (
    learned_net,
    read_solver_state,
    write_solver_state,
)
from qrig.networks.caffe.weights import read_weights
from qrig.networks.caffe.write import write_weights
from qrig.training.trainer import Trainer


@define(eq=False)
class Snapshots:
    """Writes `<prefix>_iter_<N>.caffemodel` and `.solverstate`, with `.h5` for HDF5.

    `net` is the message of the net that is trained, which the binary form holds too. `last` is the
    state of the last snapshot, None before the first.
    """

    prefix: Path
    hdf5: bool
    net: Any
    last: Path | None = None

    def write(self, trainer: Trainer) -> Path:
        """Write both files, the state last, and return the path of the state.

        Raises DivergedError if the weights are not finite (nothing is written), UsageError if a
        file cannot be written.
        """
        trainer.check_finite()
        model, state = self.paths(trainer.iteration)
        names = {layer.name for layer in self.net.layer}
        weights = trainer.parameters.weights()
        own = {name: blobs for name, blobs in weights.items() if name in names}
        write_weights(model, own, net=self.net)
        write_solver_state(state, trainer.state(str(model)))
        self.last = state
        return state

    def paths(self, iteration: int) -> tuple[Path, Path]:
        """Return where the weights and the state after `iteration` updates belong."""
        suffix = ".h5" if self.hdf5 else ""
        stem = f"{self.prefix.name}_iter_{iteration}"
        folder = self.prefix.parent
        return folder / f"{stem}.caffemodel{suffix}", folder / f"{stem}.solverstate{suffix}"

    def weights_of(self, state: Path) -> Path:
        """Return the weights beside a state this wrote."""
        return state.with_name(state.name.replace(".solverstate", ".caffemodel"))


def snapshots_of(solver: Solver, net: Any, out: Path | None) -> Snapshots:
    """Return where a solver's snapshots go: its prefix, or that name in the folder `out`.

    The folder is made. Raises UsageError if that cannot be.
    """
    prefix = solver.snapshot_prefix if out is None else out / solver.snapshot_prefix.name
    try:
        prefix.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{prefix.parent}: expected a folder for the snapshots, found that it cannot be made "
            f"({getattr(error, 'strerror', None) or error}); give another with --out"
        ) from error
    return Snapshots(prefix, solver.snapshot_format == "HDF5", net)


def resume(trainer: Trainer, path: Path) -> None:
    """Let `trainer` go on from the solver state at `path` and the weights it names.

    Raises FileFormatError if one of them is broken or of another network.
    """
    state = read_solver_state(path)
    weights_path = learned_net(path, state)
    weights = read_weights(weights_path)
    missing = [
        name for name, made in trainer.parameters.layers.items() if made and name not in weights
    ]
    if missing:
        raise FileFormatError(
            f"{weights_path}: expected blobs for layer {missing[0]!r}, found none; these are the "
            "weights of another network"
        )
    trainer.parameters.load(weights, str(weights_path))
    trainer.restore(state, str(path))
