"""What the USARTs of F4 and F7 have in common; their registers differ.

A byte that is sent has left at once. Received bytes go to DMA if it is asked for, else into the
data register, which holds one. Facts: RM0090 30.3 and 30.6, RM0385 31.5 and 31.8.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol

from qrig.backends.virtual.chips.chip import DmaRequest, UartPlace
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral
from qrig.backends.virtual.peripherals.dma import Dma
from qrig.backends.virtual.peripherals.nvic import Nvic

FRAMING, NOISE, OVERRUN, IDLE, RXNE, TC, TXE = (
    1 << 1,
    1 << 2,
    1 << 3,
    1 << 4,
    1 << 5,
    1 << 6,
    1 << 7,
)
"""Flags, at the same places in SR (F4) and ISR (F7)."""

_ERRORS = FRAMING | NOISE | OVERRUN
_DMAR, _DMAT = 1 << 6, 1 << 7


class Wire(Protocol):
    """What a USART is connected to."""

    def send(self, data: bytes, baud: float) -> None:
        """Take bytes that were sent at `baud`."""


class Usart(Peripheral):
    """A USART; `clock_hz` asks for its clock, `wire` is None where nothing is connected."""

    def __init__(
        self,
        bus: Bus,
        place: UartPlace,
        resets: Mapping[int, int],
        nvic: Nvic,
        controllers: Mapping[int, Dma],
        clock_hz: Callable[[UartPlace], int],
    ) -> None:
        """Put the registers on the bus and the interrupt on the controller."""
        super().__init__(bus, place.base, resets)
        self.place = place
        self.wire: Wire | None = None
        self._nvic = nvic
        self._dma = controllers
        self._clock_hz = clock_hz
        self._flags = TC | TXE
        self._data = 0
        nvic.connect(place.interrupt, self._is_high)

    def reset(self) -> None:
        """Switch it off; nothing is received, nothing is being sent."""
        super().reset()
        self._flags = TC | TXE
        self._data = 0

    @property
    def baud(self) -> float:
        """The speed in bits per second, 0 if the divider is nonsense."""
        divider = self._divider
        return self._clock_hz(self.place) / divider if divider >= 1 else 0.0

    @property
    @abstractmethod
    def _divider(self) -> float:
        """By how much the clock is divided for one bit."""

    @property
    @abstractmethod
    def _controls(self) -> tuple[int, int]:
        """CR1 and CR3 in the order of bits that both versions have: see the subclasses."""

    @property
    @abstractmethod
    def can_receive(self) -> bool:
        """Whether it is enabled and its receiver too."""

    @property
    @abstractmethod
    def can_send(self) -> bool:
        """Whether it is enabled and its transmitter too."""

    @property
    def takes_bursts(self) -> bool:
        """Whether received bytes go to DMA, so that several may come at once."""
        return bool(self._controls[1] & _DMAR)

    def receive(self, data: bytes, framing_errors: int = 0) -> None:
        """Take bytes from the line, which is idle behind them."""
        if not self.can_receive or not data:
            return
        if framing_errors:
            self._raise(FRAMING | NOISE)
        if self.takes_bursts:
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
        if self._controls[1] & _DMAT and request in self.place.transmit:
            data = self._dma[request.controller].drain(request)
            if data:
                self._send(data)

    def _configure(self, offset: int, value: int) -> None:
        """Store a control register: what it enables may be there already."""
        self[offset] = value
        for request in self.place.transmit:
            self.give(request)
        self._nvic.update(self.place.interrupt)

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
        """Whether a flag is set that may interrupt (CR1: IDLEIE, RXNEIE, TCIE, TXEIE; CR3: EIE)."""
        control1, control3 = self._controls
        enabled = control1 & (IDLE | RXNE | TC | TXE)  # the enables have the places of the flags
        if control1 & RXNE:
            enabled |= OVERRUN
        if control3 & 1:
            enabled |= _ERRORS
        return bool(self._flags & enabled)
