"""The USART of F7. Facts: RM0385 31.8. Flags are cleared by writing ones to ICR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from qrig.backends.virtual.chips.chip import UartPlace
from qrig.backends.virtual.peripherals.bus import Bus
from qrig.backends.virtual.peripherals.dma import Dma
from qrig.backends.virtual.peripherals.nvic import Nvic
from qrig.backends.virtual.peripherals.usart import RXNE, Usart

_CR1, _CR2, _CR3, _BRR, _RQR, _ISR, _ICR, _RDR, _TDR = (
    0x00,
    0x04,
    0x08,
    0x0C,
    0x18,
    0x1C,
    0x20,
    0x24,
    0x28,
)
_UE, _RE, _TE, _OVER8 = 1 << 0, 1 << 2, 1 << 3, 1 << 15
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
        resets = dict.fromkeys((_CR1, _CR2, _CR3, _BRR, 0x10, 0x14), 0)
        super().__init__(bus, place, resets, nvic, controllers, clock_hz)
        self.on_read(_ISR, self._read_status)
        self.on_write(_ISR, lambda value: None)
        self.on_write(_ICR, self._clear)
        self.on_read(_ICR, lambda: 0)
        self.on_write(_RQR, self._request)
        self.on_read(_RDR, self._take)
        self.on_write(_TDR, lambda value: self._send(bytes((value & 0xFF,))))

        for offset in (_CR1, _CR3):
            self.on_write(offset, partial(self._configure, offset))

    @property
    def _divider(self) -> float:
        value = self[_BRR] & 0xFFFF
        if self[_CR1] & _OVER8:
            return (value & ~0xF | (value & 7) << 1) / 2
        return value

    @property
    def _controls(self) -> tuple[int, int]:
        return self[_CR1], self[_CR3]

    @property
    def can_receive(self) -> bool:
        """Whether UE and RE are set."""
        return self[_CR1] & (_UE | _RE) == _UE | _RE

    @property
    def can_send(self) -> bool:
        """Whether UE and TE are set."""
        return self[_CR1] & (_UE | _TE) == _UE | _TE

    def _read_status(self) -> int:
        enabled = _ENABLED_RECEIVER * self.can_receive | _ENABLED_SENDER * self.can_send
        return self._flags | enabled

    def _clear(self, value: int) -> None:
        self._flags &= ~(value & _CLEARED)  # TC stays: nothing is being sent

    def _request(self, value: int) -> None:
        if value & _FLUSH:
            self._flags &= ~RXNE
