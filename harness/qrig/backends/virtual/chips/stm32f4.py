"""STM32F407 and STM32F429.

Facts: RM0090 sections 2.3, 3.4, 3.5, 6.3, 38.6 and 39; data sheets DS8626 and DS9405.
"""

from __future__ import annotations

from qrig.backends.virtual.chips.chip import (
    ClockLimits,
    Ram,
    VirtualChip,
    sectors_of,
)
from qrig.backends.virtual.chips.uarts import EIGHT, SIX

_BANK = ((0x4000, 4), (0x1_0000, 1), (0x2_0000, 7))
_CORE_COUPLED = Ram(0x1000_0000, 0x1_0000, has_dma=False)
_SYSTEM = Ram(0x1FFF_0000, 0x8000, has_dma=False)

STM32F407 = VirtualChip(
    name="stm32f407",
    family="f4",
    core="m4",
    idcode=0x2003_6413,
    unique_id_address=0x1FFF_7A10,
    flash_size_address=0x1FFF_7A22,
    sectors=sectors_of(*_BANK),
    rams=(Ram(0x2000_0000, 0x2_0000), _CORE_COUPLED),
    system_memory=_SYSTEM,
    aliases=(0,),
    boot=0,
    option_control=(0x0FFF_AAED, 0),
    protected_sectors=12,
    second_bank=None,
    limits=ClockLimits(168_000_000, 42_000_000, 84_000_000, 30_000_000, None),
    uarts=SIX,
    interrupts=82,
    source="ST RM0090",
)
"""1 MB of flash in 12 sectors, 128 KB of RAM and 64 KB that only the core reaches."""

STM32F429 = VirtualChip(
    name="stm32f429",
    family="f4",
    core="m4",
    idcode=0x2001_6419,
    unique_id_address=0x1FFF_7A10,
    flash_size_address=0x1FFF_7A22,
    sectors=sectors_of(*_BANK) + sectors_of(*_BANK, bank=1, offset=0x10_0000),
    rams=(Ram(0x2000_0000, 0x3_0000), _CORE_COUPLED),
    system_memory=_SYSTEM,
    aliases=(0,),
    boot=0,
    option_control=(0x0FFF_AAED, 0x0FFF_0000),
    protected_sectors=12,
    second_bank=0x10_0000,
    limits=ClockLimits(180_000_000, 45_000_000, 90_000_000, 30_000_000, 168_000_000),
    uarts=EIGHT,
    interrupts=91,
    source="ST RM0090",
)
"""2 MB of flash in two banks of 12 sectors, 192 KB of RAM and 64 KB that only the core reaches."""
