"""The UART's line: Renode connects to a port of ours on this machine alone, once.

Renode's own socket terminal listens, and on every interface; ours (targets/renode) connects, and
says a token first so that nobody else's connection is taken for it.
"""

from __future__ import annotations

import hmac
import secrets
import socket

from qrig.backends.renode.monitor import Monitor
from qrig.deadline import Deadline
from qrig.errors import TargetUnavailableError

_TOKEN_BYTES = 16


def connect_line(monitor: Monitor, name: str, uart: str, deadline: Deadline) -> socket.socket:
    """Return the byte stream to `uart` of the machine in Renode.

    Raises ProbeError if Renode does not do it, TargetUnavailableError if another connects.
    """
    token = secrets.token_hex(_TOKEN_BYTES // 2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monitor.run(
            f'emulation CreateLoopbackTerminal "line" {port} "{token}"; '
            f"connector Connect sysbus.{uart} line",
            deadline,
        )
        try:
            return _accept(listener, token, deadline)
        except OSError as error:
            raise TargetUnavailableError(
                f"{name}: expected Renode to connect the UART to port {port} of 127.0.0.1 within "
                f"{deadline.seconds:g} s, found {error}; try it again"
            ) from error


def _accept(listener: socket.socket, token: str, deadline: Deadline) -> socket.socket:
    """Return the first connection, if it says the token; raises OSError."""
    listener.settimeout(max(deadline.remaining_s(), 1e-3))
    stream, _ = listener.accept()
    try:
        stream.settimeout(max(deadline.remaining_s(), 1e-3))
        if not hmac.compare_digest(_receive(stream, _TOKEN_BYTES), token.encode()):
            raise ConnectionRefusedError("that another program connects")
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        stream.close()
        raise
    return stream


def _receive(stream: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count and (data := stream.recv(count - len(received))):
        received += data
    return received
