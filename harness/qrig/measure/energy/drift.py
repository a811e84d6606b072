"""The meter's clock against the board's: how long the same windows are on both."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from qrig.measure.energy.windows import Window

MAX_DRIFT = 0.005
"""The relative difference above which windows are flagged."""


@frozen
class Drift:
    """How much longer windows are on the meter's clock, relative, and what that is known to.

    `is_flagged` is whether it is certainly more than allowed.
    """

    relative: float
    uncertainty: float

    @property
    def is_flagged(self) -> bool:
        """Whether the clocks differ by more than MAX_DRIFT, whatever the sampling hides."""
        return abs(self.relative) - self.uncertainty > MAX_DRIFT

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"windows are {self.relative:+.3%} (known to {self.uncertainty:.3%}) longer on the "
            f"meter's clock than on the board's; {MAX_DRIFT:.1%} are allowed"
        )


def clock_drift(
    windows: Sequence[Window], board_s: Sequence[float], period_s: float
) -> Drift | None:
    """Compare good windows with their lengths on the board's clock; None if there are none.

    `period_s` is the meter's sampling period: an edge is known to one of them.
    """
    pairs = [
        (window.duration_s, other)
        for window, other in zip(windows, board_s, strict=True)
        if window.rejected is None and other > 0
    ]
    total_s = sum(other for _, other in pairs)
    if not pairs or total_s <= 0:
        return None
    relative = sum(measured for measured, _ in pairs) / total_s - 1
    # Edges are late by up to a period each, independently: errors add up as squares do.
    uncertainty = 2 * period_s * len(pairs) ** 0.5 / total_s
    return Drift(relative, uncertainty)
