"""A session with a booted firmware: requests, answers, resends.

The host asks, the firmware answers; nothing else needs a clock on the target. A request is sent
again when something arrives damaged (at once) or nothing arrives (after a while); the firmware
executes it once, whatever happens to the answer.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable

from attrs import define, field

from qrig.deadline import Deadline
from qrig.errors import (
    BoardRestartedError,
    FirmwareFaultError,
    LinkError,
    LinkTimeoutError,
    ProtocolMismatchError,
)
from qrig.link.banner import Banner, parse_banner
from qrig.link.fault import parse_fault, registers_text
from qrig.link.frames import REPLY, Frame, Message, Receiver, encode
from qrig.link.transports.base import Transport

OPEN_TIMEOUT_S = 5.0
"""How long a session may take to open, over all speeds."""

REQUEST_TIMEOUT_S = 5.0
"""How long a request that only moves data may take."""

_SLOWEST_RESEND_S = 0.5
_RESENDS_AT_ONE_SPEED = 3
_BANNER_S = 0.1  # a banner of some 500 bytes at 115,200 baud takes half of it
_MAX_LOG_LINES = 1000
_STATUS_TEXT = {
    1: "the request is malformed or outside the memory it names",
    2: "this is not possible now",
    3: "the input arrived with another checksum",
    4: "the firmware has no kernel of that name and signature",
}


@define
class LinkStatistics:
    """What a session went through; every recovery is counted."""

    requests: int = 0
    resends: int = 0
    timeouts: int = 0
    damaged: int = 0
    stale: int = 0
    received_bytes: int = 0


@define
class Session:
    """An open link to a firmware; get one from `open_session`.

    `on_silence` is called whenever an answer is late, before the request is sent again.
    """

    transport: Transport
    number: int
    _banner: Banner | None = None
    statistics: LinkStatistics = field(factory=LinkStatistics)
    log: deque[str] = field(factory=lambda: deque(maxlen=_MAX_LOG_LINES))
    _receiver: Receiver = field(factory=Receiver)
    _frames: deque[Frame | None] = field(factory=deque)
    _sequence: int = 0
    _speeds: tuple[int, int] | None = None
    on_silence: Callable[[], None] = lambda: None

    @property
    def banner(self) -> Banner:
        """The firmware's description of itself."""
        if self._banner is None:
            raise LinkError("the session is not open")
        return self._banner

    def request(
        self, message: Message, payload: bytes, deadline: Deadline, *, reply_bytes: int = 0
    ) -> bytes:
        """Send a request and return the answer's payload after its status byte.

        `reply_bytes` is the answer's expected size, for slow wires. Raises LinkTimeoutError at the
        deadline, BoardRestartedError, TargetCrashedError, TransportClosedError, or LinkError if the
        firmware refuses.
        """
        answer = self._exchange(message, payload, deadline, reply_bytes)
        if not answer or answer[0] != 0:
            code = answer[0] if answer else None
            raise LinkError(
                f"{self.transport.name}: expected {message.name} to succeed, found status {code}: "
                f"{_STATUS_TEXT.get(code or 0, 'unknown')}"
            )
        return answer[1:]

    def close(self) -> None:
        """Close the byte stream."""
        self.transport.close()

    def note_speeds(self, boot_baud: int, baud: int) -> None:
        """Remember that the line is at `baud`, and that a board that starts over is at another."""
        self._speeds = (boot_baud, baud)

    def hello(self, deadline: Deadline) -> Banner:
        """Open the session on the firmware's side; raises as `request` does."""
        self._banner = None
        self._banner = parse_banner(self._exchange(Message.HELLO, b"", deadline, 256))
        return self._banner

    def _exchange(
        self, message: Message, payload: bytes, deadline: Deadline, reply_bytes: int
    ) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        request = Frame(message, self._sequence, self.number, payload)
        wire = encode(request)
        on_the_wire_s = 2 * self.transport.byte_s * (len(wire) + reply_bytes + 64)
        wait_s = self.transport.answer_s + on_the_wire_s
        self.statistics.requests += 1
        self.transport.write(wire, deadline)
        resend = Deadline.after(wait_s)
        resends = 0
        while True:
            until = resend.within(deadline.remaining_s())
            event = self._next(until)
            if isinstance(event, Frame) and event.type != Message.DAMAGED:
                if self._is(event, message | REPLY):
                    return event.payload
                if self._is(event, Message.ACCEPTED):
                    wait_s = _SLOWEST_RESEND_S
                    resend = Deadline.after(wait_s)
                    until = resend.within(deadline.remaining_s())
                else:
                    self._unasked(event)
                if not until.expired:
                    continue
                event = "nothing"
            if deadline.expired:
                raise self._late(message, deadline)
            if event == "nothing":
                self.statistics.timeouts += 1
                self.on_silence()
                wait_s = min(2 * wait_s, max(_SLOWEST_RESEND_S, wait_s))
            else:
                self.statistics.damaged += 1
            self.statistics.resends += 1
            resends += 1
            if resends % _RESENDS_AT_ONE_SPEED == 0:
                self._ask_at_boot_speed(wire, deadline)
            self.transport.write(wire, deadline)
            resend = Deadline.after(wait_s)

    def _ask_at_boot_speed(self, wire: bytes, deadline: Deadline) -> None:
        """See whether the board has started over: it is then at its first speed, and says so."""
        if self._speeds is None:
            return
        boot_baud, baud = self._speeds
        self.transport.set_baud(boot_baud)
        self.transport.write(wire, deadline)
        heard = deadline.within(
            self.transport.answer_s + 2 * self.transport.byte_s * len(wire) + _BANNER_S
        )
        while not heard.expired:
            event = self._next(heard)
            if isinstance(event, Frame):
                self._unasked(event)
        self.transport.set_baud(baud)

    def _is(self, frame: Frame, kind: int) -> bool:
        return (
            frame.type == kind and frame.session == self.number and frame.sequence == self._sequence
        )

    def _next(self, deadline: Deadline) -> Frame | str:
        """Return the next frame, "damaged", or "nothing" at the deadline."""
        while not self._frames:
            data = self.transport.read(deadline)
            self.statistics.received_bytes += len(data)
            self._frames.extend(self._receiver.feed(data))
            if not self._frames and (not data or deadline.expired):
                return "nothing"
        return self._frames.popleft() or "damaged"

    def _unasked(self, frame: Frame) -> None:
        """Deal with a frame that answers nothing we asked; leftovers of the past are dropped."""
        if frame.type == Message.BOOT and self._banner is not None:
            raise BoardRestartedError(
                f"{self.transport.name}: expected the session to go on, found that the board "
                "started over; look for a watchdog, a power dip or a reset button"
            )
        if frame.type == Message.LOG and frame.session in (0, self.number):
            self.log.append(frame.payload.decode("utf-8", "replace"))
        elif frame.type == Message.FAULT and frame.session in (0, self.number):
            raise self._crashed(frame.payload)
        else:
            self.statistics.stale += 1

    def _crashed(self, payload: bytes) -> FirmwareFaultError:
        fault = parse_fault(payload)
        causes = "; ".join(fault.causes) or "no cause is noted"
        return FirmwareFaultError(
            f"{self.transport.name}: expected the firmware to run, found that it hit a fault: "
            f"{causes} ({registers_text(fault.registers)}); look the address up with "
            "arm-none-eabi-addr2line",
            fault.registers,
            fault.stage,
        )

    def _late(self, message: Message, deadline: Deadline) -> LinkTimeoutError:
        stats = self.statistics
        return LinkTimeoutError(
            f"{self.transport.name}: expected an answer to {message.name} within "
            f"{deadline.seconds:g} s, found none ({stats.resends} resends, {stats.damaged} damaged "
            "so far in this session); the target hangs or the line is cut: restart it"
        )


