"""The statistics of the gate, which tell a change of measurements from their noise.

Pure functions on arrays. `judge_change` is the one to begin with; docs/comparison.md explains it.
"""

from qrig.measure.gate.decision import (
    BETTER,
    SAME,
    TOO_FEW,
    TOO_NOISY,
    WORSE,
    Change,
    Promise,
    judge_change,
    promise_of,
)
from qrig.measure.gate.interval import Interval
from qrig.measure.gate.series import Series

__all__ = [
    "BETTER",
    "SAME",
    "TOO_FEW",
    "TOO_NOISY",
    "WORSE",
    "Change",
    "Interval",
    "Promise",
    "Series",
    "judge_change",
    "promise_of",
]
