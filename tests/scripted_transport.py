"""A transport in memory whose other end is a function of the test's."""

import time
from collections.abc import Callable, Iterable

from qrig.deadline import Deadline
from qrig.link import Session, open_session
from qrig.link.frames import REPLY, Frame, Message, Receiver, encode
from qrig.link.transports import Transport

Answer = Callable[[Frame], Iterable[Frame | bytes]]
"""Takes a request and returns what comes back: frames, or bytes as they are."""

BANNER = {
    "protocol": "1.0",
    "capabilities": "0000001f",
    "board": "paper",
    "core": "cortex-m4",
    "build": "0123456789abcdef",
    "network": "none",
    "clock_hz": "25000000",
    "counter": "ticks",
    "max_write": "512",
    "max_read": "4096",
    "stages": "2",
}


def banner(**changes: str | None) -> bytes:
    """Return a banner with keys changed, added, or (None) left out."""
    values = BANNER | changes
    return "".join(
        f"{key}={value}\n" for key, value in values.items() if value is not None
    ).encode()


def reply(request: Frame, payload: bytes = b"\0") -> Frame:
    """Return the answer to a request."""
    return Frame(request.type | REPLY, request.sequence, request.session, payload)


class ScriptedTransport:
    """Answers HELLO with a banner, everything else as `answer` says; notes what was written."""

    name = "script"
    byte_s = 0.0
    answer_s = 0.04

    def __init__(self, answer: Answer = lambda request: [reply(request)]) -> None:
        self.bauds: tuple[int, ...] = ()
        self.banner = banner()
        self.answer = answer
        self.requests: list[Frame] = []
        self.endless = b""
        self._receiver = Receiver()
        self._coming = b""

    def write(self, data: bytes, deadline: Deadline) -> None:
        for frame in self._receiver.feed(data):
            assert frame is not None
            self.requests.append(frame)
            answers = (
                [reply(frame, self.banner)] if frame.type == Message.HELLO else self.answer(frame)
            )
            for answer in answers:
                self._coming += answer if isinstance(answer, bytes) else encode(answer)

    def read(self, deadline: Deadline) -> bytes:
        data, self._coming = self._coming or self.endless, b""
        if not data:
            time.sleep(deadline.remaining_s())
        return data

    def set_baud(self, baud: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def scripted(answer: Answer) -> tuple[ScriptedTransport, Session]:
    """Return a transport and a session open on it."""
    transport = ScriptedTransport(answer)
    checked: Transport = transport
    return transport, open_session(checked)
