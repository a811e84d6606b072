"""Training from files: solvers and data are read, the network trained, its curve drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from qrig.datasets.augment import Augmentation
from qrig.datasets.image_set import ImageSet
from qrig.datasets.sources import read_image_set
from qrig.errors import UsageError
from qrig.networks.caffe.mean import read_mean
from qrig.networks.caffe.solver import read_solver
from qrig.networks.graph import Shape
from qrig.reports.training import write_training_curve
from qrig.training import require_torch

if TYPE_CHECKING:
    from qrig.training.loop import Watcher
    from qrig.training.session import Trained


@frozen
class TrainRequest:
    """What a user asks of a training; None leaves a thing to the solver and its nets.

    `data` and `test_data` name images (see `read_image_set`) that take the place of those the data
    layers name; without `test_data`, a divided source gives its test part. `labels` and
    `test_labels` are files of their labels. Smaller images are brought to `input_shape` with zeros
    around them. `mean` is a file or channel values. `arguments` are the words of the command line
    that a resumed training needs too.
    """

    solvers: tuple[Path, ...]
    data: str | None = None
    test_data: str | None = None
    labels: Path | None = None
    test_labels: Path | None = None
    input_shape: Shape | None = None
    mean: str | None = None
    augmentation: Augmentation | None = None
    weights: Path | None = None
    resume: Path | None = None
    seed: int | None = None
    out: Path | None = None
    threads: int | None = None
    arguments: tuple[str, ...] = ()


@frozen(eq=False)
class TrainResult:
    """How a training ended, and the files that tell of it."""

    trained: Trained
    files: tuple[Path, ...]


def train_files(
    request: TrainRequest, watcher: Watcher, stop: Callable[[], bool] = lambda: False
) -> TrainResult:
    """Train as `request` says; ends early, with a snapshot, when `stop` says so.

    Raises UsageError without PyTorch, InputError for files that cannot be used and for a training
    that diverges; what was recorded until then is written in every case.
    """
    require_torch()
    from qrig.training.preparation import Data
    from qrig.training.session import Options, train

    _check_labels(request)
    solvers = [read_solver(path) for path in request.solvers]
    mean = None if request.mean is None else read_mean(request.mean)
    training = _images(request.data, request.labels, "train")
    tests = _test_images(request, training)
    data = Data(training, tests, request.input_shape, mean, request.augmentation)
    options = Options(
        request.weights,
        request.resume,
        request.seed,
        request.out,
        request.threads,
        request.arguments,
    )
    trained = train(solvers, data, options, watcher, stop)
    records = trained.records
    title = f"{solvers[-1].path.stem}: {trained.iteration} iterations"
    curve = write_training_curve(records.rows, title, records.prefix)
    return TrainResult(trained, (records.json_path, records.json_path.with_suffix(".csv"), *curve))


def _check_labels(request: TrainRequest) -> None:
    if request.labels is not None and request.data is None:
        raise UsageError("expected --data with --labels, found none; name the images too")
    if request.test_labels is not None and request.test_data is None and request.data is None:
        raise UsageError("expected --test-data with --test-labels, found none; name the images too")


def _images(source: str | None, labels: Path | None, part: str) -> ImageSet | None:
    if source is None:
        return None
    return read_image_set(source, part=part, labels=labels)


def _test_images(request: TrainRequest, training: ImageSet | None) -> ImageSet | None:
    """Return the images for tests: those named, or the test part of a divided source."""
    if request.test_data is not None:
        return _images(request.test_data, request.test_labels, "test")
    if training is not None and training.part == "train":
        return _images(request.data, request.test_labels, "test")
    return None
