"""What a virtual probe and the process behind it say to each other.

A request is a header and data, so is an answer; every request is answered, and the next comes after
that. All numbers are little-endian.
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


def send_request(connection: socket.socket, request: Request) -> None:
    """Send a request; raises OSError."""
    header = REQUEST.pack(
        request.operation, request.size, 0, request.address, request.count, len(request.data)
    )
    connection.sendall(header + request.data)


def receive_request(connection: socket.socket) -> Request | None:
    """Wait for a request; returns None when the other side has gone. Raises ValueError."""
    header = receive_exactly(connection, REQUEST.size)
    if header is None:
        return None
    operation, size, _, address, count, length = REQUEST.unpack(header)
    if size not in (1, 2, 4) or max(length, size * count) > MAX_BYTES:
        raise ValueError(f"expected a request of units and bytes that can be, found {header.hex()}")
    data = receive_exactly(connection, length) if length else b""
    if data is None:
        return None
    return Request(Operation(operation), address, size, count, data)


def send_answer(
    connection: socket.socket, status: int, data: bytes = b"", address: int = 0
) -> None:
    """Send an answer; raises OSError."""
    connection.sendall(ANSWER.pack(status, address, len(data)) + data)


def receive_answer(connection: socket.socket) -> tuple[int, int, bytes]:
    """Wait for an answer: status, address, data. Raises ConnectionError, TimeoutError."""
    header = receive_exactly(connection, ANSWER.size)
    if header is None:
        raise ConnectionResetError("the process of the virtual board is gone")
    status, address, length = ANSWER.unpack(header)
    data = receive_exactly(connection, min(length, MAX_BYTES)) if length else b""
    if data is None:
        raise ConnectionResetError("the process of the virtual board is gone")
    return int(status), int(address), data


def receive_exactly(connection: socket.socket, count: int) -> bytes | None:
    """Return `count` bytes, None if the other side has hung up before; raises OSError."""
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
