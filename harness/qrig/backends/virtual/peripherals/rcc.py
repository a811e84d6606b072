"""Reset and clock control of F4 and F7: oscillators, PLL, bus clocks, reset flags, clock gates.

Facts: RM0090 sections 6 and 7, RM0385 and RM0410 section 5. Oscillators and the PLL are ready as
soon as they are on. A core clock that the flash, the regulator or a bus cannot stand would make a
real chip misbehave; here it stops the core, with a sentence that says why.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.chips.chip import Gate, UartPlace, VirtualChip
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral

BASE = 0x4002_3800
_CR, _PLLCFGR, _CFGR, _CIR = 0x00, 0x04, 0x08, 0x0C
_BDCR, _CSR, _DCKCFGR, _DCKCFGR2 = 0x70, 0x74, 0x8C, 0x90
_RESET_REGISTERS, _ENABLE_REGISTERS = (0x10, 0x14, 0x18, 0x20, 0x24), (0x30, 0x34, 0x38, 0x40, 0x44)
_RESETS = {
    _CR: 0x0000_0083,
    _PLLCFGR: 0x2400_3010,
    _CFGR: 0,
    _CIR: 0,
    0x30: 0x0010_0000,
    _DCKCFGR: 0,
    _DCKCFGR2: 0,
} | dict.fromkeys((*_RESET_REGISTERS, 0x34, 0x38, 0x40, 0x44), 0)
_HSE_READY, _PLL_READY = 1 << 17, 1 << 25
_ON_BITS = (0, 16, 24, 26, 28)  # HSI, HSE, PLL, PLLI2S, PLLSAI; the bit behind says "ready"
_RMVF = 1 << 24
_FLAGS = 0xFE00_0000
POWER, PIN, SOFTWARE = 0x0E00_0000, 0x0400_0000, 0x1400_0000
"""Reset flags of RCC_CSR: power-on with brown-out and pin; pin; software with pin."""

HSI_HZ = 16_000_000
_LSE_HZ = 32_768


class Rcc(Peripheral):
    """The clock tree; `hse_hz` is None if there is no oscillator outside, or it is broken.

    `on_clock(hz)` is told the core's clock, `on_trouble(text)` that it cannot be. `wait_states`
    and `has_overdrive` ask the flash controller and the regulator.
    """

    def __init__(self, bus: Bus, chip: VirtualChip, hse_hz: int | None) -> None:
        """Put the registers on the bus."""
        super().__init__(bus, BASE, _RESETS)
        self._chip = chip
        self._hse_hz = hse_hz
        self._gates: dict[int, list[tuple[int, int]]] = {}
        self._resettable: dict[int, list[tuple[int, Peripheral]]] = {}
        self.on_clock: Callable[[int], None] = lambda hz: None
        self.on_trouble: Callable[[str], None] = lambda text: None
        self.wait_states: Callable[[], int] = lambda: 15
        self.has_overdrive: Callable[[], bool] = lambda: True
        for offset in (_CR, _PLLCFGR, _CFGR, _DCKCFGR, _DCKCFGR2):
            self.on_write(offset, self._configuring(offset))
        self.on_read(_BDCR, lambda: self[_BDCR] | (self[_BDCR] & 1) << 1)
        self.on_read(_CSR, lambda: self[_CSR] | (self[_CSR] & 1) << 1)
        self.on_write(_CSR, self._write_status)
        for offset in _ENABLE_REGISTERS:
            self.on_write(offset, self._enabling(offset))
        for offset in _RESET_REGISTERS:
            self.on_write(offset, self._resetting(offset))

    def gate(self, peripheral: Peripheral, gate: Gate) -> None:
        """Have `peripheral` need the clock of `gate`; the bit beside it in RSTR resets it."""
        self._gates.setdefault(gate.register, []).append((gate.bit, peripheral.base))
        reset = gate.register - 0x20
        self._resettable.setdefault(reset, []).append((gate.bit, peripheral))

    def reset(self) -> None:
        """Run from the internal oscillator, all gated clocks off; reset flags stay."""
        super().reset()
        for offset in _ENABLE_REGISTERS:
            self._apply_gates(offset)
        self.on_clock(self.core_hz)

    def power_up(self) -> None:
        """Forget all reset flags."""
        self[_CSR] = 0

    def note_reset(self, flags: int) -> None:
        """Add reset flags."""
        self[_CSR] |= flags

    @property
    def core_hz(self) -> int:
        """The clock of the core (HCLK)."""
        return self._system_hz >> _divider(self[_CFGR] >> 4 & 0xF)

    def bus_hz(self, number: int) -> int:
        """Return the clock of peripheral bus 1 or 2 (PCLK)."""
        return self.core_hz >> _bus_divider(self[_CFGR] >> (10 if number == 1 else 13) & 7)

    def timer_hz(self, number: int) -> int:
        """Return the clock of the timers on peripheral bus 1 or 2."""
        bus, core = self.bus_hz(number), self.core_hz
        if self[_DCKCFGR] >> 24 & 1:  # TIMPRE
            return core if core // bus <= 4 else 4 * bus
        return bus if bus == core else 2 * bus

    def uart_hz(self, place: UartPlace) -> int:
        """Return the clock of a USART."""
        choice = self[_DCKCFGR2] >> place.selector & 3 if self._chip.family == "f7" else 0
        if choice == 0:
            return self.bus_hz(place.bus)
        return (self._system_hz, HSI_HZ, _LSE_HZ)[choice - 1]

    @property
    def _system_hz(self) -> int:
        hse = self._hse_hz or HSI_HZ
        return (HSI_HZ, hse, self._pll_hz, HSI_HZ)[self[_CFGR] & 3]

    @property
    def _pll_hz(self) -> int:
        config = self[_PLLCFGR]
        source = (self._hse_hz or 0) if config >> 22 & 1 else HSI_HZ
        multiplied = source * (config >> 6 & 0x1FF) // max(config & 0x3F, 1)
        return max(multiplied // (2 * ((config >> 16 & 3) + 1)), 1)

    def _with_ready(self, control: int) -> int:
        """Return a value of CR with the "ready" bits of what is on in it."""
        for bit in _ON_BITS:
            control = control & ~(2 << bit) | (control >> bit & 1) << bit + 1
        if self._hse_hz is None:
            control &= ~_HSE_READY
            if self[_PLLCFGR] >> 22 & 1:
                control &= ~_PLL_READY
        return control

    def _configuring(self, offset: int) -> Callable[[int], None]:
        def write(value: int) -> None:
            if offset == _CFGR:
                value = value & ~0xC | (value & 3) << 2  # SWS follows SW at once
            self[offset] = value
            self[_CR] = self._with_ready(self[_CR])
            self.on_clock(self.core_hz)
            self._check()

        return write

    def _check(self) -> None:
        """Say what is wrong with the clock that the core has now."""
        limits, hz = self._chip.limits, self.core_hz
        needed = max(-(-hz // limits.flash_step_hz) - 1, 0)
        if hz > limits.core_hz:
            self.on_trouble(f"the core runs at {hz:,} Hz and stands {limits.core_hz:,} Hz")
        elif self.wait_states() < needed:
            self.on_trouble(
                f"flash needs {needed} wait states at {hz:,} Hz and has {self.wait_states()}"
            )
        elif hz > (limits.overdrive_hz or hz) and not self.has_overdrive():
            self.on_trouble(f"the regulator needs over-drive at {hz:,} Hz, and it is off")
        for number, limit in ((1, limits.bus1_hz), (2, limits.bus2_hz)):
            if self.bus_hz(number) > limit:
                self.on_trouble(
                    f"peripheral bus {number} runs at {self.bus_hz(number):,} Hz and stands "
                    f"{limit:,} Hz"
                )

    def _write_status(self, value: int) -> None:
        flags = 0 if value & _RMVF else self[_CSR] & _FLAGS
        self[_CSR] = flags | value & 1

    def _enabling(self, offset: int) -> Callable[[int], None]:
        def write(value: int) -> None:
            self[offset] = value
            self._apply_gates(offset)

        return write

    def _apply_gates(self, offset: int) -> None:
        for bit, base in self._gates.get(offset, ()):
            self._bus.set_clock(base, runs=bool(self[offset] >> bit & 1))

    def _resetting(self, offset: int) -> Callable[[int], None]:
        def write(value: int) -> None:
            for bit, peripheral in self._resettable.get(offset, ()):
                if value >> bit & 1:
                    peripheral.reset()
            self[offset] = value

        return write


def _divider(field: int) -> int:
    """Return the shift that HPRE stands for."""
    return (0, 1, 2, 3, 4, 6, 7, 8, 9)[max(field - 7, 0)]


def _bus_divider(field: int) -> int:
    """Return the shift that PPRE1 or PPRE2 stands for."""
    return max(field - 3, 0)
