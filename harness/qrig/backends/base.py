"""What a backend does."""

from __future__ import annotations

import socket
from typing import Protocol

from attrs import field, frozen

from qrig.build.firmware import Firmware
from qrig.profiles import Profile, ProfileRequest


@frozen(eq=False)
class ByteStream:
    """The byte stream to a running firmware, as the link takes it.

    `name` is for messages. `escape` is a byte that must be sent twice to arrive once, b"" if there
    is none. `byte_s` is about how long a byte takes.
    """

    name: str
    socket: socket.socket = field(repr=False)
    escape: bytes = b""
    byte_s: float = 0.0


class Running(Protocol):
    """A firmware that runs; stop it in any case."""

    stream: ByteStream

    def instructions(self, ticks: int) -> int | None:
        """Return how many instructions `ticks` of the counter stand for, None if it cannot say."""

    def cycles(self, ticks: int) -> int | None:
        """Return how many core cycles `ticks` stand for, None if it cannot say."""

    def profile(self) -> Profile:
        """Return the profile of all inferences so far; raises TargetError if none was taken."""

    def last_words(self) -> str:
        """Return what the target or its emulator said beside the stream, and how it ended."""

    def stop(self) -> None:
        """End it for certain; harmless the second time."""


class Backend(Protocol):
    """A way to run firmware.

    `name` is what follows the @ of a target; `counts` is what its counter counts: "cycles",
    "instructions" or "none".
    """

    name: str
    counts: str

    def unavailable(self) -> str | None:
        """Return why the backend cannot be used on this machine, or None if it can."""

    def unprofiled(self) -> str | None:
        """Return why the backend cannot take profiles on this machine, or None if it can."""

    def stamp(self) -> dict[str, str]:
        """Return what of the backend a measurement depends on, as key and version."""

    def start(self, firmware: Firmware, profiling: ProfileRequest | None = None) -> Running:
        """Start the firmware; raises TargetUnavailableError.

        With `profiling` a profile is taken of a Deployment, and the counter counts nothing.
        """
