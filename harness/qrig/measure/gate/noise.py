"""The kinds of noise that the gate is judged with: what measurements of one layer may look like.

Each makes the deviations of one run's measurements, as logarithms of ratios, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import frozen

FloatArray = npt.NDArray[np.float64]
Generator: TypeAlias = np.random.Generator
Make: TypeAlias = Callable[[Generator, int], FloatArray]

_FINE: Final = 0.002
_MODES: Final = 0.015


@frozen
class Noise:
    """A kind of noise; `of_runs` says that it is a run as a whole that is off."""

    name: str
    make: Make
    of_runs: bool = False


def _gaussian(size: float) -> Make:
    return lambda random, count: random.normal(0, size, count)


def _student(degrees: int, size: float) -> Make:
    return lambda random, count: size * random.standard_t(degrees, count)


def _modes(places: tuple[float, ...], shares: tuple[float, ...]) -> Make:
    """Return noise that is near one of several places, chosen anew for every measurement."""

    def make(random: Generator, count: int) -> FloatArray:
        modes: FloatArray = random.choice(np.array(places), count, p=shares)
        return modes + random.normal(0, _FINE, count)

    return make


def _drift(whole: float) -> Make:
    return lambda random, count: np.linspace(0, whole, count) + random.normal(0, _FINE, count)


def _wave(height: float) -> Make:
    """Return a slow wave of any phase, half of one to two of them in a run."""

    def make(random: Generator, count: int) -> FloatArray:
        turns = np.arange(count) / count * random.uniform(0.5, 2) + random.random()
        wave: FloatArray = height * np.sin(2 * np.pi * turns)
        return wave + random.normal(0, _FINE, count)

    return make


def _walk(step: float) -> Make:
    def make(random: Generator, count: int) -> FloatArray:
        path: FloatArray = np.cumsum(random.normal(0, step, count))
        return path + random.normal(0, _FINE, count)

    return make


def _correlated(share: float, size: float) -> Make:
    """Return noise of which each deviation keeps a share of the one before."""

    def make(random: Generator, count: int) -> FloatArray:
        fresh = random.normal(0, size * np.sqrt(1 - share**2), count)
        fresh[0] = random.normal(0, size)
        for place in range(1, count):
            fresh[place] += share * fresh[place - 1]
        return fresh

    return make


def _telegraph(apart: float, stay: float) -> Make:
    """Return noise that stays near one of two places for `stay` measurements, on average."""

    def make(random: Generator, count: int) -> FloatArray:
        changes = np.cumsum(random.random(count) < 1 / stay) + random.integers(2)
        places: FloatArray = np.where(changes % 2, apart, 0.0)
        return places + random.normal(0, _FINE, count)

    return make


def _warm_up(height: float, length: float) -> Make:
    """Return noise that begins high and comes down by a factor e in `length` measurements."""
    return lambda random, count: (
        height * np.exp(-np.arange(count) / length) + random.normal(0, _FINE, count)
    )


def _interrupts(every: int, late: float) -> Make:
    """Return noise of which one in `every` measurements, counted from any, is late."""

    def make(random: Generator, count: int) -> FloatArray:
        is_hit = (np.arange(count) + random.integers(every)) % every == 0
        delays: FloatArray = np.where(is_hit, late, 0.0)
        return delays + random.normal(0, _FINE, count)

    return make


def _jump(height: float) -> Make:
    """Return noise that stands higher from any measurement on."""

    def make(random: Generator, count: int) -> FloatArray:
        is_later = np.arange(count) >= random.integers(count)
        levels: FloatArray = np.where(is_later, height, 0.0)
        return levels + random.normal(0, _FINE, count)

    return make


def _steps_of(step: float, size: float) -> Make:
    return lambda random, count: np.round(random.normal(0, size, count) / step) * step


def _skewed(random: Generator, count: int) -> FloatArray:
    return 0.003 * random.lognormal(0, 1, count)


def _outliers(random: Generator, count: int) -> FloatArray:
    late = np.where(random.random(count) < 0.05, random.exponential(0.2, count), 0)
    return random.normal(0, _FINE, count) + late


def _unequal(random: Generator, count: int) -> FloatArray:
    return random.normal(0, random.choice([0.001, 0.006]), count)


def _run_modes(random: Generator, count: int) -> FloatArray:
    return float(random.integers(2)) * _MODES + random.normal(0, _FINE, count)


def _run_offsets(random: Generator, count: int) -> FloatArray:
    return random.normal(0, 0.003) + random.normal(0, _FINE, count)


_ALL: Final = (
    Noise("Gaussian, 0.2 %", _gaussian(_FINE)),
    Noise("Gaussian, 0.5 %", _gaussian(0.005)),
    Noise("heavy-tailed: Student's t of 3, 0.4 %", _student(3, 0.004)),
    Noise("very heavy-tailed: Student's t of 2, 0.2 %", _student(2, _FINE)),
    Noise("bimodal, 1.5 % apart, half and half", _modes((0, _MODES), (0.5, 0.5))),
    Noise("bimodal, 1.5 % apart, one in five", _modes((0, _MODES), (0.8, 0.2))),
    Noise("three modes, 0.7 and 2 % apart", _modes((0, 0.007, 0.02), (0.5, 0.3, 0.2))),
    Noise("three modes, 0.75 % apart, alike", _modes((0, 0.0075, 0.015), (1 / 3, 1 / 3, 1 / 3))),
    Noise("random telegraph: 0.7 % apart, 10 in a row", _telegraph(0.007, 10)),
    Noise("slow drift, 0.5 % over the run", _drift(0.005)),
    Noise("slow drift, 1 % over the run", _drift(0.01)),
    Noise("slow wave of any phase, 0.5 %", _wave(0.005)),
    Noise("random walk, 0.05 % a step", _walk(0.0005)),
    Noise("autocorrelated (0.5), 0.4 %", _correlated(0.5, 0.004)),
    Noise("strongly autocorrelated (0.9), 0.3 %", _correlated(0.9, 0.003)),
    Noise("warm-up: 2 % at first, gone after 3", _warm_up(0.02, 3)),
    Noise("a jump of 0.5 % at any time", _jump(0.005)),
    Noise("interrupts: every 7th is 2 % late", _interrupts(7, 0.02)),
    Noise("skewed: log-normal, 0.3 %", _skewed),
    Noise("outliers: 1 in 20, 20 % late", _outliers),
    Noise("quantised in steps of 0.5 %", _steps_of(0.005, 0.004)),
    Noise("quantised in steps of 1 %", _steps_of(0.01, 0.004)),
    Noise("another variance in every run, 0.1 or 0.6 %", _unequal),
    Noise("each run in one of two modes, 1.5 % apart", _run_modes, of_runs=True),
    Noise("each run off by 0.3 %", _run_offsets, of_runs=True),
)

NOISES: Final[Mapping[str, Noise]] = {noise.name: noise for noise in _ALL}
"""The kinds by their names."""
