"""What a virtual microcontroller is made of."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

FLASH_ORIGIN = 0x0800_0000
"""Where the flash of every STM32 begins."""


@frozen
class Sector:
    """What is erased at once: its number (SNB), where it begins in flash, and its size."""

    number: int
    offset: int
    size_bytes: int


@frozen
class Ram:
    """A memory that keeps nothing; `has_dma` says whether DMA controllers reach it."""

    origin: int
    size_bytes: int
    has_dma: bool = True


@frozen
class DmaRequest:
    """Where a peripheral's request arrives: controller (1 or 2), stream and channel."""

    controller: int
    stream: int
    channel: int


@frozen
class Gate:
    """The bit that gives a peripheral its clock: offset of the register in RCC, and bit."""

    register: int
    bit: int


@frozen
class UartPlace:
    """A USART: address, interrupt, clock gate, bus (1 or 2), and where its requests arrive.

    `selector` is the lowest bit of its clock selector in DCKCFGR2 (F7).
    """

    base: int
    interrupt: int
    gate: Gate
    bus: int
    receive: tuple[DmaRequest, ...]
    transmit: tuple[DmaRequest, ...]
    selector: int = 0


@frozen
class ClockLimits:
    """What a supply of 2.7 to 3.6 V allows, in Hz.

    A flash access needs one wait state more for every `flash_step_hz`. Above `overdrive_hz` the
    core needs over-drive (None: there is none).
    """

    core_hz: int
    bus1_hz: int
    bus2_hz: int
    flash_step_hz: int
    overdrive_hz: int | None


@frozen
class VirtualChip:
    """A microcontroller; `source` says where the figures come from.

    `idcode` is DBGMCU_IDCODE. `aliases` are further addresses of flash, `boot` is the one that the
    core starts at. `option_control` are the values of OPTCR and OPTCR1 as delivered.
    """

    name: str
    family: str
    core: str
    idcode: int
    unique_id_address: int
    flash_size_address: int
    sectors: tuple[Sector, ...] = field(repr=False)
    rams: tuple[Ram, ...] = field(repr=False)
    system_memory: Ram
    aliases: tuple[int, ...]
    boot: int
    option_control: tuple[int, int]
    protected_sectors: int
    second_bank: int | None
    limits: ClockLimits
    uarts: Mapping[str, UartPlace] = field(repr=False)
    interrupts: int
    source: str

    @property
    def flash_bytes(self) -> int:
        """The size of all sectors together."""
        return sum(sector.size_bytes for sector in self.sectors)


def sectors_of(*runs: tuple[int, int], bank: int = 0, offset: int = 0) -> tuple[Sector, ...]:
    """Return sectors from pairs of size and count; the second bank's numbers begin at 16."""
    found: list[Sector] = []
    for size_bytes, count in runs:
        for _ in range(count):
            found.append(Sector(16 * bank + len(found), offset, size_bytes))
            offset += size_bytes
    return tuple(found)
