"""Moving bytes to and from a firmware, in chunks that suit the line."""

from __future__ import annotations

import struct
from collections.abc import Callable

from attrs import define

from qrig.deadline import Deadline
from qrig.errors import LinkError
from qrig.link.frames import Message
from qrig.link.session import REQUEST_TIMEOUT_S, Session

_MIN_CHUNK_BYTES = 64
_MAX_CHUNK_BYTES = 1 << 16


@define
class RemoteMemory:
    """What WRITE and READ reach; chunks shrink when one had to be sent again, and grow back."""

    session: Session
    _chunk_bytes: int = 0

    def write(self, offset: int, data: bytes) -> None:
        """Store `data` at `offset`; raises TargetError."""
        size = self.session.banner.max_write - 4

        def send(start: int, length: int) -> int:
            piece = data[start : start + length]
            payload = struct.pack("<I", offset + start) + piece
            self.session.request(Message.WRITE, payload, Deadline.after(REQUEST_TIMEOUT_S))
            return len(piece)

        self._in_chunks(len(data), size, send)

    def read(self, region: int, size_bytes: int, offset: int = 0) -> bytes:
        """Return `size_bytes` of a region from `offset` on; raises TargetError."""
        out = bytearray()
        limit = self.session.banner.max_read

        def fetch(start: int, length: int) -> int:
            piece = self._request_read(region, offset + start, length)
            out.extend(piece)
            return len(piece)

        self._in_chunks(size_bytes, limit, fetch)
        return bytes(out)

    def _request_read(self, region: int, offset: int, length: int) -> bytes:
        payload = struct.pack("<BIH", region, offset, length)
        deadline = Deadline.after(REQUEST_TIMEOUT_S + 20 * self.session.transport.byte_s * length)
        answer = self.session.request(Message.READ, payload, deadline, reply_bytes=length)
        return of_size(self.session, length, answer)

    def _in_chunks(self, total: int, limit: int, move: Callable[[int, int], int]) -> None:
        offset = 0
        while offset < total:
            chunk = min(limit, self._chunk_bytes or limit)
            before = self.session.statistics.damaged
            offset += move(offset, min(chunk, total - offset))
            if self.session.statistics.damaged > before:
                self._chunk_bytes = max(_MIN_CHUNK_BYTES, chunk // 2)
            else:
                self._chunk_bytes = min(2 * chunk, _MAX_CHUNK_BYTES)


def of_size(session: Session, size_bytes: int, answer: bytes) -> bytes:
    """Return an answer of `size_bytes`; raises LinkError for one of another size."""
    if len(answer) != size_bytes:
        raise LinkError(
            f"{session.transport.name}: expected an answer of {size_bytes} bytes, found "
            f"{len(answer)}; reflash the board"
        )
    return answer
