"""Numbers in sentences, exactly: a limit that is rounded is another limit."""

from __future__ import annotations

import numpy as np

_MOST_DIGITS = 1e15


def exact(value: float) -> str:
    """Return a number as it is: whole ones with thousands separated, others as float32 reads them.

    Magnitudes beyond 10^15, which nobody wrote digit by digit, keep their power of ten.
    """
    if isinstance(value, int) or (value == round(value) if abs(value) < _MOST_DIGITS else False):
        return f"{int(value):,}"
    return str(np.float32(value))
