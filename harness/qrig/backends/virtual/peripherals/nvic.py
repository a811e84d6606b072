"""The interrupt controller: which interrupts are pending and enabled. None is ever taken here.

Facts: Arm DDI 0403 (ARMv7-M), B3.4. An interrupt line that stays high makes its interrupt pending
again as soon as it is cleared.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.peripherals.bus import WORD, Bus

_ISER, _ICER, _ISPR, _ICPR = 0xE000_E100, 0xE000_E180, 0xE000_E200, 0xE000_E280


class Nvic:
    """Pending and enabled interrupts; `lines` says which interrupt lines are high."""

    def __init__(self, bus: Bus, interrupts: int) -> None:
        """Put the registers on the bus."""
        self._lines: dict[int, Callable[[], bool]] = {}
        self._enabled = self._pending = 0
        for index in range((interrupts + 31) // 32):
            self._place(bus, index)

    def connect(self, interrupt: int, line: Callable[[], bool]) -> None:
        """Have `line` say whether an interrupt's line is high."""
        self._lines[interrupt] = line

    def reset(self) -> None:
        """Disable and clear all."""
        self._enabled = self._pending = 0

    def update(self, interrupt: int) -> None:
        """Look at an interrupt's line: it may have become high."""
        if self._lines[interrupt]():
            self._pending |= 1 << interrupt

    @property
    def has_wakeup(self) -> bool:
        """Whether an enabled interrupt is pending, which ends a sleep."""
        return bool(self._enabled & self._pending)

    @property
    def enabled(self) -> int:
        """The enabled interrupts, a bit each."""
        return self._enabled

    def _place(self, bus: Bus, index: int) -> None:
        shift = 32 * index

        def enable(value: int) -> None:
            self._enabled |= value << shift

        def disable(value: int) -> None:
            self._enabled &= ~(value << shift)

        def pend(value: int) -> None:
            self._pending |= value << shift

        def clear(value: int) -> None:
            self._pending &= ~(value << shift)
            for interrupt in self._lines:
                if value << shift >> interrupt & 1:
                    self.update(interrupt)

        offset = 4 * index
        for address, writer in (
            (_ISER, enable),
            (_ICER, disable),
            (_ISPR, pend),
            (_ICPR, clear),
        ):
            bus.writers[address + offset] = writer
        for address in (_ISER, _ICER):
            bus.readers[address + offset] = lambda: self._enabled >> shift & WORD
        for address in (_ISPR, _ICPR):
            bus.readers[address + offset] = lambda: self._pending >> shift & WORD
