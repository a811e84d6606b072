"""The cycle counter of the data watchpoint and trace unit.

Facts: Arm DDI 0403 (ARMv7-M), C1.8; on the M7 the core's writes need the lock opened (Arm DDI 0489,
DWT_LAR). It counts executed instructions, exactly, while TRCENA and CYCCNTENA are set.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.peripherals.bus import WORD, Bus, Peripheral

BASE = 0xE000_1000
_CTRL, _CYCCNT, _LAR, _LSR = 0x000, 0x004, 0xFB0, 0xFB4
_KEY = 0xC5AC_CE55
_ENABLE = 1


class Dwt(Peripheral):
    """The counter; `is_on` says whether TRCENA is set.

    `executed` returns the exact count of instructions. If it has to have the instruction that asks
    executed again for that, `take_back` is called before.
    """

    def __init__(self, bus: Bus, *, has_lock: bool, is_broken: bool) -> None:
        """Put the registers on the bus; a broken counter stands still."""
        super().__init__(bus, BASE, {_CTRL: 0})
        self._has_lock = has_lock
        self._is_broken = is_broken
        self._is_locked = has_lock
        self._base = 0
        self._stopped_at = 0
        self._before = (0, 0, 0)
        self.executed: Callable[[], int] = lambda: 0
        self.is_on: Callable[[], bool] = lambda: True
        self.on_read(_CTRL, lambda: self[_CTRL] if self.is_on() else 0)
        self.on_write(_CTRL, self._write_control)
        self.on_read(_CYCCNT, self._read_count)
        self.on_write(_CYCCNT, self._write_count)
        self.on_write(_LAR, self._write_lock)
        self.on_read(_LAR, lambda: 0)
        self.on_read(_LSR, lambda: self._has_lock * (1 | self._is_locked << 1))

    def reset(self) -> None:
        """Stop the counter and lock it, as power-up does."""
        super().reset()
        self._is_locked = self._has_lock
        self._stopped_at = 0

    def take_back(self) -> None:
        """Undo the last access: the instruction that did it is executed again."""
        self._base, self._stopped_at, self[_CTRL] = self._before

    def switch_trace(self, executed: int, *, is_on: bool) -> None:
        """Stop the count, or go on, now that TRCENA has changed."""
        if self[_CTRL] & _ENABLE and not self._is_broken:
            self._keep(executed, is_counting=is_on)

    @property
    def _is_counting(self) -> bool:
        return self.is_on() and bool(self[_CTRL] & _ENABLE) and not self._is_broken

    def _remember(self) -> None:
        self._before = (self._base, self._stopped_at, self[_CTRL])

    def _may_write(self) -> bool:
        self._remember()
        return self.is_on() and (self._bus.by_debugger or not self._is_locked)

    def _keep(self, executed: int, *, is_counting: bool) -> None:
        """Go on from the same count after being switched on or off."""
        if is_counting:
            self._base = executed - self._stopped_at
        else:
            self._stopped_at = executed - self._base & WORD

    def _read_count(self) -> int:
        if not self.is_on():
            return 0
        self._remember()
        return self.executed() - self._base & WORD if self._is_counting else self._stopped_at

    def _write_count(self, value: int) -> None:
        if self._may_write() and not self._is_broken:
            self._stopped_at = value
            if self._is_counting:
                self._base = self.executed() - value

    def _write_control(self, value: int) -> None:
        if not self._may_write():
            return
        change = (value ^ self[_CTRL]) & _ENABLE
        self[_CTRL] = value & _ENABLE
        if change and not self._is_broken:
            self._keep(self.executed(), is_counting=bool(value & _ENABLE))

    def _write_lock(self, value: int) -> None:
        if self._has_lock:
            self._is_locked = value != _KEY
