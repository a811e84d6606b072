"""The numbers that fill tensors on the host and on a target alike: Marsaglia's xorshift32.

`firmware/kernel_app/fill.c` is the other author; the measurements of ARM's kernels that ours are
compared with were made with the same numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MASK = 0xFFFF_FFFF


def sequence(seed: int, count: int, element_bytes: int = 1, shift: int = 0) -> npt.NDArray[np.int_]:
    """Return `count` signed numbers of 8 or 16 bits from `seed`, each shifted right by `shift`.

    The state starts at `seed`; each step is x ^= x << 13, x ^= x >> 17, x ^= x << 5 in 32 bits, and
    the number is its upper 8 or 16 bits.
    """
    states = np.empty(count, np.uint32)
    state = seed & _MASK
    for index in range(count):
        state ^= state << 13 & _MASK
        state ^= state >> 17
        state ^= state << 5 & _MASK
        states[index] = state
    numbers = states.view(np.int32).astype(np.int_) >> (32 - 8 * element_bytes)
    return np.asarray(numbers >> shift, np.int_)
