"""The USART of F4. Facts: RM0090 30.6.

Errors and IDLE are cleared by reading SR and then DR.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qrig.backends.virtual.chips.chip import UartPlace
from qrig.backends.virtual.peripherals.bus import Bus
from qrig.backends.virtual.peripherals.dma import Dma
from qrig.backends.virtual.peripherals.nvic import Nvic
from qrig.backends.virtual.peripherals.usart import EMPTY, RXNE, SENT, Layout, Usart

_SR, _DR = 0x00, 0x04
_LAYOUT = Layout(control1=0x0C, control3=0x14, divider=0x08, enable=1 << 13)
_BY_SEQUENCE = 0x1F  # PE, FE, NF, ORE, IDLE


class UsartV1(Usart):
    """A USART with SR and DR."""

    def __init__(
        self,
        bus: Bus,
        place: UartPlace,
        nvic: Nvic,
        controllers: Mapping[int, Dma],
        clock_hz: Callable[[UartPlace], int],
    ) -> None:
        """Put the registers on the bus."""
        super().__init__(bus, place, _LAYOUT, nvic, controllers, clock_hz)
        self._seen = 0
        self.on_read(_SR, self._read_status)
        self.on_write(_SR, self._clear)
        self.on_read(_DR, self._read_data)
        self.on_write(_DR, self._send_byte)

    def _divider(self, value: int, *, oversampled: bool) -> float:
        return 8 * (value >> 4) + (value & 7) if oversampled else value

    def _read_status(self) -> int:
        self._seen = self._flags & _BY_SEQUENCE
        return self._flags

    def _clear(self, value: int) -> None:
        """Clear RXNE where a zero is written; TC stays, for nothing is being sent."""
        self._flags = self._flags & (value | ~RXNE) | SENT | EMPTY

    def _read_data(self) -> int:
        self._flags &= ~self._seen
        self._seen = 0
        return self._take()
