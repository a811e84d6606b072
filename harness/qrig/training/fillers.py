"""Weights before training: Caffe's fillers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError
from qrig.networks.graph import FloatArray

Draw = npt.NDArray[np.float64]


def filled(
    where: str, filler: Any, shape: tuple[int, ...], random: np.random.Generator
) -> FloatArray:
    """Return float32 weights of `shape` as FillerParameter `filler` says.

    `random` is the stream they are drawn from. Raises FileFormatError that begins with `where` for
    a filler qrig does not know or numbers that cannot be.
    """
    if filler.type not in _FILLERS:
        raise FileFormatError(
            f"{where}: expected a filler of type {', '.join(sorted(_FILLERS))}, found "
            f"{filler.type!r}; correct the definition"
        )
    numbers = (filler.value, filler.min, filler.max, filler.mean, filler.std)
    if not all(map(math.isfinite, numbers)) or filler.std < 0 or filler.min > filler.max:
        raise FileFormatError(
            f"{where}: expected a filler of finite numbers, a std of 0 or more and min below max, "
            "found others; correct the definition"
        )
    return _FILLERS[filler.type](filler, shape, random).astype(np.float32)


def fan(filler: Any, shape: tuple[int, ...]) -> float:
    """Return n of "xavier" and "msra": inputs of an output, outputs of an input, or their mean."""
    count = math.prod(shape)
    fan_in = count / shape[0]
    fan_out = count / shape[1] if len(shape) > 1 else float(count)
    return (fan_in, fan_out, (fan_in + fan_out) / 2)[filler.variance_norm]


def _constant(filler: Any, shape: tuple[int, ...], random: np.random.Generator) -> Draw:
    return np.full(shape, filler.value)


def _uniform(filler: Any, shape: tuple[int, ...], random: np.random.Generator) -> Draw:
    return random.uniform(filler.min, filler.max, shape)


def _gaussian(filler: Any, shape: tuple[int, ...], random: np.random.Generator) -> Draw:
    drawn = random.normal(filler.mean, filler.std, shape)
    if filler.sparse >= 0:  # each output keeps about `sparse` of its weights
        drawn *= random.random(shape) < filler.sparse / shape[0]
    return drawn


def _xavier(filler: Any, shape: tuple[int, ...], random: np.random.Generator) -> Draw:
    limit = math.sqrt(3 / fan(filler, shape))
    return random.uniform(-limit, limit, shape)


def _msra(filler: Any, shape: tuple[int, ...], random: np.random.Generator) -> Draw:
    return random.normal(0, math.sqrt(2 / fan(filler, shape)), shape)


_FILLERS: dict[str, Callable[[Any, tuple[int, ...], np.random.Generator], Draw]] = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "xavier": _xavier,
    "msra": _msra,
}
