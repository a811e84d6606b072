"""The option bytes of a chip that decide what may be done to its flash.

Register facts: FLASH_OPTCR and FLASH_OPTCR1 of F4 and F7 (RM0090 3.9.10, RM0385 3.7.6, RM0410
3.7.6), FLASH_OPTR and FLASH_WRPxyR of L4 (RM0432 3.7.8 and 3.7.11 to 3.7.14), FLASH_OPTSR_CUR and
FLASH_WPSN_CURxR of H7 (RM0433 4.9.8 and 4.9.15).
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

_OPTCR, _OPTCR1 = 0x4002_3C14, 0x4002_3C18
_OPTR = 0x4002_2020
_WRP_AREAS = (0x4002_202C, 0x4002_2030, 0x4002_204C, 0x4002_2050)
_OPTSR, _WPSN1, _WPSN2 = 0x5200_201C, 0x5200_2038, 0x5200_2138
_SINGLE_BANK = 1 << 29  # OPTCR.nDBANK
_F76X, _F42X = 0x451, 0x419

Read = Callable[[int], int]
"""Reads a word of the chip."""


@frozen
class OptionBytes:
    """Protections of the flash: the level of read protection, and what is closed to writes.

    `is_divided` says that a flash which can be one bank or two is two.
    """

    level: int
    closed: tuple[str, ...]
    is_divided: bool = False

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        closed = ", ".join(self.closed) or "none"
        return f"the option bytes say RDP level {self.level}, write-protected: {closed}"


def read_option_bytes(family: str, device_id: int, read: Read) -> OptionBytes:
    """Read the option bytes of a chip of `family` by `read`."""
    return _READERS[family](device_id, read)


def _read_f4(device_id: int, read: Read) -> OptionBytes:
    control = read(_OPTCR)
    closed = _low_bits(control >> 16, 12)
    if device_id == _F42X:
        closed += tuple(12 + number for number in _low_bits(read(_OPTCR1) >> 16, 12))
    return OptionBytes(_level(control >> 8), _sectors(closed))


def _read_f7(device_id: int, read: Read) -> OptionBytes:
    control = read(_OPTCR)
    is_f76x = device_id == _F76X
    closed = _sectors(_low_bits(control >> 16, 12 if is_f76x else 8))
    divided = is_f76x and not control & _SINGLE_BANK
    return OptionBytes(_level(control >> 8), closed, divided)


def _read_l4(_device_id: int, read: Read) -> OptionBytes:
    closed = []
    for index, address in enumerate(_WRP_AREAS):
        area = read(address)
        first, last = area & 0xFF, area >> 16 & 0xFF
        if first <= last:
            closed.append(f"pages {first} to {last} of bank {1 + index // 2}")
    return OptionBytes(_level(read(_OPTR)), tuple(closed))


def _read_h7(_device_id: int, read: Read) -> OptionBytes:
    closed = _low_bits(read(_WPSN1), 8) + tuple(8 + n for n in _low_bits(read(_WPSN2), 8))
    return OptionBytes(_level(read(_OPTSR) >> 8), _sectors(closed))


_READERS: dict[str, Callable[[int, Read], OptionBytes]] = {
    "f4": _read_f4,
    "f7": _read_f7,
    "l4": _read_l4,
    "h7": _read_h7,
}


def _level(byte: int) -> int:
    return {0xAA: 0, 0xCC: 2}.get(byte & 0xFF, 1)


def _low_bits(bits: int, count: int) -> tuple[int, ...]:
    """Return the numbers of the bits that are zero: a zero protects."""
    return tuple(number for number in range(count) if not bits >> number & 1)


def _sectors(numbers: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"sector {number}" for number in numbers)
