"""The firmware as a process on this machine, built with sanitizers."""

from __future__ import annotations

import socket

from qrig.backends.base import ByteStream
from qrig.backends.process import ChildProcess
from qrig.boards.board import Board
from qrig.build.firmware import Firmware
from qrig.errors import TargetUnavailableError
from qrig.profiles import Profile, ProfileRequest

_NO_PROFILE = "expected a target that emulates a core, found this machine itself; take one @qemu"


class RunningNative(ChildProcess):
    """A firmware process."""

    def __init__(self, firmware: Firmware) -> None:
        """Start the firmware; raises TargetUnavailableError."""
        ours, theirs = socket.socketpair()
        stream = ByteStream(f"{firmware.board.name}@native", ours)
        super().__init__([str(firmware.elf)], stream, theirs, as_standard_streams=True)

    def instructions(self, ticks: int) -> int | None:
        """Return None: there is no counter."""
        return None

    def cycles(self, ticks: int) -> int | None:
        """Return None: there is no counter."""
        return None

    def profile(self) -> Profile:
        """Raise TargetUnavailableError: nothing was counted."""
        raise TargetUnavailableError(f"{self.stream.name}: {_NO_PROFILE}")


class NativeBackend:
    """Runs firmware built for this machine."""

    name = "native"
    counts = "none"
    slack_s: float | None = None

    def __init__(self, instance: str | None = None) -> None:
        """Remember the `instance`: each is a process of its own."""
        self.instance = instance

    def unavailable(self, board: Board) -> str | None:
        """Return None: this machine is always there."""
        return None

    def needs(self, board: Board) -> str:
        """Return the compiler."""
        return "gcc with sanitizers"

    def unprofiled(self) -> str | None:
        """Return that there is nothing to profile."""
        return _NO_PROFILE

    def stamp(self) -> dict[str, str]:
        """Return nothing: no number comes from here."""
        return {}

    def start(self, firmware: Firmware, profiling: ProfileRequest | None = None) -> RunningNative:
        """Start the process; raises TargetUnavailableError."""
        if profiling is not None:
            raise TargetUnavailableError(f"{firmware.board.name}@native: {_NO_PROFILE}")
        return RunningNative(firmware)
