"""Trainings as tests begin them: by the command, or without the command around it."""

from pathlib import Path
from typing import Any

from qrig.cli import main
from qrig.networks.caffe.solver import read_solver
from qrig.training.preparation import Data
from qrig.training.session import Options, Trained, train
from training_files import Watched


def run(*words: object) -> int:
    """The command's exit code."""
    return main(["train", "--threads", "1", *map(str, words)])


def trained(*solvers: Path, watched: Watched | None = None, **options: Any) -> Trained:
    """Train without the command around it."""
    chosen = Options(threads=1, **options)
    return train([read_solver(path) for path in solvers], Data(), chosen, watched or Watched())
