"""`qrig train`: train a Caffe network by its solver files."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.numbers import whole_number
from qrig.cli.options import positive, read_shape
from qrig.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from qrig.datasets.augment import Augmentation
    from qrig.networks.caffe.solver import Solver
    from qrig.runs.train import TrainRequest, TrainResult

INTERRUPTED = 130
"""Exit code after Ctrl-C."""

_VARIATIONS = {
    "flip": "flip",
    "shift": "shift_px",
    "rotate": "rotate_deg",
    "brightness": "brightness",
    "noise": "noise_sigma",
}


def add_train(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser("train", help="train a Caffe network by its solver files")
    parser.add_argument(
        "--solver",
        action="append",
        required=True,
        type=Path,
        metavar="S",
        help="solver prototxt; several are run one after the other",
    )
    parser.add_argument("--weights", type=Path, metavar="W", help="start from these weights")
    parser.add_argument("--resume", type=Path, metavar="STATE", help="go on from a .solverstate")
    parser.add_argument(
        "--data", metavar="D", help="images in place of the net's own: a known name, folder or file"
    )
    parser.add_argument("--test-data", metavar="D", help="images of the tests")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="labels of --data")
    parser.add_argument("--test-labels", type=Path, metavar="FILE", help="labels of --test-data")
    parser.add_argument(
        "--input-shape", type=read_shape, metavar="HxWxC", help="put zeros around smaller images"
    )
    parser.add_argument(
        "--mean", metavar="M", help="mean.binaryproto, .npy, or values like 125,123"
    )
    parser.add_argument(
        "--augment",
        metavar="WHAT",
        help="vary the images of training: flip,shift=PX,rotate=DEG,brightness=F,noise=SIGMA",
    )
    parser.add_argument("--seed", type=_seed, metavar="N", help="in place of random_seed")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of snapshots and curves")
    parser.add_argument("--threads", type=positive, metavar="N", help="threads to compute in")
    parser.set_defaults(command=_train, kept="snapshots and history written before are kept")


def _seed(text: str) -> int:
    return whole_number(text, 0)


def _train(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Left

    from qrig.runs.train import train_files

    console = Console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}{task.fields[numbers]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        Left(),
    )
    with stopping() as stop, Progress(*columns, console=console, transient=True) as bars:
        watcher = _Shown(console, bars, stop.arm)
        result = train_files(_request(options), watcher, stop.is_wanted)
    return _report(console, result)


def _report(console: Console, result: TrainResult) -> int:
    trained = result.trained
    for path in (trained.weights, trained.state, *result.files):
        if path is not None:
            console.print(str(path), soft_wrap=True, highlight=False, markup=False)
    if trained.resume_command is None:
        return 0
    print(
        f"qrig: interrupted after iteration {trained.iteration}; {trained.state} holds it; resume "
        f"with: {trained.resume_command}",
        file=sys.stderr,
    )
    return INTERRUPTED


def _request(options: argparse.Namespace) -> TrainRequest:
    from qrig.runs.train import TrainRequest

    return TrainRequest(
        solvers=tuple(options.solver),
        data=options.data,
        test_data=options.test_data,
        labels=options.labels,
        test_labels=options.test_labels,
        input_shape=options.input_shape,
        mean=options.mean,
        augmentation=None if options.augment is None else augmentation(options.augment),
        weights=options.weights,
        resume=options.resume,
        seed=options.seed,
        out=options.out,
        threads=options.threads,
        arguments=_arguments(options),
    )


def _arguments(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the options, as words, that a resumed training needs too."""
    words: list[str] = []
    names = ("data", "test_data", "labels", "test_labels", "input_shape", "mean", "augment")
    for name in (*names, "seed", "out", "threads"):
        value = getattr(options, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return tuple(words)


def augmentation(text: str) -> Augmentation:
    """Read what `--augment` says, like "flip,shift=2"; raises UsageError."""
    from qrig.datasets.augment import Augmentation

    chosen: dict[str, Any] = {
        "flip": False,
        "shift_px": 0,
        "rotate_deg": 0.0,
        "brightness": 0.0,
        "noise_sigma": 0.0,
    }
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in _VARIATIONS or (name == "flip") != (not value):
            raise UsageError(
                f"--augment: expected flip, shift=PX, rotate=DEG, brightness=F or noise=SIGMA, "
                f"separated by commas, found {part.strip()!r}; correct it"
            )
        try:
            chosen[_VARIATIONS[name]] = (
                True if name == "flip" else int(value) if name == "shift" else float(value)
            )
        except ValueError as error:
            raise UsageError(
                f"--augment: expected a number for {name}, found {value!r}; correct it"
            ) from error
    return Augmentation(**chosen)


class Stop:
    """Whether the user wants to stop: by Ctrl-C or a request to terminate.

    Until it is armed, and the second time, either raises KeyboardInterrupt wherever the program is.
    """

    def __init__(self) -> None:
        """Want nothing."""
        self._armed = self._wanted = False

    def arm(self) -> None:
        """Take the next signal as a wish: from here on there is something to keep."""
        self._armed = True

    def is_wanted(self) -> bool:
        """Return whether the user wants to stop."""
        return self._wanted

    def handle(self, number: int, frame: object) -> None:
        """Handle a signal."""
        if self._wanted or not self._armed:
            raise KeyboardInterrupt
        self._wanted = True


@contextmanager
def stopping() -> Iterator[Stop]:
    """Yield what says whether the user wants to stop; outside the main thread nobody can."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop.handle) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Shown:
    """Shows a training: a bar for every solver, a line for every row."""

    def __init__(self, console: Console, bars: Progress, begin: Callable[[], None]) -> None:
        self._console, self._bars, self._begin = console, bars, begin
        self._task: Any = None
        self._accuracy = ""

    def stage(self, solver: Solver, first: int) -> None:
        """Begin a bar."""
        self._begin()
        self._task = self._bars.add_task(
            solver.path.stem, total=solver.max_iter, completed=first, numbers=""
        )

    def iteration(self, done: int, loss: float) -> None:
        """Move the bar."""
        numbers = f"  loss {loss:.4f}{self._accuracy}"
        self._bars.update(self._task, completed=done, numbers=numbers)

    def shown(self, done: int, numbers: Mapping[str, float]) -> None:
        """Write a line."""
        accuracy = [value for name, value in numbers.items() if name.endswith("accuracy")]
        if accuracy:
            self._accuracy = f"  accuracy {accuracy[0]:.4f}"
        text = ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in numbers.items())
        self._line(f"iteration {done}: {text}")

    def note(self, sentence: str) -> None:
        """Write a sentence."""
        self._line(f"note: {sentence}")

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)
