"""What a serial line does to bytes when sender and receiver have different speeds."""

from __future__ import annotations

from itertools import chain

TOLERANCE = 0.03
"""By how much speeds may differ: ten bits, each sampled in its middle."""

_BITS = 10


def agree(sender_baud: float, receiver_baud: float) -> bool:
    """Whether a receiver understands a sender."""
    return abs(sender_baud - receiver_baud) <= TOLERANCE * receiver_baud


def received(data: bytes, sender_baud: float, receiver_baud: float) -> tuple[bytes, int]:
    """Return what a receiver makes of bytes sent back to back, and how often no stop bit came.

    Speeds are in bits per second; at 0 one of them is off.
    """
    if min(sender_baud, receiver_baud) <= 0:
        return b"", 0
    if agree(sender_baud, receiver_baud):
        return data, 0
    return sampled(data, sender_baud / receiver_baud)


def sampled(data: bytes, ratio: float) -> tuple[bytes, int]:
    """Return what is received, and how often no stop bit came, as a UART samples its line.

    That is from the edge of a start bit on, in the middle of each bit; `ratio` is how many bits of
    the sender's there are in one of the receiver's.
    """
    levels = list(chain.from_iterable(_frame(byte) for byte in data))
    found = bytearray()
    errors = 0
    place = 0.0
    while (start := _falling_edge(levels, place)) is not None:
        samples = [_level(levels, start + (index + 0.5) * ratio) for index in range(_BITS)]
        found.append(sum(bit << index for index, bit in enumerate(samples[1:9])))
        errors += not samples[9]
        place = start + (_BITS - 0.5) * ratio
    return bytes(found), errors


def _frame(byte: int) -> list[int]:
    """Return a start bit, eight bits from the lowest, and a stop bit."""
    return [0, *(byte >> index & 1 for index in range(8)), 1]


def _level(levels: list[int], place: float) -> int:
    return levels[int(place)] if place < len(levels) else 1


def _falling_edge(levels: list[int], place: float) -> float | None:
    """Return where the line next falls, at or behind `place`."""
    first = int(place)
    for index in range(first, len(levels)):
        before = levels[index - 1] if index else 1
        if before and not levels[index] and index >= place:
            return float(index)
    return None
