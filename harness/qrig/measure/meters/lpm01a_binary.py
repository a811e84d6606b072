"""The binary stream of an X-NUCLEO-LPM01A: two bytes a sample, metadata in between.

A sample is big-endian: a power of 16 in the upper 4 bits, negated, times the lower 12: 0x52A0 is
0x2A0 x 16^-5 = 640.9 uA. Metadata begins with 0xF0, which no sample has first, and a kind:

    F0 F1 text FF FF                  an error
    F0 F2 text FF FF                  information; "event 3 ris" among it is an edge on D7
    F0 F3 ms(4, big-endian) load FF FF   the board's clock, how full its buffer is
    F0 F4 FF FF                       the end of the measurement
    F0 F5 FF FF                       too much current
    F0 F6 FF FF                       the target's power is off
    F0 F7 mV(2) FF FF                 the target's voltage

After UM2269 (Getting started with PowerShield firmware). A stream that has lost a byte turns into
nonsense until the next metadata; such stretches are told by values no board draws, and left out.
"""

from __future__ import annotations

import re

import numpy as np
from attrs import define, field

from qrig.measure.meters.meter import Array

MAX_SAMPLE_A = 0.9
"""More than the instrument can measure, less than the least value with a damaged exponent."""

_START, _END = 0xF0, b"\xff\xff"
_FIXED = {0xF3: 9, 0xF4: 4, 0xF5: 4, 0xF6: 4, 0xF7: 6}
_TEXT = (0xF1, 0xF2)
_MAX_TEXT = 256
_EVENT = re.compile(rb"event ([0-9]{1,9})")
_OVERFLOW_MS = 0x7FFF_FFFF


@define
class BinarySegment:
    """What lies between two time stamps: whole stretches of samples, and what damaged them."""

    stretches: list[Array] = field(factory=list)
    events: list[tuple[int, int | None]] = field(factory=list)
    is_damaged: bool = False
    end_ms: int | None = None

    @property
    def count(self) -> int:
        """The number of samples so far."""
        return sum(len(stretch) for stretch in self.stretches)


class BinaryStream:
    """Takes bytes, gives segments."""

    def __init__(self) -> None:
        """Start before the first stamp."""
        self.has_ended = False
        self.error: str | None = None
        self._rest = b""
        self._open = BinarySegment()

    def feed(self, data: bytes) -> list[BinarySegment]:
        """Return the segments that `data` completes."""
        data = self._rest + data
        done: list[BinarySegment] = []
        position = 0
        while not self.has_ended:  # what follows the end is the prompt
            start = _metadata(data, position)
            whole = start if start >= 0 else max(position, _safe_end(data, position))
            self._samples(data[position:whole])
            position = whole
            length = _length(data, start) if start >= 0 else 0
            if not length:
                break
            if self._take(data[start : start + length]):
                done.append(self._open)
                self._open = BinarySegment()
            position = start + length
        self._rest = data[position:]
        return done

    def rest(self) -> BinarySegment:
        """Return what came behind the last stamp."""
        segment, self._open = self._open, BinarySegment()
        return segment

    def _samples(self, data: bytes) -> None:
        if len(data) % 2:  # a byte was lost: which one cannot be known
            self._open.is_damaged = True
            data = data[:-1]
        if not data:
            return
        words = np.frombuffer(data, ">u2").astype(np.int64)
        values = (words & 0xFFF) * 16.0 ** -(words >> 12).astype(np.float64)
        if values.max() > MAX_SAMPLE_A or words.max() >= _START << 8:
            self._open.is_damaged = True
        self._open.stretches.append(np.asarray(values, dtype=np.float64))

    def _take(self, record: bytes) -> bool:
        kind = record[1]
        if kind == 0xF3:
            self._open.end_ms = int.from_bytes(record[2:6], "big") & _OVERFLOW_MS
            return True
        if kind == 0xF4:
            self.has_ended = True
        elif kind == 0xF5:
            self.error = "too much current"
        elif kind == 0xF1:
            self.error = record[2:-2].decode("ascii", "replace").strip()
        elif event := _EVENT.search(record):
            self._open.events.append((self._open.count, int(event[1])))
        return False


def _metadata(data: bytes, position: int) -> int:
    """Return where the next metadata begins, -1 if there is none.

    At an even distance 0xF0 is always metadata. At an odd one it is the second half of a sample,
    unless a whole time stamp or end follows: then a byte was lost before it.
    """
    found = data.find(_START, position)
    while found >= 0:
        is_even = (found - position) % 2 == 0
        kind = data[found + 1] if found + 1 < len(data) else 0
        length = _FIXED.get(kind, 0)
        ends = data[found + length - 2 : found + length] == _END
        if (is_even and (found + 1 >= len(data) or kind in _FIXED or kind in _TEXT)) or (
            length and ends and found + length <= len(data)
        ):
            return found
        found = data.find(_START, found + 1)
    return -1


def _safe_end(data: bytes, position: int) -> int:
    """Return the end of what can only be samples: a stamp that is cut may still follow it."""
    kept = max(position, len(data) - max(_FIXED.values()))
    return kept - (kept - position) % 2


def _length(data: bytes, start: int) -> int:
    """Return the length of the metadata at `start`, 0 if it is not whole yet."""
    if start + 1 >= len(data):
        return 0
    kind = data[start + 1]
    if kind in _FIXED:
        return _FIXED[kind] if start + _FIXED[kind] <= len(data) else 0
    end = data.find(_END, start + 2, start + _MAX_TEXT)
    if end >= 0:
        return end + 2 - start
    return 2 if len(data) > start + _MAX_TEXT else 0
