"""A whole training: solver after solver, each with its nets, data and snapshots."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from attrs import field, frozen

from qrig.errors import FileFormatError, UsageError
from qrig.networks.caffe.places import find_named
from qrig.networks.caffe.solver import Solver
from qrig.networks.caffe.solverstate import read_solver_state
from qrig.networks.caffe.weights import read_weights
from qrig.training.loop import Loop, Watcher
from qrig.training.preparation import Data, prepare
from qrig.training.records import Records
from qrig.training.snapshots import Snapshots, resume
from qrig.training.torch_there import repeatable
from qrig.training.trainer import Trainer


@frozen(eq=False)
class Options:
    """How a training begins and where its results go.

    `weights` are loaded before the first iteration, or `resume` is the solver state to go on from.
    `seed` None means the first solver's random_seed, or 0. `threads` None leaves PyTorch's choice.
    `out` is a folder in place of that of the snapshot prefix. `arguments` are the words of a
    command line that a resumed training needs too.
    """

    weights: Path | None = None
    resume: Path | None = None
    seed: int | None = None
    out: Path | None = None
    threads: int | None = None
    arguments: tuple[str, ...] = ()


@frozen(eq=False)
class Trained:
    """How a training ended.

    `state` and `weights` are those of the last snapshot, None without one. `resume_command` is None
    unless the training was stopped before its end.
    """

    iteration: int
    state: Path | None
    weights: Path | None
    records: Records = field(repr=False)
    resume_command: str | None = None


def train(
    solvers: Sequence[Solver],
    data: Data,
    options: Options,
    watcher: Watcher,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train by `solvers`, one after the other, until `stop` says otherwise.

    A solver whose max_iter lies beyond the iteration reached goes on from there, with weights,
    history and iteration counter; another starts at iteration 0 with the weights alone. Raises
    InputError for what cannot be used and for a training that diverges.
    """
    if options.weights is not None and options.resume is not None:
        raise UsageError("expected --weights or --resume, found both; a state names its weights")
    with repeatable(options.threads) as threads:
        session = _Session(solvers, data, options, watcher, stop, threads)
        try:
            return session.run()
        except RuntimeError as error:  # PyTorch's way to say that there is no memory
            if "allocate memory" not in str(error):
                raise
            raise UsageError(
                f"{solvers[0].path}: expected a batch that fits the memory, found that it does "
                "not; use a smaller batch_size"
            ) from error


@frozen(eq=False)
class _Stage:
    """A solver that has run: what is left of it for the next one."""

    number: int
    trainer: Trainer
    snapshots: Snapshots
    records: Records
    finished: bool


