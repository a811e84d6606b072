"""A transport that damages what passes through it, in a way that can be repeated."""

from __future__ import annotations

import random
from collections.abc import Callable

from qrig.deadline import Deadline
from qrig.link.transports.base import Transport

Fault = Callable[[bytes], bytes]
"""Takes bytes on their way and returns what arrives."""


def clean(data: bytes) -> bytes:
    """Damage nothing."""
    return data


class ByteFault:
    """Damages the byte at one position of the stream, once.

    `kind` is "drop", "duplicate" or "flip"; `bit` is the bit that flips.
    """

    def __init__(self, position: int, kind: str, bit: int = 0) -> None:
        """Prepare the fault; positions count from zero over the whole stream."""
        if kind not in ("drop", "duplicate", "flip"):
            raise ValueError(f"unknown kind of fault {kind!r}")
        self._position = position
        self._kind = kind
        self._bit = bit
        self._seen = 0

    def __call__(self, data: bytes) -> bytes:
        """Return `data` with the fault in it if its position is here."""
        index = self._position - self._seen
        self._seen += len(data)
        if not 0 <= index < len(data):
            return data
        byte = data[index]
        damaged = {
            "drop": b"",
            "duplicate": bytes([byte, byte]),
            "flip": bytes([byte ^ (1 << self._bit)]),
        }[self._kind]
        return data[:index] + damaged + data[index + 1 :]


class RandomLoss:
    """Drops every byte with the same probability, by a seeded generator."""

    def __init__(self, probability: float, seed: int) -> None:
        """Prepare the loss."""
        self._probability = probability
        self._random = random.Random(seed)  # noqa: S311  # repeatable on purpose, no secret

    def __call__(self, data: bytes) -> bytes:
        """Return what is left of `data`."""
        draw, limit = self._random.random, self._probability
        return bytes(byte for byte in data if draw() >= limit)


class FaultyTransport:
    """Any transport with a fault on the way out and one on the way in."""

    def __init__(self, inner: Transport, *, out: Fault = clean, back: Fault = clean) -> None:
        """Wrap `inner`; `out` acts on what is written, `back` on what is read."""
        self.name = f"{inner.name} with faults"
        self.bauds = inner.bauds
        self.byte_s = inner.byte_s
        self.answer_s = inner.answer_s
        self._inner = inner
        self.out = out
        self.back = back
        self.written_bytes = 0
        self.read_bytes = 0

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send `data` after damaging it."""
        self.written_bytes += len(data)
        damaged = self.out(data)
        if damaged:
            self._inner.write(damaged, deadline)

    def read(self, deadline: Deadline) -> bytes:
        """Return what came, damaged; b"" only when the deadline passed."""
        while True:
            data = self._inner.read(deadline)
            self.read_bytes += len(data)
            damaged = self.back(data)
            if damaged or not data or deadline.expired:
                return damaged

    def set_baud(self, baud: int) -> None:
        """Change the speed of the inner transport."""
        self._inner.set_baud(baud)

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()
