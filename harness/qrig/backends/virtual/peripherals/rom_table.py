"""The table of debug components that a debugger walks, and the components' identities.

Facts: Arm IHI 0031 (ADIv5), part D; Arm DDI 0403 (ARMv7-M), C1.2. No comparator for breakpoints or
watchpoints is there: FPB and DWT say so.
"""

from __future__ import annotations

from qrig.backends.virtual.peripherals.bus import Bus

BASE = 0xE00F_F000
_ARM = 0x43B
_COMPONENTS = ((0xE000_E000, 0x00C), (0xE000_1000, 0x002), (0xE000_2000, 0x003))
_TABLE_PART = {"m4": 0x4C4, "m7": 0x4C7}
_TABLE, _GENERIC = 1, 0xE
_MEMTYPE = 0xFCC
_FP_CTRL = 0xE000_2000


def place_rom_table(bus: Bus, core: str) -> None:
    """Put the table and the identities on the bus, read-only."""
    words = _identity(BASE, _TABLE, _TABLE_PART[core])
    words[BASE + _MEMTYPE] = 1  # system memory is on this bus
    words[_FP_CTRL] = 0
    for index, (base, part) in enumerate(_COMPONENTS):
        words[BASE + 4 * index] = base - BASE & 0xFFFF_F000 | 3
        words |= _identity(base, _GENERIC, part)
    bus.words.update(words)
    bus.writers.update(dict.fromkeys(words, _ignore))


def _ignore(_value: int) -> None:
    """Do nothing with what is written."""


def _identity(base: int, kind: int, part: int) -> dict[int, int]:
    """Return the peripheral and component identification registers of a component of Arm's."""
    peripheral = 4 << 32 | (_ARM & 0x7F) << 12 | 1 << 19 | part
    component = 0xB105_000D | kind << 12
    found = {}
    for index in range(4):
        found[base + 0xFE0 + 4 * index] = peripheral >> 8 * index & 0xFF
        found[base + 0xFD0 + 4 * index] = peripheral >> 32 + 8 * index & 0xFF
        found[base + 0xFF0 + 4 * index] = component >> 8 * index & 0xFF
    return found
