"""The time of a virtual board: instructions at the core's clock, and seconds asleep.

While the core executes, one instruction takes one cycle of its clock. While it sleeps, the host's
clock goes on for it. So timers and the cycle counter agree over any computation, and a firmware
that waits does not wait longer than its timers say.
"""

from __future__ import annotations

from collections.abc import Callable


class Clock:
    """Seconds since power-up."""

    def __init__(self, executed: Callable[[], int], core_hz: int) -> None:
        """Start at zero; `executed` returns how many instructions the core has executed."""
        self._executed = executed
        self._core_hz = core_hz
        self._base_s = 0.0
        self._base_count = executed()

    @property
    def core_hz(self) -> int:
        """The clock of the core."""
        return self._core_hz

    @core_hz.setter
    def core_hz(self, hz: int) -> None:
        self._base_s = self.now_s()
        self._base_count = self._executed()
        self._core_hz = hz

    def now_s(self) -> float:
        """Return the seconds since power-up."""
        return self._base_s + (self._executed() - self._base_count) / self._core_hz

    def sleep(self, seconds: float) -> None:
        """Let time pass without instructions."""
        self._base_s += seconds

    def instructions(self, seconds: float) -> int:
        """Return how many instructions take so long."""
        return round(seconds * self._core_hz)
