"""The USART of F4. Facts: RM0090 30.6.

Errors and IDLE are cleared by reading SR and then DR.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from qrig.backends.virtual.chips.chip import UartPlace
from qrig.backends.virtual.peripherals.bus import Bus
from qrig.backends.virtual.peripherals.dma import Dma
from qrig.backends.virtual.peripherals.nvic import Nvic
from qrig.backends.virtual.peripherals.usart import RXNE, TC, TXE, Usart

_SR, _DR, _BRR, _CR1, _CR2, _CR3, _GTPR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18
_RE, _TE, _UE, _OVER8 = 1 << 2, 1 << 3, 1 << 13, 1 << 15
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
        resets = dict.fromkeys((_BRR, _CR1, _CR2, _CR3, _GTPR), 0)
        super().__init__(bus, place, resets, nvic, controllers, clock_hz)
        self._seen = 0
        self.on_read(_SR, self._read_status)
        self.on_write(_SR, self._clear)
        self.on_read(_DR, self._read_data)
        self.on_write(_DR, lambda value: self._send(bytes((value & 0xFF,))))

        for offset in (_CR1, _CR3):
            self.on_write(offset, partial(self._configure, offset))

    @property
    def _divider(self) -> float:
        value = self[_BRR]
        if self[_CR1] & _OVER8:
            return 8 * (value >> 4) + (value & 7)
        return value & 0xFFFF

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
        self._seen = self._flags & _BY_SEQUENCE
        return self._flags

    def _clear(self, value: int) -> None:
        """Clear RXNE and TC where zeros are written; TC stays, for nothing is being sent."""
        self._flags = self._flags & (value | ~RXNE) | TC | TXE

    def _read_data(self) -> int:
        self._flags &= ~self._seen
        self._seen = 0
        return self._take()
