"""The gate on trial: false alarms and detections for every kind of noise, as a table."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from qrig.measure.gate.decision import promise_of
from qrig.measure.gate.noise import NOISES
from qrig.measure.gate.trial import Rates, Setting, rates

_LAYERS = 10
_TRIALS = 500
_ONE_RUN = (("cortex-m4", 30), ("cortex-m4", 10), ("cortex-m7", 30))
_MANY_RUNS = (("cortex-m4", 2), ("cortex-m4", 8), ("cortex-m7", 8))
_REPETITIONS_OF_RUNS = 10


def run() -> Iterator[str]:
    """Yield a line per noise and setting: alarms of equal runs, detections, what was not told."""
    cases = [
        (name, core, Setting(_LAYERS, repetitions))
        for name in NOISES
        for core, repetitions in _ONE_RUN
    ]
    cases += [
        (name, core, Setting(_LAYERS, _REPETITIONS_OF_RUNS, runs))
        for name, noise in NOISES.items()
        for core, runs in _MANY_RUNS
        if noise.of_runs
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for (name, core, setting), found in zip(cases, pool.map(_rates, cases), strict=True):
            yield (
                f"{name} | {core} | {setting.runs} x {setting.repetitions} | "
                f"{found.alarms:.1%} | {found.untold:.1%} | {found.found:.1%} | {found.missed:.1%}"
            )


def _rates(case: tuple[str, str, Setting]) -> Rates:
    name, core, setting = case
    return rates(NOISES[name], setting, promise_of(core), _TRIALS)
