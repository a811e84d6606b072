"""A 32-bit general-purpose timer of F4 and F7 that counts up: TIM2 or TIM5.

Facts: RM0090 18.4, RM0385 23.4. Its time is the clock's: while the core executes it advances with
the instructions. The prescaler is loaded at an update, as on the chip.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.chips.chip import Gate
from qrig.backends.virtual.chips.uarts import APB1ENR
from qrig.backends.virtual.peripherals.bus import WORD, Bus, Peripheral
from qrig.backends.virtual.peripherals.nvic import Nvic

_BASES = {2: 0x4000_0000, 5: 0x4000_0C00}
_GATES = {2: Gate(APB1ENR, 0), 5: Gate(APB1ENR, 3)}
_INTERRUPTS = {2: 28, 5: 50}
_CR1, _DIER, _SR, _EGR, _CNT, _PSC, _ARR, _CCR1 = 0x00, 0x0C, 0x10, 0x14, 0x24, 0x28, 0x2C, 0x34
_CHANNELS = 4
_CEN, _URS, _OPM = 1 << 0, 1 << 2, 1 << 3
_UPDATE = 1


class Timer(Peripheral):
    """Timer 2 or 5; `now_s` is the time, `clock_hz` asks for the timer's clock."""

    def __init__(
        self,
        bus: Bus,
        number: int,
        nvic: Nvic,
        now_s: Callable[[], float],
        clock_hz: Callable[[], int],
    ) -> None:
        """Put the registers on the bus and the interrupt on the controller."""
        resets = dict.fromkeys(range(0, 0x54, 4), 0) | {_ARR: WORD}
        super().__init__(bus, _BASES[number], resets)
        self.gate = _GATES[number]
        self._interrupt = _INTERRUPTS[number]
        self._nvic = nvic
        self._now_s = now_s
        self._clock_hz = clock_hz
        self._prescaler = 0
        self._since_s = 0.0
        self._base = 0
        self.on_read(_CNT, self._count)
        self.on_write(_CNT, self._set_count)
        self.on_write(_CR1, self._write_control)
        self.on_write(_EGR, self._generate)
        self.on_read(_EGR, lambda: 0)
        self.on_read(_SR, self._read_status)
        self.on_write(_SR, self._clear_status)
        self.on_write(_DIER, self._write_enables)
        nvic.connect(self._interrupt, lambda: bool(self[_SR] & self[_DIER] & 0x1F))

    def reset(self) -> None:
        """Stop, at zero."""
        super().reset()
        self._prescaler = 0
        self._base = 0

    def until_event_s(self) -> float | None:
        """Return the seconds to the next flag that may interrupt, None if there is none."""
        if not self[_CR1] & _CEN or not self[_DIER] & 0x1F:
            return None
        self._advance()
        count, past = self[_CNT], self[_ARR] + 1
        goals = [past] if self[_DIER] & _UPDATE else []
        for channel in range(_CHANNELS):
            if self[_DIER] >> 1 + channel & 1:
                goal = self[_CCR1 + 4 * channel]
                goals.append(goal if goal > count else goal + past)
        return (min(goals) - count) / self._tick_hz

    def update(self) -> None:
        """Set the flags of what the time has brought."""
        self._advance()
        self._nvic.update(self._interrupt)

    @property
    def _tick_hz(self) -> float:
        return self._clock_hz() / (self._prescaler + 1)

    def _advance(self) -> None:
        """Bring the count up to now, with the flags of all that it passes."""
        if not self[_CR1] & _CEN:
            return
        elapsed = int((self._now_s() - self._since_s) * self._tick_hz)
        before, past = self[_CNT], self[_ARR] + 1
        ticks = elapsed - self._base
        if ticks <= 0:
            return
        self._base = elapsed
        after = before + ticks
        for channel in range(_CHANNELS):
            goal = self[_CCR1 + 4 * channel]
            if before < goal <= after or before < goal + past <= after:
                self[_SR] |= 2 << channel
        if after >= past:
            self[_SR] |= _UPDATE
            if self[_CR1] & _OPM:
                self[_CR1] &= ~_CEN
        self[_CNT] = after % past

    def _restart(self) -> None:
        self._since_s = self._now_s()
        self._base = 0

    def _count(self) -> int:
        self._advance()
        return self[_CNT]

    def _set_count(self, value: int) -> None:
        self._advance()
        self[_CNT] = value

    def _write_control(self, value: int) -> None:
        self._advance()
        if value & ~self[_CR1] & _CEN:
            self._restart()
        self[_CR1] = value

    def _generate(self, value: int) -> None:
        self._advance()
        if value & _UPDATE:
            self._prescaler = self[_PSC] & 0xFFFF
            self[_CNT] = 0
            self._restart()
            if not self[_CR1] & _URS:
                self[_SR] |= _UPDATE
        self[_SR] |= value & 0x1E
        self._nvic.update(self._interrupt)

    def _read_status(self) -> int:
        self._advance()
        return self[_SR]

    def _clear_status(self, value: int) -> None:
        self._advance()
        self[_SR] &= value

    def _write_enables(self, value: int) -> None:
        self._advance()
        self[_DIER] = value
        self._nvic.update(self._interrupt)
