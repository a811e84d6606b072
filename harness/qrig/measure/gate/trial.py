"""The gate on trial: how often it cries wolf, and how often it finds what it must find."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from qrig.measure.gate.decision import BETTER, SAME, WORSE, Promise, judge_change
from qrig.measure.gate.noise import Noise
from qrig.measure.gate.series import Series

_CYCLES = 20000.0


@frozen
class Setting:
    """A comparison: `layers` at once, so many `runs` of each side, so many measurements a run."""

    layers: int
    repetitions: int
    runs: int = 1


@frozen
class Rates:
    """Shares of trials, from 0 to 1.

    `alarms` are comparisons of equal runs in which any layer was better or worse, `untold` those in
    which any could not be told. `found` are layers that were slower by the promised change and
    called worse, `missed` those called the same (or better).
    """

    alarms: float
    untold: float
    found: float
    missed: float


def rates(noise: Noise, setting: Setting, promise: Promise, trials: int, seed: int = 1) -> Rates:
    """Try the gate `trials` times with equal runs and with one layer slower by the promise."""
    random = np.random.default_rng(seed)
    alarms = untold = found = missed = 0
    for _ in range(trials):
        verdicts = {_verdict(noise, setting, promise, random, 0.0) for _ in range(setting.layers)}
        alarms += bool(verdicts & {BETTER, WORSE})
        untold += not verdicts <= {BETTER, WORSE, SAME}
        verdict = _verdict(noise, setting, promise, random, promise.found_percent)
        found += verdict == WORSE
        missed += verdict in (SAME, BETTER)
    return Rates(alarms / trials, untold / trials, found / trials, missed / trials)


def _verdict(
    noise: Noise, setting: Setting, promise: Promise, random: np.random.Generator, percent: float
) -> str:
    """Judge a layer that is slower by `percent`."""
    base = [_series(noise, setting, random, 0.0) for _ in range(setting.runs)]
    new = [_series(noise, setting, random, percent) for _ in range(setting.runs)]
    return judge_change(base, new, promise, setting.layers).verdict


def _series(noise: Noise, setting: Setting, random: np.random.Generator, percent: float) -> Series:
    """Return a run's measurements, each of an input of its own."""
    deviations = noise.make(random, setting.repetitions) + np.log1p(percent / 100)
    return Series(_CYCLES * np.exp(deviations), range(setting.repetitions))
