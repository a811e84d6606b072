"""The USART of F7. Facts: RM0385 31.8. Flags are cleared by writing ones to ICR."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qrig.backends.virtual.chips.chip import UartPlace
from qrig.backends.virtual.peripherals.bus import Bus
from qrig.backends.virtual.peripherals.dma import Dma
from qrig.backends.virtual.peripherals.nvic import Nvic
from qrig.backends.virtual.peripherals.usart import RXNE, Layout, Usart

_RQR, _ISR, _ICR, _RDR, _TDR = 0x18, 0x1C, 0x20, 0x24, 0x28
_LAYOUT = Layout(control1=0x00, control3=0x08, divider=0x0C, enable=1 << 0)
_CLEARED = 0x1F  # PE, FE, NF, ORE, IDLE
_FLUSH = 1 << 3  # RXFRQ
_ENABLED_RECEIVER, _ENABLED_SENDER = 1 << 22, 1 << 21  # REACK, TEACK


class UsartV2(Usart):
    """A USART with ISR, ICR, RDR and TDR."""

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
        self.on_read(_ISR, self._read_status)
        self.on_write(_ISR, lambda value: None)
        self.on_write(_ICR, self._clear)
        self.on_read(_ICR, lambda: 0)
        self.on_write(_RQR, self._request)
        self.on_read(_RDR, self._take)
        self.on_write(_TDR, self._send_byte)

    def _divider(self, value: int, *, oversampled: bool) -> float:
        return (value & ~0xF | (value & 7) << 1) / 2 if oversampled else value

    def _read_status(self) -> int:
        enabled = _ENABLED_RECEIVER * self.can_receive | _ENABLED_SENDER * self.can_send
        return self._flags | enabled

    def _clear(self, value: int) -> None:
        self._flags &= ~(value & _CLEARED)  # TC stays: nothing is being sent

    def _request(self, value: int) -> None:
        if value & _FLUSH:
            self._flags &= ~RXNE
