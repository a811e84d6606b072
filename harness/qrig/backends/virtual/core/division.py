"""Divisions by zero, which are faults when CCR.DIV_0_TRP asks for it; Unicorn returns zero.

All instructions that divide are found when that is asked for, and watched one by one: nothing else
is slower for it.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.core.engine import Engine
from qrig.backends.virtual.core.thumb import divisor_register, find_divisions
from qrig.backends.virtual.peripherals.scs import SystemControl


class DivisionTrap:
    """Calls `on_zero(address)` before a division by zero, and ends the run there."""

    def __init__(
        self, engine: Engine, system: SystemControl, on_zero: Callable[[int], None]
    ) -> None:
        """Watch nothing yet."""
        self._engine = engine
        self._system = system
        self._on_zero = on_zero
        self._watched: set[int] = set()

    def watch(self, origin: int, code: bytes) -> None:
        """Watch all that may divide in `code`, which begins at `origin`; see Engine.forget_code."""
        for offset in find_divisions(code):
            if origin + offset not in self._watched:
                self._watched.add(origin + offset)
                self._engine.on_instruction(origin + offset, self._check)

    def _check(self, _engine: int, address: int, _size: int, _data: int) -> None:
        if not self._system.traps_divisions:
            return
        number = divisor_register(self._engine.read(address, 4))
        if number is None:  # flash has other code now
            return
        if self._engine[f"r{number}" if number < 13 else "lr"] == 0:
            self._on_zero(address)
            self._engine.stop()
