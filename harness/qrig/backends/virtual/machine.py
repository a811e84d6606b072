"""A virtual board: a microcontroller with something at its pins, a reset line, and its faults."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from typing import Protocol

from qrig.backends.virtual.chips import find_chip
from qrig.backends.virtual.chips.chip import FLASH_ORIGIN
from qrig.backends.virtual.core.core import CAUGHT
from qrig.backends.virtual.core.counter import NEVER
from qrig.backends.virtual.core.engine import WRITE, NoMemoryError
from qrig.backends.virtual.memories import fill_rams, is_register, map_memories
from qrig.backends.virtual.peripherals.gpio import Gpio
from qrig.backends.virtual.peripherals.rcc import PIN, POWER, SOFTWARE
from qrig.backends.virtual.setup import Setup
from qrig.backends.virtual.silicon import Silicon

_CORE_SPACE = 0xE000_0000
_FIRST_UARTS = ("usart1", "usart2", "usart3")
_SEND_INSTRUCTIONS = 3000  # after which a sent byte is on its way at the latest
_HANG_DEPTH = 2000  # instructions from the marker's edge to where an inference hangs


class Port(Protocol):
    """What a board's USART is connected to."""

    def send(self, data: bytes, baud: float) -> None:
        """Take bytes that were sent at `baud`."""

    def flush(self) -> None:
        """Pass on what was taken."""


