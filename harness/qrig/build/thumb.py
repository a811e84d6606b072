"""The code of a firmware, and where its branches go.

Encodings: Armv7-M Architecture Reference Manual (DDI 0403E), A5 and A7.
"""

from __future__ import annotations

from attrs import frozen

from qrig.build.image import FirmwareImage

_FIRST_WIDE = 0xE800

Halfwords = tuple[int, ...]
"""The one or two halfwords of an instruction."""


@frozen
class Code:
    """The bytes of a firmware's load segments: pairs of address and bytes."""

    segments: tuple[tuple[int, bytes], ...]

    def halfwords(self, address: int, instructions: int) -> list[Halfwords] | None:
        """Return the halfwords of so many Thumb instructions, None outside the firmware.

        A first halfword from 0xe800 begins an instruction of 32 bits (Armv7-M ARM, A5.1).
        """
        for start, data in self.segments:
            offset = address - start
            if not 0 <= offset < len(data):
                continue
            found: list[Halfwords] = []
            for _ in range(instructions):
                first = int.from_bytes(data[offset : offset + 2], "little")
                second = int.from_bytes(data[offset + 2 : offset + 4], "little")
                wide = first >= _FIRST_WIDE
                found.append((first, second) if wide else (first,))
                offset += 4 if wide else 2
                if offset > len(data):
                    return None
            return found
        return None

    def read(self, address: int, size_bytes: int) -> int | None:
        """Return a little-endian number at `address`, None outside the firmware."""
        for start, data in self.segments:
            offset = address - start
            if 0 <= offset <= len(data) - size_bytes:
                return int.from_bytes(data[offset : offset + size_bytes], "little")
        return None


@frozen
class Branch:
    """How an instruction leaves a straight run: `target` is None where a register says it.

    `falls_through` says whether the instruction behind it may be next, `returns` whether it is a
    call, which comes back there; `table` whether it is TBB or TBH.
    """

    target: int | None
    falls_through: bool = False
    returns: bool = False
    table: bool = False


def branch_of(address: int, halfwords: Halfwords, *, predicated: bool = False) -> Branch | None:
    """Return how the instruction at `address` branches, None if it does not.

    `predicated` says whether it lies in an IT block. What may write the program counter otherwise
    (ADD, MOV, LDM, LDR with it) counts as a branch whose target a register says.
    """
    found = _narrow(address, halfwords[0]) if len(halfwords) == 1 else _wide(address, *halfwords)
    if found is None or not predicated:
        return found
    return Branch(found.target, True, found.returns, found.table)


def _narrow(address: int, first: int) -> Branch | None:
    pc = address + 4
    if first & 0xF000 == 0xD000 and first & 0x0E00 != 0x0E00:  # B<c>
        return Branch(pc + 2 * _signed(first & 0xFF, 8), falls_through=True)
    if first & 0xF800 == 0xE000:  # B
        return Branch(pc + 2 * _signed(first & 0x7FF, 11))
    if first & 0xF500 == 0xB100:  # CBZ, CBNZ
        return Branch(pc + ((first >> 4 & 0x20 | first >> 3 & 0x1F) << 1), falls_through=True)
    if first & 0xFF80 == 0x4780:  # BLX
        return Branch(None, returns=True)
    to_pc = first & 0xFD87 == 0x4487  # ADD pc, MOV pc
    if first & 0xFF80 == 0x4700 or first & 0xFF00 == 0xBD00 or to_pc:  # BX, POP
        return Branch(None)
    return None


def _wide(address: int, first: int, second: int) -> Branch | None:
    pc = address + 4
    if first & 0xF800 == 0xF000 and second & 0x8000:
        sign = first >> 10 & 1
        if second & 0x5000 == 0 and first >> 6 & 0xE != 0xE:  # B<c>
            bits = sign << 19 | (second >> 11 & 1) << 18 | (second >> 13 & 1) << 17
            offset = _signed(bits | (first & 0x3F) << 11 | second & 0x7FF, 20)
            return Branch(pc + 2 * offset, falls_through=True)
        if second & 0x1000:  # B, BL
            bits = (
                sign << 23 | (~(second >> 13 ^ sign) & 1) << 22 | (~(second >> 11 ^ sign) & 1) << 21
            )
            offset = _signed(bits | (first & 0x3FF) << 11 | second & 0x7FF, 24)
            return Branch(pc + 2 * offset, returns=bool(second & 0x4000))
        return None  # MSR, hints, barriers
    table = first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000
    multiple = first & 0xFE50 == 0xE810 and bool(second & 0x8000)
    load = first & 0xFF70 == 0xF850 and second >= 0xF000
    return Branch(None, table=table) if table or multiple or load else None


def table_targets(code: Code, address: int, halfwords: Halfwords) -> frozenset[int]:
    """Return where a TBB or TBH at `address` may go; its table lies right behind it.

    A table does not say how long it is: it ends before the first of its targets at the latest.
    What lies between its end and that target is read as entries, too.
    """
    wide = halfwords[1] & 0x10 != 0
    base = address + 4
    found: set[int] = set()
    at, limit = base, base + 2 * 0xFFFF
    while at < limit and (entry := code.read(at, 2 if wide else 1)) is not None:
        found.add(base + 2 * entry)
        limit = min(limit, base + 2 * entry)
        at += 2 if wide else 1
    return frozenset(found)


def is_return(halfwords: Halfwords) -> bool:
    """Whether a branch takes its target from the link register or the stack.

    BX LR, POP, LDR PC, [SP]; meant for what branches without naming its target.
    """
    first = halfwords[0]
    return first == 0x4770 or first & 0xFF00 == 0xBD00 or first in (0xE8BD, 0xF85D)


def it_length(halfwords: Halfwords) -> int:
    """Return how many instructions an IT makes conditional, 0 for any other instruction."""
    mask = halfwords[0] & 0xF
    if len(halfwords) == 2 or halfwords[0] & 0xFF00 != 0xBF00 or not mask:
        return 0
    return 4 - (mask & -mask).bit_length() + 1


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def read_code(image: FirmwareImage) -> Code:
    """Return the code of a linked firmware."""
    return Code(image.segments)
