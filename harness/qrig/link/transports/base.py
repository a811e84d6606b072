"""What a byte stream to a target can do."""

from __future__ import annotations

from typing import Protocol

from qrig.deadline import Deadline


class Transport(Protocol):
    """A byte stream in both directions.

    `name` says what it is, for messages. `bauds` are the speeds worth trying, fastest first; empty
    where speed means nothing. `byte_s` is how long a byte takes on the wire, zero if that is none,
    `answer_s` how long an answer may take to begin.
    """

    name: str
    bauds: tuple[int, ...]
    byte_s: float
    answer_s: float

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`; raises TransportClosedError or LinkTimeoutError."""

    def read(self, deadline: Deadline) -> bytes:
        """Return the bytes that are there, waiting for the first; b"" when the deadline passed.

        Raises TransportClosedError if the other end has hung up.
        """

    def set_baud(self, baud: int) -> None:
        """Change the speed."""

    def close(self) -> None:
        """Let go of the stream; harmless the second time."""
