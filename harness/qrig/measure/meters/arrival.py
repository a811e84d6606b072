"""Losses that a short counter cannot see, told by how long a measurement lasted.

A counter of 6 bits does not notice 64 samples that vanish, nor a thousand of them: a buffer that
overflows loses just such numbers. But then there are fewer samples than the time has room for.
"""

from __future__ import annotations

import math

from attrs import define

_JITTER_S = 0.02  # how much later than usual a computer may come to start, to stop, to read
_WINDOW_S = 0.5
_EARLY_S, _DRIFT = 0.005, 0.001  # no sample arrives before it was taken, but clocks differ


@define
class ArrivalClock:
    """Compares numbers of samples with the host's clock, from `begin_s` on."""

    sample_hz: float
    begin_s: float
    _base_s: float = math.inf
    _end_s: float | None = None
    _is_real: bool = True

    def note(self, moment_s: float, number: int) -> None:
        """Keep that the sample before `number` had arrived at `moment_s`."""
        elapsed_s = moment_s - self.begin_s
        late_s = elapsed_s - number / self.sample_hz
        if late_s < -(_EARLY_S + _DRIFT * elapsed_s):
            self._is_real = False  # a recording that is played faster than it was taken
        if elapsed_s <= _WINDOW_S:
            self._base_s = min(self._base_s, late_s)

    def stop(self, moment_s: float) -> None:
        """Keep when no further samples were taken."""
        self._end_s = moment_s

    def missing(self, number: int) -> int:
        """Return how many of the samples before `number`, the last one read, are missing."""
        if self._end_s is None or not self._is_real or math.isinf(self._base_s):
            return 0
        elapsed_s = self._end_s - self.begin_s
        late_s = elapsed_s - self._base_s - number / self.sample_hz
        allowed_s = _JITTER_S + _DRIFT * elapsed_s
        return round(late_s * self.sample_hz) if late_s > allowed_s else 0
