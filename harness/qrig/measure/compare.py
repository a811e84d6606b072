"""Comparing a tensor of the target with the reference's, element by element."""

from __future__ import annotations

import zlib

import numpy as np
from attrs import frozen

from qrig.fixedpoint.quantized import Int8Array


def tensor_crc32(tensor: Int8Array) -> str:
    """Return the CRC-32 (zlib) of an int8 tensor's HWC bytes, as 8 lower-case hex digits."""
    return f"{zlib.crc32(np.ascontiguousarray(tensor).tobytes()):08x}"


@frozen
class Comparison:
    """How a target's tensor compares with the reference.

    `differing` counts the elements that differ (None if only checksums were compared), and
    `first_difference` describes the first of them in HWC order.
    """

    crc32_target: str | None
    crc32_host: str
    differing: int | None
    first_difference: str | None

    @property
    def verdict(self) -> str:
        """The verdict: "bit-exact", "differs", or "not-traced" if there was nothing to compare."""
        if self.crc32_target is None:
            return "not-traced"
        return "bit-exact" if self.crc32_target == self.crc32_host else "differs"


def compare_tensors(expected: Int8Array, found: bytes) -> Comparison:
    """Compare the int8 tensor (h, w, c) of the reference with the bytes of the target's."""
    crc = f"{zlib.crc32(found):08x}"
    host = tensor_crc32(expected)
    actual = np.frombuffer(found, dtype=np.int8)
    if actual.size != expected.size:
        return Comparison(crc, host, expected.size, f"{actual.size} elements, not {expected.size}")
    different = np.flatnonzero(actual != expected.reshape(-1))
    if not different.size:
        return Comparison(crc, host, 0, None)
    first = int(different[0])
    y, x, channel = (int(part) for part in np.unravel_index(first, expected.shape))
    text = (
        f"y {y}, x {x}, channel {channel}: expected {expected.reshape(-1)[first]}, "
        f"found {actual[first]}"
    )
    return Comparison(crc, host, int(different.size), text)


def compare_checksum(expected: Int8Array, crc32: int | None) -> Comparison:
    """Compare only the checksum of the target's tensor; None if it made none."""
    found = None if crc32 is None else f"{crc32:08x}"
    return Comparison(found, tensor_crc32(expected), None, None)
