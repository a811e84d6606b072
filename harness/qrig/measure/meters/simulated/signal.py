"""What a simulated board draws: steps of current with a marker level, and noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.measure.meters.meter import Array, Mark


@frozen
class Part:
    """A stretch of constant current in amperes with the marker at one level."""

    duration_s: float
    current_a: float
    level: bool = False


@frozen
class Signal:
    """Parts one after the other, at one voltage; `noise_a` is the standard deviation of noise."""

    parts: tuple[Part, ...]
    voltage_v: float = 3.3
    noise_a: float = 0.0
    seed: int = 0
    _ends: Array = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Keep where each part ends."""
        ends = np.cumsum([part.duration_s for part in self.parts])
        object.__setattr__(self, "_ends", ends)

    @property
    def duration_s(self) -> float:
        """How long all parts take."""
        return float(self._ends[-1])

    def times(self, sample_hz: float) -> Array:
        """Return the moments of all samples, from zero on."""
        return np.arange(round(self.duration_s * sample_hz)) / sample_hz

    def currents(self, time_s: Array) -> Array:
        """Return the current at every moment, with noise."""
        exact = np.array([part.current_a for part in self.parts])[self._at(time_s)]
        if not self.noise_a:
            return exact
        noise = np.random.default_rng(self.seed).normal(0.0, self.noise_a, len(exact))
        return np.asarray(exact + noise, dtype=np.float64)

    def levels(self, time_s: Array) -> npt.NDArray[np.bool_]:
        """Return the marker's level at every moment."""
        return np.array([part.level for part in self.parts])[self._at(time_s)]

    def edges(self) -> tuple[Mark, ...]:
        """Return the marker's edges, exactly where they are."""
        before = [False, *(part.level for part in self.parts)]
        starts = [0.0, *self._ends[:-1]]
        return tuple(
            Mark(float(start), part.level)
            for start, part, level in zip(starts, self.parts, before, strict=False)
            if part.level != level
        )

    def marked_energy_j(self) -> list[float]:
        """Return the exact energy of every stretch with the marker high, without noise."""
        energies: list[float] = []
        high = False
        for part in self.parts:
            if part.level:
                energy = part.duration_s * part.current_a * self.voltage_v
                energies = [*energies[:-1], energies[-1] + energy] if high else [*energies, energy]
            high = part.level
        return energies

    def _at(self, time_s: Array) -> npt.NDArray[np.intp]:
        # Half a nanosecond of grace: a sample that is due when a part begins belongs to it.
        found = np.searchsorted(self._ends, time_s + 5e-10, side="right")
        return np.minimum(found, len(self.parts) - 1)


def windows_signal(
    windows: Sequence[tuple[float, float]],
    *,
    gap_s: float = 0.02,
    idle_a: float = 0.001,
    voltage_v: float = 3.3,
    noise_a: float = 0.0,
    seed: int = 0,
) -> Signal:
    """Return a signal of marked windows (seconds, amperes) with idle gaps around them."""
    parts = [Part(gap_s, idle_a)]
    for duration_s, current_a in windows:
        parts += [Part(duration_s, current_a, level=True), Part(gap_s, idle_a)]
    return Signal(tuple(parts), voltage_v, noise_a, seed)
