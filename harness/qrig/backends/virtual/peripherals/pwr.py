"""The power controller of F4 and F7: voltage scaling and over-drive, ready as soon as asked for.

Facts: RM0090 5.4 and 5.5, RM0385 and RM0410 4.4; control and status lie at the same places.
"""

from __future__ import annotations

from qrig.backends.virtual.chips.chip import Gate
from qrig.backends.virtual.chips.uarts import APB1ENR
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral

BASE = 0x4000_7000
GATE = Gate(APB1ENR, 28)
_CR, _CSR = 0x00, 0x04
_SCALE_READY = 1 << 14
_OVERDRIVE = 1 << 16 | 1 << 17  # ODEN and ODSWEN; ODRDY and ODSWRDY have the same places in CSR


class Pwr(Peripheral):
    """The power controller."""

    def __init__(self, bus: Bus) -> None:
        """Put the registers on the bus."""
        super().__init__(bus, BASE, {_CR: 0xC000, _CSR: 0})
        self.on_read(_CSR, self._read_status)
        self.on_write(_CR, self._write_control)

    @property
    def has_overdrive(self) -> bool:
        """Whether the regulator is in over-drive mode."""
        return self[_CR] & _OVERDRIVE == _OVERDRIVE

    def _write_control(self, value: int) -> None:
        if value & _OVERDRIVE == _OVERDRIVE and not self[_CR] & 1 << 16:
            value &= ~(1 << 17)  # switching needs the regulator enabled before
        self[_CR] = value

    def _read_status(self) -> int:
        return self[_CSR] & ~(_OVERDRIVE | _SCALE_READY) | _SCALE_READY | self[_CR] & _OVERDRIVE
