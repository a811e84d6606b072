"""What a backend does."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import Factory, define, field, frozen

from qrig.boards.board import Board
from qrig.build.firmware import Firmware
from qrig.profiles import Profile, ProfileRequest

ANSWER_S = 0.04
"""How long an answer may take to begin before something counts as lost on the way."""


@frozen(eq=False)
class ByteStream:
    """The byte stream to a running firmware, as the link takes it.

    `name` is for messages. `escape` is a byte that must be sent twice to arrive once, b"" if there
    is none. `byte_s` is about how long a byte takes, `answer_s` how long an answer may take to
    begin.
    """

    name: str
    socket: socket.socket = field(repr=False)
    escape: bytes = b""
    byte_s: float = 0.0
    answer_s: float = ANSWER_S


@frozen
class SerialLine:
    """A serial line to a running firmware, as the link takes it.

    `url` is a device or any URL pyserial opens. The firmware starts at `baud`; once a session is
    open both may change to `fast_baud`. `answer_s` is how long an answer may take to begin.
    """

    name: str
    url: str
    baud: int
    fast_baud: int
    answer_s: float = ANSWER_S


@frozen
class CoreState:
    """A core that a probe has stopped: registers by name, and its stack.

    `registers` has r0 to r12, sp, lr, pc, xpsr, cfsr, hfsr, mmfar and bfar. `stack` are the bytes
    from sp upwards, as far as they could be read. `locked_up` says that it faulted in a fault.
    """

    registers: Mapping[str, int]
    stack: bytes = field(repr=False)
    locked_up: bool = False


@frozen(eq=False)
class Remedy:
    """One thing to do with a board that does not answer; `apply` raises TargetError."""

    name: str
    apply: Callable[[], None] = field(repr=False)


@define
class Effort:
    """What it took to get a firmware running: counts by what was done, for the report.

    Keys are "flashed", "flash_retries", "connect_retries", and the names of remedies.
    """

    counts: dict[str, int] = Factory(dict)

    def note(self, what: str) -> None:
        """Count one more of `what`."""
        self.counts[what] = self.counts.get(what, 0) + 1


class Running(Protocol):
    """A firmware that runs; stop it in any case.

    `unique_id` is the chip's own number as a probe read it (hex digits), None without a probe; the
    firmware has to have the same.
    """

    effort: Effort

    @property
    def stream(self) -> ByteStream | SerialLine:
        """What the link talks over."""

    @property
    def unique_id(self) -> str | None:
        """The chip's own number."""

    def instructions(self, ticks: int) -> int | None:
        """Return how many instructions `ticks` of the counter stand for, None if it cannot say."""

    def cycles(self, ticks: int) -> int | None:
        """Return how many core cycles `ticks` stand for, None if it cannot say."""

    def profile(self) -> Profile:
        """Return the profile of all inferences so far; raises TargetError if none was taken."""

    def last_words(self) -> str:
        """Return what the target or its emulator said beside the stream, and how it ended."""

    def halt(self) -> CoreState | None:
        """Stop the core where it is and return its state, None if nothing can do that.

        Raises TargetError.
        """

    def let_report(self) -> None:
        """Let a firmware that a debugger has caught at a fault go on and report it."""

    def remedies(self) -> tuple[Remedy, ...]:
        """Return what can be done if the firmware does not answer, the mildest first."""

    def condemn(self, reason: str) -> bool:
        """Note that nothing helped; return whether the board is refused until it is proved well."""

    def acquit(self) -> None:
        """Take back what `condemn` noted: the board has been proved well."""

    def stop(self) -> None:
        """End it for certain; harmless the second time."""


class Backend(Protocol):
    """A way to run firmware.

    `name` is what follows the @ of a target; `counts` is what its counter counts: "cycles",
    "instructions" or "none". `instance` is the board meant if there are several, None for any.
    `slack_s` is by how much an inference may exceed three times the longest so far before the
    target counts as hung; None where time on the target says nothing about time here.
    """

    name: str
    counts: str
    instance: str | None
    slack_s: float | None

    def unavailable(self, board: Board) -> str | None:
        """Return why `board` cannot be used so on this machine, or None if it can."""

    def needs(self, board: Board) -> str:
        """Return what has to be there before `board` can be used so, in a few words."""

    def unprofiled(self) -> str | None:
        """Return why the backend cannot take profiles on this machine, or None if it can."""

    def stamp(self) -> dict[str, str]:
        """Return what of the backend a measurement depends on, as key and version."""

    def start(self, firmware: Firmware, profiling: ProfileRequest | None = None) -> Running:
        """Start the firmware; raises TargetUnavailableError.

        With `profiling` a profile is taken of a Deployment, and the counter counts nothing.
        """
