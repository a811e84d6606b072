"""The socket to a pyOCD probe server of another machine, with an end to every wait.

pyOCD's own waits for ever for an answer, and for ever again when the server is gone.
"""

from __future__ import annotations

import socket

from qrig.deadline import Deadline

CONNECT_S = 3.0
ANSWER_S = 5.0
"""How long a server may take to answer one request."""

_CHUNK_BYTES = 1 << 16
_MAX_LINE_BYTES = 1 << 26


class RemoteSocket:
    """What pyOCD's TCPClientProbe needs of a socket."""

    def __init__(self, host: str, port: int) -> None:
        """Prepare to connect."""
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._buffer = bytearray()

    def connect(self) -> None:
        """Connect; raises OSError."""
        self._socket = socket.create_connection(self._address, CONNECT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the socket; harmless the second time."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer.clear()

    def set_timeout(self, timeout: float) -> None:
        """Ignore pyOCD's timeout: ours is for whole answers."""

    def write(self, data: bytes) -> None:
        """Send all of `data`; raises OSError."""
        connected = self._connected()
        connected.settimeout(ANSWER_S)
        try:
            connected.sendall(data)
        except OSError:
            self.close()
            raise

    def readline(self) -> bytes:
        """Return one line; raises OSError if the server is silent or gone, and from then on."""
        try:
            return self._read_line(Deadline.after(ANSWER_S))
        except OSError:
            self.close()
            raise

    def _read_line(self, deadline: Deadline) -> bytes:
        connected, searched = self._connected(), 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > _MAX_LINE_BYTES:
                raise TimeoutError("the probe server's answer does not end")
            connected.settimeout(max(deadline.remaining_s(), 0.001))
            try:
                data = connected.recv(_CHUNK_BYTES)
            except TimeoutError:
                raise TimeoutError(
                    f"the probe server did not answer within {deadline.seconds:g} s"
                ) from None
            if not data:
                raise ConnectionResetError("the probe server hung up")
            self._buffer += data
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionResetError("the probe server is not connected")
        return self._socket
