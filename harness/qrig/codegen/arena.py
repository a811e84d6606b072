"""Static memory: buffers whose lifetimes do not meet share it."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

_ALIGNMENT = 8


@frozen(eq=False)
class Buffer:
    """A piece of RAM that is needed from time `begin` to time `end`, both included.

    `ahead_bytes` more behind it are read, whatever they hold.
    """

    name: str
    size_bytes: int
    begin: int
    end: int
    ahead_bytes: int = 0

    def meets(self, other: Buffer) -> bool:
        """Return whether both are needed at one time."""
        return self.begin <= other.end and other.begin <= self.end


@frozen
class Arena:
    """The buffers with their offsets, and the bytes of the whole."""

    offsets: dict[Buffer, int]
    size_bytes: int

    @property
    def naive_bytes(self) -> int:
        """What the buffers would take side by side."""
        return sum(buffer.size_bytes for buffer in self.offsets)

    def excess_bytes(self, limit_bytes: int) -> int:
        """Return how far buffers go beyond `limit_bytes`, added up over all times."""
        times = {buffer.begin for buffer in self.offsets}
        needed = (
            sum(b.size_bytes for b in self.offsets if b.begin <= time <= b.end) for time in times
        )
        return sum(max(0, size_bytes - limit_bytes) for size_bytes in needed)


def lay_out(buffers: Iterable[Buffer]) -> Arena:
    """Give every buffer an offset: the largest first, each at the lowest place that is free."""
    offsets: dict[Buffer, int] = {}
    for buffer in sorted(buffers, key=lambda b: (-b.size_bytes, b.begin, b.name)):
        taken = sorted(
            (offset, offset + _rounded(other.size_bytes))
            for other, offset in offsets.items()
            if other.meets(buffer)
        )
        place = 0
        for begin, end in taken:
            if place + buffer.size_bytes <= begin:
                break
            place = max(place, end)
        offsets[buffer] = place
    ends = [offset + buffer.size_bytes + buffer.ahead_bytes for buffer, offset in offsets.items()]
    return Arena(offsets, _rounded(max(ends, default=0)))


def _rounded(size_bytes: int) -> int:
    return -(-size_bytes // _ALIGNMENT) * _ALIGNMENT
