"""DBGMCU: the chip's identity, and what stays on while it is debugged.

Facts: RM0090 38.6 and 38.16, RM0385 40.6 and 40.16. Only loss of power resets it.
"""

from __future__ import annotations

from qrig.backends.virtual.peripherals.bus import Bus, Peripheral

BASE = 0xE004_2000
_IDCODE, _CR, _APB1_FZ, _APB2_FZ = 0x00, 0x04, 0x08, 0x0C


class DebugMcu(Peripheral):
    """The identity, and registers that keep what is written."""

    def __init__(self, bus: Bus, idcode: int) -> None:
        """Put the registers on the bus."""
        super().__init__(bus, BASE, dict.fromkeys((_CR, _APB1_FZ, _APB2_FZ), 0))
        self.on_read(_IDCODE, lambda: idcode)
        self.on_write(_IDCODE, lambda value: None)
        self.reset()
