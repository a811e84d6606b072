"""A GPIO port: registers that keep what is written, and outputs that can be watched.

Facts: RM0090 8.4, RM0385 6.4.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.chips.chip import Gate
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral

_BASE, _STEP = 0x4002_0000, 0x400
_MODER, _OSPEEDR, _PUPDR, _IDR, _ODR, _BSRR = 0x00, 0x08, 0x0C, 0x10, 0x14, 0x18
_OUTPUT, _ALTERNATE = 1, 2
_RESETS = {"A": (0xA800_0000, 0x0C00_0000, 0x6400_0000), "B": (0x0000_0280, 0x0000_00C0, 0x100)}
PORTS = "ABCDEFGHIJK"
"""The names of ports."""


class Gpio(Peripheral):
    """Port `name` ("A" to "K")."""

    def __init__(self, bus: Bus, name: str) -> None:
        """Put the registers on the bus."""
        modes, speeds, pulls = _RESETS.get(name, (0, 0, 0))
        offsets = dict.fromkeys(range(0, 0x28, 4), 0)
        resets = offsets | {_MODER: modes, _OSPEEDR: speeds, _PUPDR: pulls}
        super().__init__(bus, _BASE + _STEP * PORTS.index(name), resets)
        self.gate = Gate(0x30, PORTS.index(name))
        self._watched: dict[int, Callable[[bool], None]] = {}
        self.on_read(_IDR, lambda: self[_ODR])
        self.on_read(_BSRR, lambda: 0)
        self.on_write(_BSRR, lambda value: self._set(self[_ODR] & ~(value >> 16) | value & 0xFFFF))
        self.on_write(_ODR, self._set)

    def watch(self, pin: int, on_edge: Callable[[bool], None]) -> None:
        """Have `on_edge` told the new level of an output pin whenever it changes."""
        self._watched[pin] = on_edge

    def function(self, pin: int) -> int | None:
        """Return the alternate function that drives a pin, None if none does."""
        if self[_MODER] >> 2 * pin & 3 != _ALTERNATE:
            return None
        return self[0x20 + 4 * (pin >> 3)] >> 4 * (pin & 7) & 0xF

    def _set(self, levels: int) -> None:
        changed = (self[_ODR] ^ levels) & 0xFFFF
        self[_ODR] = levels & 0xFFFF
        for pin, on_edge in self._watched.items():
            if changed >> pin & 1 and self[_MODER] >> 2 * pin & 3 == _OUTPUT:
                on_edge(bool(levels >> pin & 1))
