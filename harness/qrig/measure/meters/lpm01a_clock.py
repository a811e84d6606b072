"""When each sample of an X-NUCLEO-LPM01A was taken, and how many are missing.

Samples have no time of their own. The board stamps its stream with milliseconds now and then; the
number of samples between stamps says whether any was lost.
"""

from __future__ import annotations

from attrs import define

_STAMP_S = 0.001  # what a stamp resolves


@define
class SampleClock:
    """Numbers samples from the first stamp on; `index` is the number of the next one."""

    sample_hz: float
    index: int = 0
    _origin_ms: int | None = None

    def starts_with(self, end_ms: int | None) -> bool:
        """Whether what lies before the stamp `end_ms` is no measurement yet; keep the stamp."""
        if self._origin_ms is not None:
            return False
        self._origin_ms = end_ms
        return True

    def place(self, count: int, end_ms: int | None) -> tuple[int, int]:
        """Return the number of the first of `count` samples, and how many are missing behind them.

        `end_ms` is the stamp behind them, None if there is none. A stamp is believed as far as it
        resolves. Raises ValueError before the first stamp.
        """
        if self._origin_ms is None:
            raise ValueError("expected a stamp first, found none")
        first, missing = self.index, 0
        if end_ms is not None:
            due = round((end_ms - self._origin_ms) * self.sample_hz / 1000)
            short = due - (first + count)
            missing = short if short > self.sample_hz * _STAMP_S else 0
        self.index = first + count + missing
        return first, missing
