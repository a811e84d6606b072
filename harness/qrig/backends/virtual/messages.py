"""What a virtual probe and the process behind it say to each other.

A request is a header and data, so is an answer. Every request is answered, in order; several may
come at once. All numbers are little-endian.
"""

from __future__ import annotations

import enum
import socket
import struct

from attrs import field, frozen

REQUEST = struct.Struct("<BBHIII")
"""Operation, size of a unit in bytes, zero, address, count of units, bytes of data that follow."""

ANSWER = struct.Struct("<B3xII")
"""Status, address (of a fault), bytes of data that follow."""

MAX_BYTES = 1 << 22
"""No request and no answer moves more."""

_CHUNK_BYTES = 1 << 16

OK, FAULT = 0, 1
"""Status: done; nothing is at that address, or it cannot be reached now."""


class Operation(enum.IntEnum):
    """What is asked for."""

    READ = 1
    WRITE = 2
    RESET = 3  # the pin: pulled if the address is not 0
    POWER = 4  # off and on


@frozen
class Request:
    """One request: `count` units of `size` bytes at `address`, and the data of a write."""

    operation: Operation
    address: int = 0
    size: int = 4
    count: int = 0
    data: bytes = field(default=b"", repr=False)


def encode_request(request: Request) -> bytes:
    """Return a request as it is sent."""
    header = REQUEST.pack(
        request.operation, request.size, 0, request.address, request.count, len(request.data)
    )
    return header + request.data


def encode_answer(status: int, data: bytes = b"", address: int = 0) -> bytes:
    """Return an answer as it is sent."""
    return ANSWER.pack(status, address, len(data)) + data


class Stream:
    """Messages from a connection, as few system calls as there can be."""

    def __init__(self, connection: socket.socket) -> None:
        """Read from `connection`."""
        self._connection = connection
        self._buffer = bytearray()

    @property
    def has_more(self) -> bool:
        """Whether a further message has at least begun to arrive."""
        return bool(self._buffer)

    def receive_request(self) -> Request | None:
        """Wait for a request; returns None when the other side has gone.

        Raises OSError, ValueError.
        """
        header = self._take(REQUEST.size)
        if header is None:
            return None
        operation, size, _, address, count, length = REQUEST.unpack(header)
        if size not in (1, 2, 4) or max(length, size * count) > MAX_BYTES:
            raise ValueError(f"expected a request that can be met, found {header.hex()}")
        data = self._take(length)
        if data is None:
            return None
        return Request(Operation(operation), address, size, count, data)

    def receive_answer(self) -> tuple[int, int, bytes]:
        """Wait for an answer: status, address, data. Raises OSError."""
        header = self._take(ANSWER.size)
        if header is not None:
            status, address, length = ANSWER.unpack(header)
            data = self._take(min(length, MAX_BYTES))
            if data is not None:
                return int(status), int(address), data
        raise ConnectionResetError("the process of the virtual board is gone")

    def _take(self, count: int) -> bytes | None:
        """Return `count` bytes, None if the other side has hung up before."""
        while len(self._buffer) < count:
            part = self._connection.recv(max(count - len(self._buffer), _CHUNK_BYTES))
            if not part:
                return None
            self._buffer += part
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken
