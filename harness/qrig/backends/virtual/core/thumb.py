"""What must be known of Thumb instructions: their length, which divide, which need words aligned.

Facts: Arm DDI 0403 (ARMv7-M), A3.2.1 (alignment), A5 (encoding), A6 (floating point), A7.7.127
(SDIV) and A7.7.195 (UDIV).
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


def word_accesses(code: bytes) -> list[tuple[int, str]]:
    """Return offset and base register of what must find its words at addresses of words.

    `code` begins with an instruction and ends with one. The stack pointer and the program counter
    are no bases here: they are right at all times.
    """
    found = []
    offset = 0
    while offset < len(code):
        first = int.from_bytes(code[offset : offset + 2], "little")
        second = int.from_bytes(code[offset + 2 : offset + 4], "little")
        base = _base_of(first, second)
        if base is not None and base not in (13, 15):
            found.append((offset, "lr" if base == 14 else f"r{base}"))
        offset += 4 if first >= _WIDE else 2
    return found


def _base_of(first: int, second: int) -> int | None:
    """Return the base register of a load or store of several words or floats, None for others."""
    if first & 0xF000 == 0xC000:  # LDM, STM
        return first >> 8 & 7
    if first & 0xFE40 == 0xE800:  # LDM.W, STM.W: increment after or decrement before
        return first & 0xF if first >> 7 & 3 in (1, 2) else None
    if first & 0xFE40 == 0xE840:  # LDRD, STRD; without P and W others
        return first & 0xF if first & 0x120 else None
    if first & 0xFE00 == 0xEC00 and second >> 9 & 7 == 5:  # VLDR, VSTR, VLDM, VSTM; or VMOV
        return first & 0xF if first & 0x1A0 else None
    return None


def find_divisions(code: bytes) -> list[int]:
    """Return the offsets of all that may be SDIV or UDIV; data may look like it."""
    return [match.start() for match in _DIVISION.finditer(code) if not match.start() & 1]


def divisor_register(code: bytes) -> int | None:
    """Return the number of the register that SDIV or UDIV divides by, None for other code."""
    return code[2] & 0xF if _DIVISION.match(code) else None
