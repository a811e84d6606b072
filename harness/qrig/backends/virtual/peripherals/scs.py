"""System control of an ARMv7-M core: identity, vectors, resets, fault status, caches.

Facts: Arm DDI 0403 (ARMv7-M), B3.2 and B4; Arm DDI 0439 (M4) and DDI 0489 (M7) for identities.
Caches hold nothing here: their maintenance registers accept whatever is written.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.chips.chip import VirtualChip
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral

BASE = 0xE000_E000
ICTR, CPUID, ICSR, VTOR, AIRCR, SCR, CCR = 0x004, 0xD00, 0xD04, 0xD08, 0xD0C, 0xD10, 0xD14
SHCSR, CFSR, HFSR, DFSR, MMFAR, BFAR = 0xD24, 0xD28, 0xD2C, 0xD30, 0xD34, 0xD38
_CLIDR, _CTR, _CCSIDR, _CSSELR, _CPACR, _MPU_TYPE = 0xD78, 0xD7C, 0xD80, 0xD84, 0xD88, 0xD90
_FPCCR, _FPCAR, _FPDSCR, _MVFR = 0xF34, 0xF38, 0xF3C, (0xF40, 0xF44, 0xF48)

_KEY, _KEY_READ = 0x05FA, 0xFA05_0000
_RESET_REQUEST, _RESET_CORE = 1 << 2, 1 << 0
_DIV_0_TRP = 1 << 4
_ALIGN_STACK = 1 << 9
_IDENTITIES = {"m4": 0x410F_C241, "m7": 0x411F_C270}
_FEATURES = {"m4": (0x1011_0021, 0x1100_0011, 0), "m7": (0x1011_0221, 0x1200_0011, 0x40)}
_CACHES = {"stm32f746": (0xF003_E019, 0xF007_E009), "stm32f767": (0xF00F_E019, 0xF01F_E009)}
_CACHE_TYPES = {"m4": (0, 0x8000_C000), "m7": (0x0900_0003, 0x8303_C003)}


class SystemControl(Peripheral):
    """The registers; `on_reset` is called when the firmware or a debugger asks for a reset.

    `on_trap_divisions` is called when divisions by zero become faults.
    """

    def __init__(self, bus: Bus, chip: VirtualChip) -> None:
        """Put the registers on the bus."""
        core = chip.core
        resets = dict.fromkeys((ICSR, AIRCR, SCR, SHCSR, CFSR, HFSR, _CSSELR, _CPACR, _FPCAR), 0)
        resets |= {VTOR: chip.boot, CCR: _ALIGN_STACK, _FPCCR: 0xC000_0000, _FPDSCR: 0}
        super().__init__(bus, BASE, resets)
        self._caches = _CACHES.get(chip.name, (0, 0))
        self.on_reset: Callable[[], None] = lambda: None
        self.on_trap_divisions: Callable[[], None] = lambda: None
        levels, line = _CACHE_TYPES[core]
        constants = {
            ICTR: (chip.interrupts + 31) // 32 - 1,
            CPUID: _IDENTITIES[core],
            _CLIDR: levels,
            _CTR: line,
            _MPU_TYPE: 0x800,
        } | dict(zip(_MVFR, _FEATURES[core], strict=True))
        for offset, value in constants.items():
            self[offset] = value
            self.on_write(offset, lambda value: None)
        self.on_read(_CCSIDR, lambda: self._caches[self[_CSSELR] & 1])
        self.on_read(AIRCR, lambda: _KEY_READ | self[AIRCR])
        self.on_write(AIRCR, self._write_reset_control)
        self.on_write(CCR, self._write_configuration)
        for offset in (CFSR, HFSR, DFSR):
            self.on_write(offset, self._clearing(offset))
        self[DFSR] = 0

    @property
    def traps_divisions(self) -> bool:
        """Whether a division by zero is a fault (CCR.DIV_0_TRP)."""
        return bool(self[CCR] & _DIV_0_TRP)

    def _write_reset_control(self, value: int) -> None:
        if value >> 16 != _KEY:
            return
        self[AIRCR] = value & 0x700
        if value & (_RESET_REQUEST | _RESET_CORE):
            self.on_reset()

    def _write_configuration(self, value: int) -> None:
        traps = value & ~self[CCR] & _DIV_0_TRP
        self[CCR] = value
        if traps:
            self.on_trap_divisions()

    def _clearing(self, offset: int) -> Callable[[int], None]:
        def write(value: int) -> None:
            self[offset] &= ~value

        return write