class Machine:
    """A board that runs; `chip` has its peripherals and its core."""

    def __init__(self, setup: Setup, flash: mmap.mmap, port: Port) -> None:
        """Build it with `port` at its USART, and switch it on."""
        description = find_chip(setup.chip)
        if description is None:
            raise ValueError(setup.chip)
        self.description = description
        self._flash_bytes = description.flash_bytes
        self._flash_end = FLASH_ORIGIN + self._flash_bytes
        self._faults = setup.faults
        self._unique_id = setup.unique_id
        self.chip = chip = Silicon(description, flash, setup.hse_hz, setup.faults)
        map_memories(chip.engine, chip.bus, description, flash, setup.unique_id)
        chip.engine.on_bad_access(self._handle_bad_access)
        chip.system.on_reset = lambda: chip.core.later(lambda: self.reset(SOFTWARE))
        chip.system.on_trap_divisions = lambda: chip.core.later(self._trap_divisions)
        chip.rcc.on_trouble = self._break_down
        chip.core.on_alarm = self._handle_alarm
        chip.core.hangs_in_ram = setup.faults.algorithm_hangs
        self.uart = chip.uarts[setup.uart]
        function = 7 if setup.uart in _FIRST_UARTS else 8
        self._receiver = _Pin(chip.ports[setup.rx[1]], int(setup.rx[2:]), function)
        sender = _Pin(chip.ports[setup.tx[1]], int(setup.tx[2:]), function)
        self.uart.wire = _Lead(sender, port, lambda: chip.core.pause(_SEND_INSTRUCTIONS))
        chip.core.on_slice = self._end_slice
        self._port = port
        if setup.marker is not None:
            chip.ports[setup.marker[1]].watch(int(setup.marker[2:]), self._note_marker)
        self._inferences = 0
        self._is_held = False
        self._power_dip = setup.faults.power_dip or NEVER
        self.power_up()

    def power_up(self) -> None:
        """Start as after power has come; what was in RAM is lost."""
        fill_rams(self.chip.engine, self.description, self._unique_id)
        self.chip.rcc.power_up()
        self.chip.debug.power_up()
        self.chip.dwt.reset()
        self.chip.debug_mcu.reset()
        self.chip.flash.debugger_seen = False
        self.reset(POWER)

    def reset(self, flags: int) -> None:
        """Start over, with these reset flags; stop there if a debugger wants that."""
        core = self.chip.core
        self.chip.reset()
        self.chip.rcc.note_reset(flags)
        core.reset(self.description.boot)
        core.is_halted = False
        if self.chip.debug.note_reset():
            core.halt(CAUGHT)
        self._reset_s = self.chip.clock.now_s()
        self._set_alarm(NEVER)

    def hold_reset(self, *, held: bool) -> None:
        """Pull the reset pin, or let it go: then the chip starts."""
        if self._is_held and not held:
            self.reset(PIN)
        self._is_held = held

    @property
    def is_running(self) -> bool:
        """Whether the core would execute instructions."""
        return self.chip.core.is_running and not self._is_held

    def until_event_s(self) -> float | None:
        """Do what is due; return the seconds to what comes next by itself, None for nothing."""
        for timer in self.chip.timers:
            timer.update()
        self.chip.core.wake()
        times = [self.chip.until_event_s()]
        if self._faults.hang_after_s is not None and not self.chip.core.is_stuck:
            left = self._reset_s + self._faults.hang_after_s - self.chip.clock.now_s()
            if left <= 0:
                self.chip.core.is_stuck = True
            else:
                times.append(left)
        return min((time for time in times if time is not None), default=None)

    def receive(self, data: bytes, framing_errors: int = 0) -> None:
        """Take bytes that come over the port; lost unless the pin is the USART's."""
        if self._receiver.is_connected and not self._is_held:
            self.uart.receive(data, framing_errors)

    def read(self, address: int, size: int, count: int) -> bytes:
        """Do a debugger's read of `count` units of `size` bytes; raises NoMemoryError."""
        self._check_reach(address)
        if not is_register(address):
            return self.chip.engine.read(address, size * count)
        bus = self.chip.bus
        bus.by_debugger = True
        try:
            parts = [bus.read_part(address + size * index, size) for index in range(count)]
        finally:
            bus.by_debugger = False
        return b"".join(part.to_bytes(size, "little") for part in parts)

    def write(self, address: int, size: int, data: bytes) -> None:
        """Do a debugger's write in units of `size` bytes; raises NoMemoryError."""
        self._check_reach(address)
        is_flash = self._is_flash(address)
        if not is_flash and not is_register(address):
            self.chip.engine.write(address, data)
            return
        bus = self.chip.bus
        bus.by_debugger = True
        try:
            for offset in range(0, len(data), size):
                value = int.from_bytes(data[offset : offset + size], "little")
                if is_flash:
                    self.chip.flash.store(address + offset, size, value)
                else:
                    bus.write_part(address + offset, size, value)
        finally:
            bus.by_debugger = False

    def _is_flash(self, address: int) -> bool:
        return FLASH_ORIGIN <= address < self._flash_end

    def _check_reach(self, address: int) -> None:
        """Raise NoMemoryError for what a debugger cannot reach now."""
        self.chip.flash.debugger_seen = True
        if self._is_held and address < _CORE_SPACE:
            raise NoMemoryError(address)
        if self.chip.flash.is_hidden and (
            self._is_flash(address)
            or any(0 <= address - alias < self._flash_bytes for alias in self.description.aliases)
        ):
            raise NoMemoryError(address)

    def _end_slice(self) -> None:
        self.chip.flash.settle()
        self._port.flush()

    def _handle_bad_access(self, kind: str, address: int, size: int, value: int) -> bool:
        if kind == WRITE and self._is_flash(address):
            self.chip.flash.store(address, size, value)
            return True
        self.chip.core.note_bad_access(kind, address)
        return False

    def _trap_divisions(self) -> None:
        flash = self.chip.engine.read(FLASH_ORIGIN, self.description.flash_bytes)
        end = len(flash.rstrip(b"\xff"))
        for origin in (FLASH_ORIGIN, *self.description.aliases):
            self.chip.core.trap_divisions(origin, flash[:end])

    def _break_down(self, text: str) -> None:
        """Do what a chip does that is treated as it must not be: nothing more."""
        sys.stderr.write(f"the virtual board stopped: {text}\n")
        sys.stderr.flush()
        self.chip.core.later(self.chip.core.lock)

    def _note_marker(self, level: bool) -> None:
        if not level:
            return
        self._inferences += 1
        wanted = self._faults.hang_inference
        if wanted is not None and (
            self._inferences == wanted or (self._faults.hangs_again and self._inferences > wanted)
        ):
            self._set_alarm(self.chip.core.counter.total + _HANG_DEPTH)

    def _set_alarm(self, hang_at: int) -> None:
        """Have what is to happen after so many instructions happen."""
        self._hang_at = hang_at
        self.chip.core.set_alarm(min(hang_at, self._power_dip))

    def _handle_alarm(self) -> None:
        if self._power_dip <= self._hang_at:
            self._power_dip = NEVER
            self.power_up()
        else:
            self.chip.core.is_stuck = True


class _Pin:
    """A pin that a USART may drive."""

    def __init__(self, port: Gpio, number: int, function: int) -> None:
        self._port, self._number, self._function = port, number, function

    @property
    def is_connected(self) -> bool:
        """Whether the pin is the USART's."""
        return self._port.function(self._number) == self._function


class _Lead:
    """The way from a USART through its pin to the port."""

    def __init__(self, pin: _Pin, port: Port, on_send: Callable[[], None]) -> None:
        self._pin, self._port, self._on_send = pin, port, on_send

    def send(self, data: bytes, baud: float) -> None:
        """Pass bytes on if the pin is the USART's."""
        if self._pin.is_connected:
            self._port.send(data, baud)
            self._on_send()
