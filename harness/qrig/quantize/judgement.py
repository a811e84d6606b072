"""What a choice of formats is worth: accuracy with its interval, and the error of the logits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.networks.graph import FloatArray
from qrig.quantize.calibration import Calibration
from qrig.quantize.float_pass import Images
from qrig.quantize.simulate import simulate

_Z95 = 1.959963984540054


@frozen
class Accuracy:
    """How many of `count` images are named right, in percent, with its 95 % interval."""

    percent: float
    low: float
    high: float
    count: int


@frozen
class Judgement:
    """Float and fixed-point accuracy on one set of images.

    `difference` is (fixed - float, low, high) in percentage points with its 95 % interval;
    `logits_error` is the logits' mean squared error over the variance of the float logits.
    """

    float_accuracy: Accuracy
    fixed_accuracy: Accuracy
    difference: tuple[float, float, float]
    logits_error: float


def wilson(right: int, count: int) -> Accuracy:
    """Return an accuracy with Wilson's 95 % interval of a proportion."""
    share, z2 = right / count, _Z95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return Accuracy(
        100 * share, 100 * max(0.0, centre - half), 100 * min(1.0, centre + half), count
    )


def paired_difference(
    one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return (other - one), low and high of its 95 % interval, in percentage points.

    Both name the same images right or wrong. The interval is method 10 of R. G. Newcombe,
    "Improved confidence intervals for the difference between binomial proportions based on paired
    data", Statistics in Medicine 17 (1998), 2635-2650: Wilson's intervals of both proportions,
    joined by their correlation. It has a width where no image changes, too.
    """
    count = len(one)
    first, second = wilson(int(one.sum()), count), wilson(int(other.sum()), count)
    phi = _correlation(one, other)
    below, above = second.percent - second.low, second.high - second.percent
    down = _joined(below, first.high - first.percent, phi)
    up = _joined(above, first.percent - first.low, phi)
    middle = second.percent - first.percent
    return middle, middle - down, middle + up


def _joined(one: float, other: float, phi: float) -> float:
    """Return the length of a difference's side, of a side of each of two correlated intervals."""
    return math.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0))


def _correlation(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    """Return the correlation of two answers, with Newcombe's correction for continuity."""
    count = len(one)
    both, neither = int((one & other).sum()), int((~one & ~other).sum())
    gained, lost = int((other & ~one).sum()), int((one & ~other).sum())
    together = float(both * neither - gained * lost)
    if together > 0:
        together = max(together - count / 2, 0.0)
    spread = math.prod((both + lost, neither + gained, both + gained, neither + lost))
    return together / math.sqrt(spread) if spread else 0.0


def fixed_logits(
    network: QuantizedNetwork, images: Images, semantics: Semantics = DEFAULT
) -> FloatArray:
    """Return the logits (n, classes) that the target computes, as real numbers."""
    last = network.stages[network.logits_stage]
    parts = [
        simulate(network, images[start : start + 500], semantics)[last.name]
        for start in range(0, len(images), 500)
    ]
    flat = np.concatenate(parts).reshape(len(images), -1)
    return np.asarray(flat * np.float32(2.0**-last.fraction_bits), dtype=np.float32)


def judge(
    calibration: Calibration,
    network: QuantizedNetwork,
    semantics: Semantics = DEFAULT,
) -> Judgement:
    """Compare a quantised network with its float network on all images of `calibration`."""
    logits = fixed_logits(network, calibration.images, semantics)
    labels, count = calibration.labels, len(calibration.labels)
    right_float = calibration.logits.argmax(axis=1) == labels
    right_fixed = logits.argmax(axis=1) == labels
    variance = float(calibration.logits.var(dtype=np.float64)) or 1.0
    error = float(np.square(logits - calibration.logits, dtype=np.float64).mean()) / variance
    return Judgement(
        wilson(int(right_float.sum()), count),
        wilson(int(right_fixed.sum()), count),
        paired_difference(right_float, right_fixed),
        error,
    )