def open_session(
    transport: Transport, *, timeout_s: float = OPEN_TIMEOUT_S, build: str | None = None
) -> Session:
    """Open a session, at the first of the transport's speeds that is understood.

    `build` is the build id the firmware must have. Raises LinkTimeoutError, with what to check, if
    nobody answers, and ProtocolMismatchError if the wrong firmware does.
    """
    bauds: tuple[int | None, ...] = transport.bauds or (None,)
    deadline = Deadline.after(timeout_s)
    session = Session(transport, secrets.randbits(32) | 1)
    for index, baud in enumerate(bauds):
        if baud is not None:
            transport.set_baud(baud)
        try:
            slot = deadline.remaining_s() / (len(bauds) - index)
            banner = session.hello(deadline.within(slot))
        except LinkTimeoutError:
            continue
        if build is not None and banner.build != build:
            raise ProtocolMismatchError(
                f"{transport.name}: expected firmware build {build}, found {banner.build} "
                f"({banner.network} for {banner.board}); reflash the board"
            )
        return session
    raise LinkTimeoutError(_unanswered(transport, session, timeout_s))


def _unanswered(transport: Transport, session: Session, timeout_s: float) -> str:
    heard = session.statistics.received_bytes
    found = f"only noise ({heard} bytes without an answer)" if heard else "silence"
    advice = "check that qrig's firmware runs on it"
    if transport.bauds:
        speeds = ", ".join(str(baud) for baud in transport.bauds)
        advice += (
            f", that RX and TX are not swapped, that no other program has the port open, and that "
            f"the board's speed is one of those tried ({speeds} baud)"
        )
    return (
        f"{transport.name}: expected a target to answer within {timeout_s:g} s, found {found}; "
        f"{advice}"
    )
