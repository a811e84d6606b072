"""From a running firmware to an open session."""

from __future__ import annotations

from qrig.backends import Running, SerialLine
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
    session = open_session(open_transport(running), build=build)
    expected, found = running.unique_id, session.banner.unique_id
    if expected is not None and found != expected:
        session.close()
        raise WrongBoardError(
            f"{session.transport.name}: expected the chip {expected} that the probe is connected "
            f"to, found that chip {found} answers on this port; exchange the ports, or name the "
            "right one in lab.toml"
        )
    return session


def open_transport(running: Running) -> Transport:
    """Open the byte stream to a running firmware; raises TargetUnavailableError."""
    stream = running.stream
    if isinstance(stream, SerialLine):
        return SerialTransport(
            stream.url, (stream.baud, stream.fast_baud), answer_s=stream.answer_s
        )
    return SocketTransport(stream)
