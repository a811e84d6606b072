"""STM32F746 and STM32F767.

Facts: RM0385 sections 2, 3, 5.3, 40.6 and 41, RM0410 sections 2, 3, 5.3, 44.6 and 45.
"""

from __future__ import annotations

from qrig.backends.virtual.chips.chip import ClockLimits, Ram, VirtualChip, sectors_of
from qrig.backends.virtual.chips.uarts import EIGHT

_INSTRUCTIONS = Ram(0, 0x4000, has_dma=False)
_SYSTEM = Ram(0x1FF0_0000, 0x1_0000, has_dma=False)
_LIMITS = ClockLimits(216_000_000, 54_000_000, 108_000_000, 30_000_000, 180_000_000)
_ITCM_FLASH = 0x0020_0000

STM32F746 = VirtualChip(
    name="stm32f746",
    family="f7",
    core="m7",
    idcode=0x1001_6449,
    unique_id_address=0x1FF0_F420,
    flash_size_address=0x1FF0_F442,
    sectors=sectors_of((0x8000, 4), (0x2_0000, 1), (0x4_0000, 3)),
    rams=(Ram(0x2000_0000, 0x5_0000), _INSTRUCTIONS),
    system_memory=_SYSTEM,
    aliases=(_ITCM_FLASH,),
    boot=_ITCM_FLASH,
    option_control=(0xC0FF_AAFD, 0x0040_0080),
    protected_sectors=8,
    second_bank=None,
    limits=_LIMITS,
    uarts=EIGHT,
    interrupts=98,
    source="ST RM0385",
)
"""1 MB of flash in 8 sectors, 320 KB of RAM whose first 64 KB are tightly coupled."""

STM32F767 = VirtualChip(
    name="stm32f767",
    family="f7",
    core="m7",
    idcode=0x2001_6451,
    unique_id_address=0x1FF0_F420,
    flash_size_address=0x1FF0_F442,
    sectors=sectors_of((0x8000, 4), (0x2_0000, 1), (0x4_0000, 7)),
    rams=(Ram(0x2000_0000, 0x8_0000), _INSTRUCTIONS),
    system_memory=_SYSTEM,
    aliases=(_ITCM_FLASH,),
    boot=_ITCM_FLASH,
    option_control=(0xFFFF_AAFD, 0x0040_0080),
    protected_sectors=12,
    second_bank=None,
    limits=_LIMITS,
    uarts=EIGHT,
    interrupts=110,
    source="ST RM0410, flash in one bank (nDBANK set)",
)
"""2 MB of flash in 12 sectors, 512 KB of RAM whose first 128 KB are tightly coupled."""
