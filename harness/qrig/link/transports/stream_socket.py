"""A connected stream socket: what emulators and native processes are reached through."""

from __future__ import annotations

import select

from qrig.backends.base import ByteStream
from qrig.deadline import Deadline
from qrig.errors import LinkTimeoutError, TransportClosedError

_CHUNK_BYTES = 1 << 16


class SocketTransport:
    """A transport over a connected stream socket, which it owns."""

    bauds: tuple[int, ...] = ()

    def __init__(self, stream: ByteStream) -> None:
        """Take over the stream's socket."""
        self.name = stream.name
        self.byte_s = stream.byte_s
        self.answer_s = stream.answer_s
        self._escape = stream.escape
        self._stream = stream.socket
        self._stream.setblocking(False)

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`; raises TransportClosedError or LinkTimeoutError."""
        if self._escape:
            data = data.replace(self._escape, 2 * self._escape)
        view = memoryview(data)
        while view:
            try:
                view = view[self._stream.send(view) :]
            except BlockingIOError:
                if not select.select([], [self._stream], [], deadline.remaining_s())[1]:
                    raise LinkTimeoutError(
                        f"{self.name}: expected the target to take {len(data)} bytes within "
                        f"{deadline.seconds:g} s, found it stuck; restart it"
                    ) from None
            except OSError as error:
                raise self._closed() from error

    def read(self, deadline: Deadline) -> bytes:
        """Return the bytes that are there, waiting for the first; b"" when the deadline passed."""
        while True:
            try:
                data = self._stream.recv(_CHUNK_BYTES)
            except BlockingIOError:
                if not select.select([self._stream], [], [], deadline.remaining_s())[0]:
                    return b""
                continue
            except OSError as error:
                raise self._closed() from error
            if not data:
                raise self._closed()
            return data

    def set_baud(self, baud: int) -> None:
        """Do nothing: a socket has no speed."""

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    def _closed(self) -> TransportClosedError:
        return TransportClosedError(f"{self.name}: the target hung up")
