"""Frames: type, sequence number, session, length and CRC-32, COBS between zero bytes.

    decoded  version u8, type u8, sequence u16, session u32, length u16, payload, crc32 u32
    wire     00 <COBS> 00 00 00

Little-endian; the CRC-32 (zlib's) covers everything before it. `firmware/link/frame.h` is the other
author of the same format.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum

from attrs import define, field, frozen

from qrig.link import cobs

VERSION = 1
"""The frame format's version, in every frame; the protocol's own version is in the banner."""

_HEADER = struct.Struct("<BBHIH")
_CRC = struct.Struct("<I")
_MIN_BYTES = _HEADER.size + _CRC.size
MAX_FRAME_BYTES = _MIN_BYTES + 0xFFFF
"""Longest decoded frame there can be."""

_MAX_WIRE_BYTES = MAX_FRAME_BYTES + MAX_FRAME_BYTES // 254 + 2


class Message(IntEnum):
    """Frame types, as in `firmware/link/server.h`."""

    HELLO = 0x01
    WRITE = 0x02
    INFER = 0x03
    CONTINUE = 0x04
    READ = 0x05
    STATUS = 0x06
    RESET = 0x07
    FILL = 0x08
    CHECK = 0x09
    FIND = 0x0A
    CALL = 0x0B
    LOAD = 0x0C
    FORWARD = 0x0D
    BAUD = 0x0E
    IMAGE = 0x0F
    MEASURE = 0x10
    ACCEPTED = 0x40
    DAMAGED = 0x41
    BOOT = 0x42
    LOG = 0x43
    FAULT = 0x44


REPLY = 0x80
"""Added to the type of a request in its answer."""


@frozen
class Frame:
    """One decoded frame."""

    type: int
    sequence: int
    session: int
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    """Return the frame as bytes on the wire."""
    header = _HEADER.pack(
        VERSION, frame.type, frame.sequence & 0xFFFF, frame.session, len(frame.payload)
    )
    body = header + frame.payload
    return b"\0" + cobs.encode(body + _CRC.pack(zlib.crc32(body))) + b"\0\0\0"


def decode(data: bytes) -> Frame | None:
    """Return the frame in `data`, the bytes between two zeros, or None if they are no frame."""
    if not _MIN_BYTES < len(data) <= _MAX_WIRE_BYTES:
        return None
    body = cobs.decode(data)
    if body is None or len(body) < _MIN_BYTES:
        return None
    version, kind, sequence, session, length = _HEADER.unpack_from(body)
    if version != VERSION or length != len(body) - _MIN_BYTES:
        return None
    if _CRC.unpack_from(body, len(body) - _CRC.size)[0] != zlib.crc32(body[: -_CRC.size]):
        return None
    return Frame(kind, sequence, session, body[_HEADER.size : -_CRC.size])


@define
class Receiver:
    """Splits a byte stream into frames.

    `feed` yields a Frame for each whole one, and None once when damaged bytes came and then two
    zeros: the sender has stopped and something it sent is lost.
    """

    damaged: int = 0
    _partial: bytearray = field(factory=bytearray)
    _pending: bool = False

    def feed(self, data: bytes) -> Iterator[Frame | None]:
        """Take bytes and yield what they complete."""
        pieces = data.split(b"\0")
        for index, piece in enumerate(pieces):
            self._partial += piece
            if len(self._partial) > _MAX_WIRE_BYTES + 1:
                del self._partial[_MAX_WIRE_BYTES + 1 :]  # too long for a frame, and stays so
            if index == len(pieces) - 1:
                return
            yield from self._end()

    def _end(self) -> Iterator[Frame | None]:
        if not self._partial:
            if self._pending:
                self._pending = False
                self.damaged += 1
                yield None
            return
        frame = decode(bytes(self._partial))
        self._partial.clear()
        self._pending = frame is None
        if frame is not None:
            yield frame
