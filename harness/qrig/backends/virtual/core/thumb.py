"""What must be known of Thumb instructions: their length, and which of them divide.

Facts: Arm DDI 0403 (ARMv7-M), A5.1 (encoding), A7.7.127 (SDIV) and A7.7.195 (UDIV).
"""

from __future__ import annotations

import re

WFI = b"\x30\xbf"
WIDE_WFI = b"\xaf\xf3\x03\x80"
"""Wait for interrupt, in both encodings."""

_WIDE = 0xE800  # halfwords from here on begin an instruction of four bytes
# 1111 1011 10u1 nnnn 1111 dddd 1111 mmmm, halfwords with the low byte first
_DIVISION = re.compile(rb"(?=[\x90-\x9f\xb0-\xbf]\xfb[\xf0-\xff]{2})", re.DOTALL)


def count_instructions(code: bytes) -> int:
    """Return how many instructions `code` holds; it begins with one and ends with one."""
    count = offset = 0
    while offset < len(code):
        offset += 4 if code[offset + 1] << 8 >= _WIDE else 2
        count += 1
    return count


def find_divisions(code: bytes) -> list[int]:
    """Return the offsets of all that may be SDIV or UDIV; data may look like it."""
    return [match.start() for match in _DIVISION.finditer(code) if not match.start() & 1]


def divisor_register(code: bytes) -> int:
    """Return the number of the register that the SDIV or UDIV in `code` divides by."""
    return code[2] & 0xF
