"""Which other process has a serial port open."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

_PROC = Path("/proc")
_MAX_COMMAND = 120
_PSEUDO_TERMINALS = range(136, 144)
"""Major numbers of UNIX98 pseudo-terminals (Linux, admin-guide/devices.txt)."""


@frozen
class PortHolder:
    """A process that has a port open: its number and its command line."""

    pid: int
    command: str

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        return f"process {self.pid} ({self.command})"


def port_holder(path: str) -> PortHolder | None:
    """Return a process other than ours that has the device `path` open, None if none is known.

    Without rights only the processes of one's own user can be seen; where there is no /proc, none.
    """
    try:
        device = Path(path).stat().st_rdev
        processes = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    except OSError:
        return None
    real = os.path.realpath(path)
    for pid in sorted(processes):
        if pid != os.getpid() and device and _has_open(pid, real):
            return PortHolder(pid, _command(pid))
    return None


def intruding_process(path: str) -> PortHolder | None:
    """Return another process that has the device `path` open while we have it open, too.

    The lock of the port does not keep out programs that never ask for it. Pseudo-terminals are
    left alone: the process that plays the device may have both ends open.
    """
    try:
        if os.major(Path(path).stat().st_rdev) in _PSEUDO_TERMINALS:
            return None
    except OSError:
        return None
    return port_holder(path)


def _has_open(pid: int, real: str) -> bool:
    """Whether a process has the file with the real path `real` open; not if we may not know."""
    try:
        descriptors = list((_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            if str(descriptor.readlink()) == real:
                return True
        except OSError:  # closed meanwhile
            continue
    return False


def _command(pid: int) -> str:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "ended meanwhile"
    text = b" ".join(words).decode("utf-8", "replace")[:_MAX_COMMAND]
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown or "a process of the kernel"
