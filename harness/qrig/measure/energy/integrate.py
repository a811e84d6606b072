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


def window_energy(samples: Samples, window: Window) -> WindowEnergy | str:
    """Return the energy of a window, or why there is none."""
    if window.rejected is not None:
        return window.rejected
    reason = _uncovered(samples, window)
    if reason is not None:
        return reason
    power = samples.current_a * samples.voltage_v
    start_s, stop_s = window.start_s, window.stop_s
    charge = integral(samples.time_s, samples.current_a, start_s, stop_s)
    energy = integral(samples.time_s, power, start_s, stop_s)
    return WindowEnergy(energy, charge / window.duration_s, window.duration_s)


def integral(time_s: Array, values: Array, start_s: float, stop_s: float) -> float:
    """Return the integral of `values` over `time_s` from one moment to another.

    There must be a sample in between.
    """
    low, high = _between(time_s, start_s, stop_s)
    inside = slice(low, high)
    at = np.concatenate([[start_s], time_s[inside], [stop_s]])
    of = np.concatenate([values[low : low + 1], values[inside], values[high - 1 : high]])
    return float(np.sum((of[1:] + of[:-1]) * np.diff(at)) / 2)


def _between(time_s: Array, start_s: float, stop_s: float) -> tuple[int, int]:
    """Return the first sample behind one edge, and the first behind the other.

    A sample that is at an edge but for rounding is behind it.
    """
    grace_s = _GRACE * (time_s[-1] - time_s[0]) / len(time_s)
    low, high = np.searchsorted(time_s, [start_s - grace_s, stop_s - grace_s])
    return int(low), int(high)


def _uncovered(samples: Samples, window: Window) -> str | None:
    """Return why the samples do not cover a window, None if they do."""
    time_s = samples.time_s
    if len(time_s) < 2:
        return "there are no samples"
    period_s = float(np.median(np.diff(time_s)))
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
