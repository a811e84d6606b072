"""Random numbers as functions of a seed, a purpose and an iteration.

Nothing is carried from one iteration to the next, so a training that is resumed draws what an
uninterrupted one would have drawn.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch


def _sequence(seed: int, purpose: str, numbers: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), *numbers])


def stream(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Return numpy's generator for `purpose` at `numbers` (an iteration, an epoch), all from 0."""
    return np.random.Generator(np.random.Philox(_sequence(seed, purpose, numbers)))


def torch_stream(seed: int, purpose: str, *numbers: int) -> torch.Generator:
    """Return PyTorch's generator for `purpose` at `numbers`, all from 0."""
    state = _sequence(seed, purpose, numbers).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))
