"""Which images stand for a set when only some are wanted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.intp]
"""Places of images in a set, rising."""


def spread(found: int, wanted: int | None) -> Places:
    """Return at most `wanted` places below `found` (None: all), from the first to the last.

    They lie at equal distances: sets are often sorted by class, so that the first ones would be of
    one class. The distance is (found - 1) / (wanted - 1), which walks through the classes of a set
    that repeats them, too: a distance of found / wanted could meet the same one every time.
    """
    count = found if wanted is None else min(found, wanted)
    if count == found:
        return np.arange(found, dtype=np.intp)
    steps = max(count - 1, 1)
    return np.array([place * (found - 1) // steps for place in range(count)], dtype=np.intp)