class _Session:
    """What goes from solver to solver."""

    def __init__(
        self,
        solvers: Sequence[Solver],
        data: Data,
        options: Options,
        watcher: Watcher,
        stop: Callable[[], bool],
        threads: int,
    ) -> None:
        self.data, self.options, self.watcher, self.stop = data, options, watcher, stop
        self.solvers = self._left(solvers)
        chosen = self.solvers[0].random_seed if options.seed is None else options.seed
        self.seed = chosen or 0
        self.about = {"seed": self.seed, "threads": threads, "torch": torch.__version__}
        self._began_s = time.monotonic()
        self._told: list[str] = []

    def run(self) -> Trained:
        """Run every solver."""
        ended: _Stage | None = None
        for index in range(len(self.solvers)):
            ended = self._run_one(index, ended)
            if not ended.finished:
                break
        if ended is None:
            raise UsageError("expected at least one solver, found none; give --solver")
        state = ended.snapshots.last
        weights = None if state is None else ended.snapshots.weights_of(state)
        command = None if ended.finished or state is None else self._command(index, state)
        return Trained(ended.trainer.iteration, state, weights, ended.records, command)

    def _run_one(self, index: int, before: _Stage | None) -> _Stage:
        solver = self.solvers[index]
        trainer, snapshots = prepare(solver, self.data, self.seed, self.options.out)
        if solver.test_interval and not solver.tests:
            self.watcher.note(
                f"{solver.path}: test_interval {solver.test_interval} without test_iter: no test "
                "is made, as in Caffe; give test_iter, the number of batches of a test"
            )
        self._note_data(trainer)
        if before is not None:
            self._go_on(trainer, before.trainer)
        else:
            self._begin(trainer, snapshots)
        records = Records(snapshots.prefix, {**self.about, "solver": str(solver.path)})
        records.check()
        if before is not None:
            records.rows = before.records.rows
            number = before.number + 1
        else:
            if self.options.resume is not None:
                records.take_earlier(trainer.iteration)
            number = int(records.rows[-1]["stage"]) if records.rows else 1
        loop = Loop(
            trainer,
            snapshots,
            records,
            self.watcher,
            self.stop,
            number,
            lambda: time.monotonic() - self._began_s,
            lambda state: self._command(index, state),
        )
        return _Stage(number, trainer, snapshots, records, loop.run())

    def _note_data(self, trainer: Trainer) -> None:
        """Tell what the data's readers have to say, once, and how much of it a test takes."""
        feeds = [feed for fed in (trainer.train, *trainer.tests) for feed in fed.feeds]
        notices = [notice for feed in feeds for notice in feed.notices]
        for fed in trainer.tests:
            for feed in fed.feeds:
                taken, count = fed.iterations * feed.order.batch_size, feed.order.count
                if taken != count:
                    notices.append(f"a test takes {taken:,} records of {count:,}")
        for notice in notices:
            if notice not in self._told:
                self.watcher.note(notice)
                self._told.append(notice)

    def _left(self, solvers: Sequence[Solver]) -> Sequence[Solver]:
        """Return the solvers that are not behind the state that is resumed."""
        if self.options.resume is None:
            return solvers
        reached = read_solver_state(self.options.resume).iteration
        left = list(solvers)
        while left and left[0].max_iter <= reached:
            done = left.pop(0)
            self.watcher.note(f"{done.path}: its {done.max_iter} iterations are done")
        if not left:
            raise UsageError(
                f"{self.options.resume}: expected a state before iteration {solvers[-1].max_iter}, "
                f"the solver's last, found iteration {reached}; raise max_iter to train on"
            )
        return left

    def _begin(self, trainer: Trainer, snapshots: Snapshots) -> None:
        """Give the first trainer what it begins with."""
        if self.options.resume is not None:
            resume(trainer, self.options.resume)
            snapshots.last = self.options.resume
            return
        for path in self._weight_files(trainer.solver):
            taken = trainer.parameters.load(read_weights(path), str(path))
            if not taken:
                raise FileFormatError(
                    f"{path}: expected weights of at least one layer of the net, found none; these "
                    "are the weights of another network"
                )
            self.watcher.note(f"{path}: weights of {', '.join(taken)}")

    def _weight_files(self, solver: Solver) -> list[Path]:
        if self.options.weights is not None:
            return [self.options.weights]
        files = []
        for name in solver.weights:
            found = find_named(name, solver.path)
            if found is None:
                raise FileFormatError(
                    f"{solver.path}: expected the weights {name!r} from the working directory or "
                    "beside the solver, found none; correct the solver"
                )
            files.append(found)
        return files

    def _go_on(self, trainer: Trainer, before: Trainer) -> None:
        """Let `trainer` go on where `before` ended, or start from its weights."""
        source, reached = str(trainer.solver.path), before.iteration
        trainer.parameters.load(before.parameters.weights(), source)
        if trainer.solver.max_iter <= reached:
            self.watcher.note(
                f"{source}: starts at iteration 0 from the weights of iteration {reached}"
            )
        elif trainer.solver.type != before.solver.type:
            self.watcher.note(
                f"{source}: goes on at iteration {reached}, without the history of "
                f"{before.solver.type}"
            )
            trainer.iteration, trainer.current_step = reached, before.current_step
        else:
            self.watcher.note(f"{source}: goes on at iteration {reached}")
            trainer.restore(before.state(""), source)

    def _command(self, index: int, state: Path) -> str:
        """Return the command that goes on from `state` with solver `index`."""
        words = ["qrig", "train"]
        for solver in self.solvers[index:]:
            words += ["--solver", str(solver.path)]
        return shlex.join([*words, *self.options.arguments, "--resume", str(state)])
