"""Consistent overhead byte stuffing: bytes without zeros, so that a zero can end a frame.

Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking, 1999.
"""

from __future__ import annotations

_BLOCK = 254


def encode(data: bytes) -> bytes:
    """Return `data` without zero bytes; at most one byte more for every 254, and one."""
    out = bytearray()
    for piece in data.split(b"\0"):
        start = 0
        while len(piece) - start >= _BLOCK:
            out.append(0xFF)
            out += piece[start : start + _BLOCK]
            start += _BLOCK
        out.append(len(piece) - start + 1)
        out += piece[start:]
    return bytes(out)


def decode(data: bytes) -> bytes | None:
    """Return what `encode` made `data` of, or None if that is nothing."""
    out = bytearray()
    position, size = 0, len(data)
    while position < size:
        code = data[position]
        end = position + code
        if code == 0 or end > size:
            return None
        block = data[position + 1 : end]
        if 0 in block:
            return None
        out += block
        position = end
        if code != 0xFF and position < size:
            out.append(0)
    return bytes(out) if size else None
