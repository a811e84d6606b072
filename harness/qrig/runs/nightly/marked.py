"""Ending a process with all that came of it, wherever it has gone.

Children of children may have sessions and parents of their own (emulators have), so they are known
by a mark in their environment, which is inherited.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from qrig.deadline import Deadline

MARK = "QRIG_NIGHT_CELL"
"""The environment variable that holds the mark."""

_PROC = Path("/proc")
_POLL_S = 0.02


def end_marked(mark: str, deadline: Deadline) -> bool:
    """Kill every process whose mark begins with `mark`; return whether none is left in time.

    Where there is no /proc nothing is found, and nothing killed.
    """
    while True:
        found = list(_marked(mark))
        if not found:
            return True
        for pid in found:
            _kill(pid, mark)
        if deadline.expired:
            return False
        time.sleep(min(_POLL_S, deadline.remaining_s()))


def _marked(mark: str) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and _has(int(entry.name), mark):
                yield int(entry.name)


def _has(pid: int, mark: str) -> bool:
    """Whether a process has such a mark; one that has ended has nothing."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    wanted = f"{MARK}={mark}".encode()
    return any(each.startswith(wanted) for each in environment.split(b"\0"))


def _kill(pid: int, mark: str) -> None:
    """Kill the process, not another one that has got its number meanwhile."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if _has(pid, mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
