"""The loop around a trainer: when to test, to show, to keep a snapshot, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from attrs import define

from qrig.errors import InputError
from qrig.networks.caffe.solver import Solver
from qrig.training.records import Records
from qrig.training.snapshots import Snapshots
from qrig.training.trainer import DivergedError, Iteration, Trainer

_SHOWN = 100


class Watcher(Protocol):
    """Who is told how a training goes."""

    def stage(self, solver: Solver, first: int) -> None:
        """`solver` begins, at iteration `first`."""

    def iteration(self, done: int, loss: float) -> None:
        """`done` iterations are done; `loss` is that of the last ones."""

    def shown(self, done: int, numbers: Mapping[str, float]) -> None:
        """A row was recorded: losses of training, or the results of a test."""

    def note(self, sentence: str) -> None:
        """Something the user should know."""


class _StoppedError(Exception):
    """The user wants the training to stop; a snapshot has been written."""


@define(eq=False)
class Loop:
    """Runs `trainer` to its solver's max_iter.

    `stop` is asked after every iteration and test batch. `stage` is the number of the solver in its
    sequence, `seconds` the clock of `elapsed_s`, `resume_command` says how to go on from a state.
    """

    trainer: Trainer
    snapshots: Snapshots
    records: Records
    watcher: Watcher
    stop: Callable[[], bool]
    stage: int
    seconds: Callable[[], float]
    resume_command: Callable[[Path], str]

    def run(self) -> bool:
        """Train to the end; returns False if `stop` ended it before, after a snapshot.

        Raises InputError that names the last good snapshot if the training diverges, UsageError if
        a file cannot be written.
        """
        self.watcher.stage(self.trainer.solver, self.trainer.iteration)
        try:
            self._iterations()
        except DivergedError as error:
            raise InputError(self._diverged(error)) from error
        except _StoppedError:
            return False
        else:
            return True
        finally:
            self.records.write()

    def _iterations(self) -> None:
        trainer, solver = self.trainer, self.trainer.solver
        while trainer.iteration < solver.max_iter:
            if self._test_is_due(trainer.iteration):
                self._test()
            self._obey()
            done = trainer.step()
            self.watcher.iteration(trainer.iteration, done.loss)
            self._show(done)
            if solver.snapshot and trainer.iteration % solver.snapshot == 0:
                self._keep()
        unsaved = not solver.snapshot or solver.max_iter % solver.snapshot
        if solver.snapshot_after_train and unsaved:
            self._keep()
        trainer.check_finite()
        self._test()

    def _test_is_due(self, iteration: int) -> bool:
        solver = self.trainer.solver
        if not solver.test_interval or iteration % solver.test_interval:
            return False
        return iteration > 0 or solver.test_initialization

    def _test(self) -> None:
        trainer = self.trainer
        for which in range(len(trainer.tests)):
            found = trainer.test(which, self.stop)
            if found is None:
                self._obey()
                return
            prefix = f"test{which}_" if which else "test_"
            numbers = {f"{prefix}{name}": value for name, value in found.items()}
            self._record(numbers)

    def _show(self, done: Iteration) -> None:
        """Record the numbers of training every `display` iterations, or a hundred times."""
        solver, iteration = self.trainer.solver, self.trainer.iteration
        every = solver.display or max(1, solver.max_iter // _SHOWN)
        if iteration % every and iteration != solver.max_iter:
            return
        others = {f"train_{name}": value for name, value in done.outputs.items()}
        self._record({**others, "learning_rate": done.rate, "train_loss": done.loss})

    def _record(self, numbers: Mapping[str, float]) -> None:
        finite = {name: value for name, value in numbers.items() if abs(value) < float("inf")}
        row = {**finite, "elapsed_s": round(self.seconds(), 3)}
        self.records.add(self.stage, self.trainer.iteration, row)
        self.watcher.shown(self.trainer.iteration, finite)

    def _keep(self) -> None:
        self.snapshots.write(self.trainer)
        self.records.write()

    def _obey(self) -> None:
        if self.stop():
            self.snapshots.write(self.trainer)
            raise _StoppedError

    def _diverged(self, error: DivergedError) -> str:
        last = self.snapshots.last
        solver = self.trainer.solver
        if last is None:
            kept = "no snapshot was written before; begin again"
        else:
            kept = f"the last good snapshot is {last}; resume with `{self.resume_command(last)}`"
        return (
            f"{solver.path}: expected a loss that falls, found that training diverged: "
            f"{error}; {kept} with a lower base_lr (now {solver.base_lr:g}) or with clip_gradients"
        )
