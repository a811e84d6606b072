"""Energy and charge of a window: voltage times current, integrated by trapezoids.

Only samples between the edges count; the first and the last of them hold up to the edges. What the
board draws jumps where the marker does: a trapezoid across an edge would always miss a part of it.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen

from qrig.measure.energy.windows import Window
from qrig.measure.meters.meter import MAX_DROPPED, Array, Samples

LEAST_SAMPLES = 10
"""Fewer samples in a window say too little about it."""

_GRACE = 1e-3  # of a period


@frozen
class WindowEnergy:
    """What a window took: joules, mean amperes, and how long it was."""

    energy_j: float
    current_a: float
    duration_s: float


def sampling_period_s(samples: Samples) -> float:
    """Return the usual time from one sample to the next; 0 if there are less than two."""
    return float(np.median(np.diff(samples.time_s))) if len(samples) > 1 else 0.0


def window_energy(samples: Samples, window: Window, period_s: float) -> WindowEnergy | str:
    """Return the energy of a window, or why there is none; `period_s` is `sampling_period_s`."""
    if window.rejected is not None:
        return window.rejected
    reason = _uncovered(samples, window, period_s)
    if reason is not None:
        return reason
    start_s, stop_s = window.start_s, window.stop_s
    inside = slice(*_between(samples.time_s, start_s, stop_s))
    time_s, current_a = samples.time_s[inside], samples.current_a[inside]
    charge = integral(time_s, current_a, start_s, stop_s)
    energy = integral(time_s, current_a * samples.voltage_v[inside], start_s, stop_s)
    return WindowEnergy(energy, charge / window.duration_s, window.duration_s)


def integral(time_s: Array, values: Array, start_s: float, stop_s: float) -> float:
    """Return the integral of `values` at `time_s` from one moment before them to one behind.

    There must be one at least.
    """
    at = np.concatenate([[start_s], time_s, [stop_s]])
    of = np.concatenate([values[:1], values, values[-1:]])
    return float(np.sum((of[1:] + of[:-1]) * np.diff(at)) / 2)


def _between(time_s: Array, start_s: float, stop_s: float) -> tuple[int, int]:
    """Return the first sample behind one edge, and the first behind the other.

    A sample that is at an edge but for rounding is behind it.
    """
    grace_s = _GRACE * (time_s[-1] - time_s[0]) / len(time_s)
    low, high = np.searchsorted(time_s, [start_s - grace_s, stop_s - grace_s])
    return int(low), int(high)


def _uncovered(samples: Samples, window: Window, period_s: float) -> str | None:
    """Return why the samples do not cover a window, None if they do."""
    time_s = samples.time_s
    if len(time_s) < 2:
        return "there are no samples"
    if window.start_s < time_s[0] - period_s or window.stop_s > time_s[-1] + period_s:
        return f"samples end at {time_s[-1]:.3f} s, the window at {window.stop_s:.3f} s"
    low, high = _between(time_s, window.start_s, window.stop_s)
    due = window.duration_s / period_s
    if high - low < LEAST_SAMPLES:
        return f"it has {high - low} samples and needs {LEAST_SAMPLES}: repeat the layer more often"
    missing = max(0.0, due - (high - low) - 1) / due
    if missing > MAX_DROPPED:
        return f"{missing:.2%} of its samples are missing, {MAX_DROPPED:.1%} may be"
    return None
