"""The samples of a PPK2 out of a stream of bytes that may have lost some.

A sample is 32 bits, little-endian: 14 bits of the converter, 3 of the range, one unused, a counter
of 6 bits, 8 logic levels (public source of Nordic's Power Profiler app). Nothing marks where a
sample begins; the counter, which rises by one from sample to sample, tells whether it does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from attrs import frozen

SAMPLE_BYTES = 4

_COUNTER_SHIFT, _COUNTER_MASK = 18, 0x3F
_SURE = 8  # counters in a row that must be right to believe an alignment
_LIKELY = 4  # to believe the one there was, behind a gap
_NONE: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)


@frozen(eq=False)
class Frames:
    """Whole samples: their numbers, counted from the first one on, and their words."""

    numbers: npt.NDArray[np.int64]
    words: npt.NDArray[np.uint32]

    @property
    def data(self) -> bytes:
        """The samples as bytes, aligned."""
        return bytes(self.words.astype("<u4").tobytes())


class FrameFinder:
    """Takes bytes, gives samples with their numbers; gaps in the numbers are lost samples."""

    def __init__(self) -> None:
        """Wait for the first sample."""
        self.number = 0
        self._rest = b""
        self._expected: int | None = None

    def feed(self, data: bytes) -> Frames:
        """Return the samples that `data` completes, but the last: what follows proves it whole."""
        data = self._rest + data
        numbers, words = [_NONE], [np.zeros(0, dtype=np.uint32)]
        while len(data) >= SAMPLE_BYTES * (1 if self._expected is not None else _SURE):
            found = _aligned(data)
            good = self._good(found)
            behind = data[good * SAMPLE_BYTES :]
            skipped = None if good == len(found) else _skipped(behind)
            kept = good if skipped is not None and skipped % SAMPLE_BYTES == 0 else max(0, good - 1)
            words.append(found[:kept])
            numbers.append(self.number + np.arange(kept, dtype=np.int64))
            self._advance(kept)
            data = data[kept * SAMPLE_BYTES :]
            if skipped is None:
                break
            data = behind[skipped:]
            self._leave_out(data, skipped)
        self._rest = data
        return Frames(np.concatenate(numbers), np.concatenate(words))

    def _good(self, words: npt.NDArray[np.uint32]) -> int:
        """Return how many of `words` come as expected."""
        counters = _counters(words)
        if self._expected is None:
            if not _is_run(counters[:_SURE], _SURE):
                return 0
            self._expected = int(counters[0])
        due = (self._expected + np.arange(len(counters))) & _COUNTER_MASK
        wrong = np.flatnonzero(counters != due)
        return int(wrong[0]) if len(wrong) else len(words)

    def _advance(self, samples: int) -> None:
        self.number += samples
        if self._expected is not None:
            self._expected = (self._expected + samples) & _COUNTER_MASK

    def _leave_out(self, data: bytes, skipped: int) -> None:
        """Leave the numbers out that the counter of the first sample in `data` has skipped.

        The counter tells them but for multiples of 64; the bytes that were skipped say which.
        """
        if self._expected is not None:
            first = int(_counters(_aligned(data[:SAMPLE_BYTES]))[0])
            told = (first - self._expected) & _COUNTER_MASK
            rounds = round((skipped / SAMPLE_BYTES - told) / (_COUNTER_MASK + 1))
            self._advance(told + max(0, rounds) * (_COUNTER_MASK + 1))


def _skipped(data: bytes) -> int | None:
    """Return how many bytes to skip until samples come again, None if more are needed."""
    if _is_run(_counters(_aligned(data[: _LIKELY * SAMPLE_BYTES])), _LIKELY):
        return 0
    need = _SURE * SAMPLE_BYTES
    return next(
        (
            skipped
            for skipped in range(len(data) - need + 1)
            if _is_run(_counters(_aligned(data[skipped : skipped + need])), _SURE)
        ),
        None,
    )


def _aligned(data: bytes) -> npt.NDArray[np.uint32]:
    return np.frombuffer(data, "<u4", len(data) // SAMPLE_BYTES).astype(np.uint32)


def _counters(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    return (words.astype(np.int64) >> _COUNTER_SHIFT) & _COUNTER_MASK


def _is_run(counters: npt.NDArray[np.int64], length: int) -> bool:
    if len(counters) < length:
        return False
    return bool(np.all((np.diff(counters) & _COUNTER_MASK) == 1))
