# SPDX-License-Identifier: Apache-2.0
"""Where the bundled network for Fashion-MNIST comes from: training, formats, accuracy.

    python models/cifar-shape-fashion/recipe.py             train, write the files, evaluate
    python models/cifar-shape-fashion/recipe.py --formats   choose the formats again, evaluate
    python models/cifar-shape-fashion/recipe.py --held-out  train on 50,000, judge by 10,000 others
    python models/cifar-shape-fashion/recipe.py --evaluate  only measure the files that are there

Training needs qrig[train] (PyTorch), everything the images of Debian's dataset-fashion-mnist. It is
what `qrig train` does with the two solvers beside this, see the README. How training was set up was
chosen with --held-out, which reads training images alone; the test images chose nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qrig.datasets.augment import Augmentation
from qrig.datasets.idx import write_idx
from qrig.datasets.image_set import ImageSet
from qrig.datasets.padding import padded
from qrig.datasets.sources import read_image_set
from qrig.errors import QrigError
from qrig.fixedpoint import read_formats
from qrig.fixedpoint.convert import quantize_network
from qrig.networks.caffe import build_network, read_prototxt, read_weights
from qrig.networks.caffe.solver import Solver, read_solver
from qrig.networks.graph import Network, Shape
from qrig.networks.lower import lower
from qrig.quantize.calibration import calibrate
from qrig.quantize.judgement import Judgement, judge
from qrig.reports.quantization import accuracy_text, difference_text
from qrig.reports.training import write_training_curve
from qrig.runs.quantize import quantize, write_formats
from qrig.training import require_torch

FOLDER = Path(__file__).resolve().parent
MODEL = FOLDER / "cifar-shape-fashion.prototxt"
WEIGHTS = FOLDER / "cifar-shape-fashion.caffemodel.h5"
SOLVERS = (FOLDER / "solver.prototxt", FOLDER / "solver_lr1.prototxt")
FORMATS = FOLDER / "formats.json"
SAMPLE_IMAGES = FOLDER / "samples-images.idx.gz"
SAMPLE_LABELS = FOLDER / "samples-labels.idx.gz"
HISTORY, CURVE = FOLDER / "training_history.csv", FOLDER / "training_curve.svg"

INPUT, CLASSES = Shape(32, 32, 1), 10
AUGMENTATION = Augmentation(flip=True, shift_px=2, rotate_deg=0, brightness=0, noise_sigma=0)
HELD_OUT = CHOOSING = 10_000
SAMPLES = 100
SEED = 20
THREADS = 2


class _Log:
    """Writes a line for every stage and row."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def stage(self, solver: Solver, first: int) -> None:
        """Write which solver begins."""
        self.note(f"{solver.path.name} from iteration {first} to {solver.max_iter}")

    def iteration(self, done: int, loss: float) -> None:
        """Write nothing: rows come often enough."""

    def shown(self, done: int, numbers: Mapping[str, float]) -> None:
        """Write a row."""
        text = ", ".join(f"{name} {value:.4f}" for name, value in numbers.items())
        self.note(f"iteration {done}: {text}")

    def note(self, sentence: str) -> None:
        """Write a sentence."""
        sys.stdout.write(f"{time.monotonic() - self._start_s:5.0f} s  {sentence}\n")
        sys.stdout.flush()


def parts(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Return the training images without those held out, and those.

    RandomState keeps its stream in every release of numpy (NEP 19).
    """
    order = np.random.RandomState(SEED).permutation(len(images))
    return images.take(order[:-HELD_OUT]), images.take(order[-HELD_OUT:])


def make(*, held_out: bool) -> None:
    """Train; write weights and curve into this folder unless a part of the images was held out."""
    require_torch()
    from qrig.training.preparation import Data
    from qrig.training.session import Options, train

    training, tests = None, None
    if held_out:
        training, tests = parts(read_image_set("fashion-mnist", part="train"))
    data = Data(training, tests, INPUT, None, AUGMENTATION)
    with tempfile.TemporaryDirectory() as folder:
        options = Options(out=Path(folder), threads=THREADS)
        trained = train([read_solver(path) for path in SOLVERS], data, options, _Log())
        if held_out or trained.weights is None:
            return
        shutil.copyfile(trained.weights, WEIGHTS)
        shutil.copyfile(trained.records.json_path.with_suffix(".csv"), HISTORY)
        drawn = write_training_curve(trained.records.rows, FOLDER.name, Path(folder) / "drawn")
        shutil.copyfile(next(path for path in drawn if path.suffix == ".svg"), CURVE)


def load_float() -> Network:
    """Return the float network in this folder."""
    return build_network(read_prototxt(MODEL), read_weights(WEIGHTS), WEIGHTS, input_shape=INPUT)


def choose() -> None:
    """Choose formats on training images alone; write them and the first test images."""
    images = read_image_set("fashion-mnist", part="train").take(CHOOSING, seed=SEED)
    (found,) = quantize(lower(load_float()), padded(images, INPUT))
    write_formats(found.formats, FORMATS)
    samples = padded(read_image_set("fashion-mnist", part="test").take(SAMPLES), INPUT)
    write_idx(SAMPLE_IMAGES, samples.images[..., 0])
    write_idx(SAMPLE_LABELS, samples.check_labels(CLASSES).astype(np.uint8))
    _report(found.images, found.chosen_on)


def evaluate() -> None:
    """Write the accuracy of the files in this folder, on the test images."""
    network = lower(load_float())
    images = padded(read_image_set("fashion-mnist", part="test"), INPUT)
    test = calibrate(network, images.images, images.check_labels(CLASSES))
    _report("test", judge(test, quantize_network(network, read_formats(FORMATS))))


def _report(name: str, found: Judgement) -> None:
    sys.stdout.write(
        f"{name}: {found.float_accuracy.count:,} images, float "
        f"{accuracy_text(found.float_accuracy)} %, fixed point "
        f"{accuracy_text(found.fixed_accuracy)} %, difference {difference_text(found)} points\n"
    )


def main() -> int:
    """Run the script; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--evaluate", action="store_true", help="only measure, without PyTorch")
    group.add_argument("--formats", action="store_true", help="choose the formats again")
    group.add_argument("--held-out", action="store_true", help="judge by training images alone")
    options = parser.parse_args()
    try:
        if not options.evaluate and not options.formats:
            make(held_out=options.held_out)
        if not options.evaluate and not options.held_out:
            choose()
        if not options.held_out:
            evaluate()
    except QrigError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
