"""The memories of a virtual microcontroller, as core and debugger see them."""

from __future__ import annotations

import mmap
import random

from qrig.backends.virtual.chips.chip import FLASH_ORIGIN, VirtualChip
from qrig.backends.virtual.core.engine import Engine
from qrig.backends.virtual.peripherals.bus import Bus

REGISTERS = ((0x4000_0000, 0x8_0000), (0x5000_0000, 0x6_1000), (0xE000_0000, 0x10_0000))
"""Where registers are: peripherals on APB and AHB1, on AHB2, and the core's own."""


def map_memories(
    engine: Engine, bus: Bus, chip: VirtualChip, flash: mmap.mmap, unique_id: str
) -> None:
    """Give the core its memories: flash, RAM, system memory, registers."""
    for origin in (FLASH_ORIGIN, *chip.aliases):
        engine.map_shared(origin, flash, chip.flash_bytes)
    for ram in chip.rams:
        engine.map_ram(ram.origin, ram.size_bytes)
    engine.map_rom(chip.system_memory.origin, _system_memory(chip, unique_id))
    for origin, size_bytes in REGISTERS:
        engine.map_registers(origin, size_bytes, bus.reader_at(origin), bus.writer_at(origin))


def fill_rams(engine: Engine, chip: VirtualChip, unique_id: str) -> None:
    """Have RAM hold what it may after power-up: anything, the same for the same board."""
    noise = random.Random(unique_id)  # noqa: S311  # no secret
    for ram in chip.rams:
        engine.write(ram.origin, noise.randbytes(ram.size_bytes))


def is_register(address: int) -> bool:
    """Whether a register lies at an address."""
    return any(origin <= address < origin + size for origin, size in REGISTERS)


def _system_memory(chip: VirtualChip, unique_id: str) -> bytes:
    """Return the boot loader's memory: the chip's number, the size of its flash, and nothing."""
    content = bytearray(b"\xff" * chip.system_memory.size_bytes)
    number = b"".join(
        int(unique_id[index : index + 8], 16).to_bytes(4, "little") for index in (0, 8, 16)
    )
    size = (chip.flash_bytes >> 10).to_bytes(2, "little")
    for address, data in ((chip.unique_id_address, number), (chip.flash_size_address, size)):
        offset = address - chip.system_memory.origin
        content[offset : offset + len(data)] = data
    return bytes(content)
