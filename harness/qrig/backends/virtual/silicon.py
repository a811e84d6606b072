"""The peripherals of a virtual microcontroller, connected to each other."""

from __future__ import annotations

import mmap

from qrig.backends.virtual.chips.chip import DmaRequest, UartPlace, VirtualChip
from qrig.backends.virtual.clock import Clock
from qrig.backends.virtual.core.core import Core
from qrig.backends.virtual.core.engine import Engine, NoMemoryError
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral
from qrig.backends.virtual.peripherals.dbgmcu import DebugMcu
from qrig.backends.virtual.peripherals.debug_control import DebugControl
from qrig.backends.virtual.peripherals.dma import Dma
from qrig.backends.virtual.peripherals.dwt import Dwt
from qrig.backends.virtual.peripherals.flash import Flash
from qrig.backends.virtual.peripherals.gpio import PORTS, Gpio
from qrig.backends.virtual.peripherals.nvic import Nvic
from qrig.backends.virtual.peripherals.pwr import GATE as PWR_GATE
from qrig.backends.virtual.peripherals.pwr import Pwr
from qrig.backends.virtual.peripherals.rcc import HSI_HZ, Rcc
from qrig.backends.virtual.peripherals.rom_table import place_rom_table
from qrig.backends.virtual.peripherals.scs import SystemControl
from qrig.backends.virtual.peripherals.timer import Timer
from qrig.backends.virtual.peripherals.usart import Usart
from qrig.backends.virtual.peripherals.usart_v1 import UsartV1
from qrig.backends.virtual.peripherals.usart_v2 import UsartV2

_USARTS = {"f4": UsartV1, "f7": UsartV2}
_TIMERS = (2, 5)


class Silicon:
    """All peripherals of a chip, and its core."""

    def __init__(
        self, chip: VirtualChip, flash: mmap.mmap, hse_hz: int | None, faults: Faults
    ) -> None:
        """Make and connect them; nothing is reset yet."""
        self._chip = chip
        self.bus = Bus()
        self.engine = Engine(chip.core)
        self.nvic = Nvic(self.bus, chip.interrupts)
        self.system = SystemControl(self.bus, chip)
        self.core = Core(self.engine, self.system, self.nvic)
        self.clock = Clock(lambda: self.core.counter.completed, HSI_HZ)
        self.debug = DebugControl(self.bus, self.core)
        self.debug_mcu = DebugMcu(self.bus, chip.idcode)
        self.flash = Flash(self.bus, chip, flash, faults, self._note_new_code)
        self.rcc = Rcc(self.bus, chip, None if faults.no_hse else hse_hz)
        self.pwr = Pwr(self.bus)
        self.ports = {name: Gpio(self.bus, name) for name in PORTS}
        self.dma = {number: self._make_dma(number) for number in (1, 2)}
        self.uarts = {name: self._make_uart(place) for name, place in chip.uarts.items()}
        self.timers = tuple(self._make_timer(number) for number in _TIMERS)
        self.dwt = Dwt(self.bus, has_lock=chip.core == "m7", is_broken=faults.no_cycle_counter)
        place_rom_table(self.bus, chip.core)
        self._connect()

    def reset(self) -> None:
        """Give all peripherals their reset values; debug components keep theirs."""
        self.rcc.reset()  # first: it takes their clocks from the others
        for peripheral in self._resettable():
            peripheral.reset()
        self.nvic.reset()

    def until_event_s(self) -> float | None:
        """Return the seconds to the next interrupt of a timer, None if none will come."""
        times = [timer.until_event_s() for timer in self.timers]
        return min((time for time in times if time is not None), default=None)

    def _resettable(self) -> tuple[Peripheral, ...]:
        return (
            self.system,
            self.flash,
            self.pwr,
            *self.ports.values(),
            *self.dma.values(),
            *self.uarts.values(),
            *self.timers,
        )

    def _connect(self) -> None:
        rcc, core, dwt = self.rcc, self.core, self.dwt
        rcc.on_clock = self._set_clock
        rcc.wait_states = lambda: self.flash.wait_states
        rcc.has_overdrive = lambda: self.pwr.has_overdrive
        rcc.gate(self.pwr, PWR_GATE)
        for port in self.ports.values():
            rcc.gate(port, port.gate)
        for controller in self.dma.values():
            rcc.gate(controller, controller.gate)
            controller.on_enable = self._offer
        for timer in self.timers:
            rcc.gate(timer, timer.gate)
        for uart in self.uarts.values():
            rcc.gate(uart, uart.place.gate)
        core.on_repeat = dwt.take_back
        dwt.is_on = lambda: self.debug.traces
        dwt.executed = core.executed
        self.debug.on_trace = lambda is_on: dwt.switch_trace(core.counter.completed, is_on=is_on)

    def _set_clock(self, core_hz: int) -> None:
        self.clock.core_hz = core_hz
        for uart in self.uarts.values():
            uart.update()

    def _make_dma(self, number: int) -> Dma:
        return Dma(self.bus, number, self.nvic, self._read_for_dma, self._write_for_dma)

    def _make_uart(self, place: UartPlace) -> Usart:
        make = _USARTS[self._chip.family]
        return make(self.bus, place, self.nvic, self.dma, self.rcc.uart_hz)

    def _make_timer(self, number: int) -> Timer:
        return Timer(self.bus, number, self.nvic, self.clock.now_s, lambda: self.rcc.timer_hz(1))

    def _offer(self, request: DmaRequest) -> None:
        """Tell whoever transmits by this request that a stream waits."""
        for uart in self.uarts.values():
            uart.give(request)

    def _note_new_code(self) -> None:
        self.core.has_new_code = True

    def _has_dma(self, address: int, size: int) -> bool:
        return any(
            ram.has_dma and ram.origin <= address and address + size <= ram.origin + ram.size_bytes
            for ram in self._chip.rams
        )

    def _write_for_dma(self, address: int, data: bytes) -> None:
        if not self._has_dma(address, len(data)):
            raise NoMemoryError(address)
        self.engine.write(address, data)

    def _read_for_dma(self, address: int, size: int) -> bytes:
        in_flash = 0x0800_0000 <= address < 0x0800_0000 + self._chip.flash_bytes
        if not in_flash and not self._has_dma(address, size):
            raise NoMemoryError(address)
        return self.engine.read(address, size)
