"""What the USARTs of F4 and F7 have in common; their registers differ.

A byte that is sent has left at once. Received bytes go to DMA if it is asked for, else into the
data register, which holds one. Facts: RM0090 30.3 and 30.6, RM0385 31.5 and 31.8.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from attrs import frozen

from qrig.backends.virtual.chips.chip import DmaRequest, UartPlace
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral
from qrig.backends.virtual.peripherals.dma import Dma
from qrig.backends.virtual.peripherals.nvic import Nvic

FRAMING, NOISE, OVERRUN, IDLE, RXNE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
SENT, EMPTY = 1 << 6, 1 << 7
"""Flags, at the same places in SR (F4) and ISR (F7): TC and TXE are called SENT and EMPTY here."""

_ERRORS = FRAMING | NOISE | OVERRUN
_RE, _TE, _OVER8 = 1 << 2, 1 << 3, 1 << 15  # CR1
_EIE, _DMAR, _DMAT = 1 << 0, 1 << 6, 1 << 7  # CR3


class Wire(Protocol):
    """What a USART is connected to."""

    def send(self, data: bytes, baud: float) -> None:
        """Take bytes that were sent at `baud`."""


@frozen
class Layout:
    """Offsets of a version's registers that configure it, and the bit of CR1 that enables it."""

    control1: int
    control3: int
    divider: int
    enable: int


class Usart(Peripheral):
    """A USART; `clock_hz` asks for its clock, `wire` is None where nothing is connected.

    `baud` is its speed in bits per second, 0 if the divider is nonsense.
    """

    def __init__(
        self,
        bus: Bus,
        place: UartPlace,
        layout: Layout,
        nvic: Nvic,
        controllers: Mapping[int, Dma],
        clock_hz: Callable[[UartPlace], int],
    ) -> None:
        """Put the registers on the bus and the interrupt on the controller."""
        super().__init__(bus, place.base, dict.fromkeys(range(0, 0x18, 4), 0))
        self.place = place
        self.wire: Wire | None = None
        self._layout = layout
        self._nvic = nvic
        self._dma = controllers
        self._clock_hz = clock_hz
        self._flags = SENT | EMPTY
        self._data = 0
        self.baud = 0.0
        self.can_receive = self.can_send = False
        nvic.connect(place.interrupt, self._is_high)
        for offset in (layout.control1, layout.control3, layout.divider):
            self.on_write(offset, partial(self._configure, offset))

    def reset(self) -> None:
        """Switch it off; nothing is received, nothing is being sent."""
        super().reset()
        self._flags = SENT | EMPTY
        self._data = 0
        self.update()

    def update(self) -> None:
        """Look at the configuration: it, or the clock, has changed."""
        layout = self._layout
        control1 = self[layout.control1]
        is_on = bool(control1 & layout.enable)
        self.can_receive = is_on and bool(control1 & _RE)
        self.can_send = is_on and bool(control1 & _TE)
        divider = self._divider(self[layout.divider] & 0xFFFF, oversampled=bool(control1 & _OVER8))
        self.baud = self._clock_hz(self.place) / divider if divider >= 1 else 0.0

    @property
    def burst_bytes(self) -> int:
        """How many bytes may come at once: a small part of the buffer that DMA writes, or one."""
        if not self[self._layout.control3] & _DMAR:
            return 1
        sizes = [self._dma[request.controller].size(request) for request in self.place.receive]
        return max(*sizes, 8) // 8

    def receive(self, data: bytes, framing_errors: int = 0) -> None:
        """Take bytes from the line, which is idle behind them."""
        if not self.can_receive or not data:
            return
        if framing_errors:
            self._raise(FRAMING | NOISE)
        if self[self._layout.control3] & _DMAR:
            for request in self.place.receive:
                data = self._dma[request.controller].feed(request, data)
        for byte in data:
            if self._flags & RXNE:
                self._raise(OVERRUN)
                break
            self._data = byte
            self._raise(RXNE)
        self._raise(IDLE)

    def give(self, request: DmaRequest) -> None:
        """Send what a stream has for this transmitter, if it wants it."""
        if self[self._layout.control3] & _DMAT and request in self.place.transmit:
            data = self._dma[request.controller].drain(request)
            if data:
                self._send(data)

    @abstractmethod
    def _divider(self, value: int, *, oversampled: bool) -> float:
        """Return by how much BRR divides the clock; `oversampled` by 8 in place of 16."""

    def _configure(self, offset: int, value: int) -> None:
        """Store a control register: what it enables may be there already."""
        self[offset] = value
        self.update()
        for request in self.place.transmit:
            self.give(request)
        self._nvic.update(self.place.interrupt)

    def _send_byte(self, value: int) -> None:
        if self.can_send and self.wire is not None:
            self.wire.send(bytes((value & 0xFF,)), self.baud)

    def _send(self, data: bytes) -> None:
        if self.can_send and self.wire is not None:
            self.wire.send(data, self.baud)

    def _take(self) -> int:
        """Return the received byte, as a read of the data register does."""
        self._flags &= ~RXNE
        return self._data

    def _raise(self, flags: int) -> None:
        self._flags |= flags
        self._nvic.update(self.place.interrupt)

    def _is_high(self) -> bool:
        """Whether a flag is set that may interrupt; the enables in CR1 have the flags' places."""
        control1 = self[self._layout.control1]
        enabled = control1 & (IDLE | RXNE | SENT | EMPTY)
        if control1 & RXNE:
            enabled |= OVERRUN
        if self[self._layout.control3] & _EIE:
            enabled |= _ERRORS
        return bool(self._flags & enabled)
