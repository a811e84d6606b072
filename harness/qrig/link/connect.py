"""From a running firmware to an open session."""

from __future__ import annotations

from qrig.backends import ByteStream, Running, SerialLine
from qrig.errors import WrongBoardError
from qrig.link.session import Session, open_session
from qrig.link.transports.base import Transport
from qrig.link.transports.serial_port import SerialTransport
from qrig.link.transports.stream_socket import SocketTransport


def connect(running: Running, build: str) -> Session:
    """Open a session with the firmware `build` that runs there.

    Raises LinkTimeoutError if nobody answers, ProtocolMismatchError if another firmware does, and
    WrongBoardError if another chip does than the one the probe is connected to.
    """
    transport = open_transport(running.stream)
    try:
        session = open_session(transport, build=build)
        _check_chip(session, running.unique_id)
    except BaseException:
        release(transport)
        raise
    return session


def release(transport: Transport) -> None:
    """Let go of a byte stream that can be opened again: a serial port, not a process's socket."""
    if isinstance(transport, SerialTransport):
        transport.close()


def _check_chip(session: Session, expected: str | None) -> None:
    found = session.banner.unique_id
    if expected is not None and found != expected:
        raise WrongBoardError(
            f"{session.transport.name}: expected the chip {expected} that the probe is connected "
            f"to, found that chip {found} answers on this port; exchange the ports, or name the "
            "right one in lab.toml"
        )


def open_transport(stream: ByteStream | SerialLine) -> Transport:
    """Open the byte stream to a running firmware; raises TargetUnavailableError."""
    if isinstance(stream, SerialLine):
        return SerialTransport(
            stream.url, (stream.baud, stream.fast_baud), answer_s=stream.answer_s
        )
    return SocketTransport(stream)
