"""Edges of the marker pin, out of its level at every sample."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qrig.measure.meters.meter import Array, Mark


class LevelMarks:
    """Finds edges in levels that arrive in parts.

    An edge is at the first sample with the new level. The level of the first sample is where it
    starts from, not an edge.
    """

    def __init__(self) -> None:
        """Start without a level."""
        self._level: bool | None = None

    def edges(self, time_s: Array, levels: npt.NDArray[np.bool_]) -> tuple[Mark, ...]:
        """Return the edges among `levels`, one per entry of `time_s`."""
        if not len(levels):
            return ()
        before = levels[0] if self._level is None else self._level
        changed = np.flatnonzero(np.diff(levels, prepend=np.bool_(before)))
        self._level = bool(levels[-1])
        return tuple(Mark(float(time_s[k]), bool(levels[k])) for k in changed)
