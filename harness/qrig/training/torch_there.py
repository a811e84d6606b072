"""Whether PyTorch is there, and how it is set up for a training that can be repeated."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qrig.errors import UsageError

INSTALL = "pip install 'qrig[train]'"
"""The command that installs PyTorch, in its form for processors alone where there is one."""


def require_torch() -> None:
    """Raise UsageError, with the command that installs it, if PyTorch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise UsageError(
            f"training: expected PyTorch, found that it is not installed; install it with {INSTALL}"
        )


@contextmanager
def repeatable(threads: int | None) -> Iterator[int]:
    """Let PyTorch compute in `threads` threads and in a fixed order; yields the number of threads.

    What was set before is set again at the end.
    """
    import torch
    from torch.utils import deterministic as loaded

    deterministic: Any = loaded  # its attributes are made when it is loaded
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        deterministic.fill_uninitialized_memory,
    )
    if threads is not None:
        torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    deterministic.fill_uninitialized_memory = False  # all of it is written before it is read
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        deterministic.fill_uninitialized_memory = before[2]
