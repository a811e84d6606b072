"""What a debugger stops, inspects and continues a core with.

Facts: Arm DDI 0403 (ARMv7-M), C1.6. A system reset leaves these registers as they are.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.core.core import HALTED, Core
from qrig.backends.virtual.core.registers import read_register, write_register
from qrig.backends.virtual.peripherals.bus import Bus

_DHCSR, _DCRSR, _DCRDR, _DEMCR = 0xE000_EDF0, 0xE000_EDF4, 0xE000_EDF8, 0xE000_EDFC
_KEY = 0xA05F
_DEBUGEN, _HALT, _STEP = 1 << 0, 1 << 1, 1 << 2
_S_REGRDY, _S_HALT, _S_SLEEP, _S_LOCKUP = 1 << 16, 1 << 17, 1 << 18, 1 << 19
_S_RETIRE, _S_RESET = 1 << 24, 1 << 25
_CATCH_RESET, _CATCH_HARD_FAULT, _TRCENA = 1 << 0, 1 << 10, 1 << 24
_WRITE = 1 << 16

POLLED = _DHCSR
"""The register that tells a debugger whether the core has stopped."""


class DebugControl:
    """The registers DHCSR, DCRSR, DCRDR and DEMCR; `on_trace(is_on)` hears of TRCENA."""

    def __init__(self, bus: Bus, core: Core) -> None:
        """Put the registers on the bus."""
        self._bus = bus
        self._core = core
        self._control = 0
        self._monitor = 0
        self._data = 0
        self._was_reset = True
        self.on_trace: Callable[[bool], None] = lambda is_on: None
        core.debugs = lambda: bool(self._control & _DEBUGEN)
        core.catches = lambda: core.debugs() and bool(self._monitor & _CATCH_HARD_FAULT)
        bus.readers |= {
            _DHCSR: self._read_status,
            _DCRSR: lambda: 0,
            _DCRDR: lambda: self._data,
            _DEMCR: lambda: self._monitor,
        }
        bus.writers |= {
            _DHCSR: self._write_control,
            _DCRSR: self._transfer,
            _DCRDR: self._write_data,
            _DEMCR: self._write_monitor,
        }

    def power_up(self) -> None:
        """Forget all: the chip had no power."""
        self._control = self._monitor = self._data = 0

    def note_reset(self) -> bool:
        """Note that the core was reset; returns whether the debugger wants it stopped there."""
        self._was_reset = True
        return bool(self._control & _DEBUGEN and self._monitor & _CATCH_RESET)

    @property
    def traces(self) -> bool:
        """Whether trace and the cycle counter are on (TRCENA)."""
        return bool(self._monitor & _TRCENA)

    def _read_status(self) -> int:
        core = self._core
        value = self._control | _S_REGRDY | _S_RETIRE * core.is_running
        value |= (_S_HALT | _HALT) * core.is_halted | _S_SLEEP * core.is_asleep
        value |= _S_LOCKUP * core.is_locked
        if self._was_reset:
            value |= _S_RESET
            self._was_reset = not self._bus.by_debugger
        return value

    def _write_control(self, value: int) -> None:
        if value >> 16 != _KEY or not self._bus.by_debugger:
            return
        core = self._core
        self._control = value & (_DEBUGEN | 0xC)
        if not value & _DEBUGEN:
            if core.is_halted:
                core.resume()
        elif value & _HALT:
            if not core.is_halted:
                core.halt(HALTED)
        elif core.is_halted:
            if value & _STEP:
                core.step()
            else:
                core.resume()

    def _transfer(self, value: int) -> None:
        if not self._core.is_halted:
            return
        number = value & 0x7F
        if value & _WRITE:
            write_register(self._core.engine, number, self._data)
        else:
            current = self._core.exceptions.current
            self._data = read_register(self._core.engine, number, current)

    def _write_data(self, value: int) -> None:
        self._data = value

    def _write_monitor(self, value: int) -> None:
        was_on = self.traces
        self._monitor = value
        if self.traces != was_on:
            self.on_trace(self.traces)
