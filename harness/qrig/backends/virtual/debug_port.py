"""The debug port and the memory access port of a virtual chip, as registers.

Facts: Arm IHI 0031 (ADIv5), B2.2 (DP registers) and C2.6 (MEM-AP registers).
"""

from __future__ import annotations

from qrig.backends.virtual.peripherals.rom_table import BASE as ROM_TABLE
from qrig.backends.virtual.wire import Wire

_DP_IDS = {"m4": 0x2BA0_1477, "m7": 0x5BA0_2477}
_AP_IDS = {"m4": 0x2477_0011, "m7": 0x7477_0001}
_CSW, _TAR, _DRW, _BANKED, _CFG, _BASE, _IDR = 0x00, 0x04, 0x0C, 0x10, 0xF4, 0xF8, 0xFC
_IDENTITY, _CONTROL, _SELECT, _BUFFER = 0x0, 0x4, 0x8, 0xC
_POWER_REQUESTS = 1 << 28 | 1 << 30
_CSW_FIXED = 0x2300_0040  # DeviceEn, and access as a debugger
_CSW_WRITABLE = 0xFF00_0FB7 & ~0x40
_WRAP = 0x3FF  # the address counts up within 1 KB


class DebugPort:
    """Registers in front of a chip with a core "m4" or "m7"."""

    def __init__(self, wire: Wire, core: str) -> None:
        """Be as after power-up."""
        self._wire = wire
        self._core = core
        self._control = self._select = self._buffer = 0
        self._csw = 2
        self._address = 0

    def read_dp(self, address: int) -> int:
        """Return a register of the debug port; raises pyOCD's errors."""
        self._wire.tick()
        register, bank = address & 0xC, self._select & 0xF
        if register == _IDENTITY:
            return _DP_IDS[self._core]
        if register == _CONTROL and bank == 0:
            return self._control | (self._control & _POWER_REQUESTS) << 1
        return self._buffer if register == _BUFFER else 0

    def write_dp(self, address: int, value: int) -> None:
        """Write a register of the debug port; raises pyOCD's errors."""
        self._wire.tick()
        register, bank = address & 0xC, self._select & 0xF
        if register == _CONTROL and bank == 0:
            self._control = value
        elif register == _SELECT:
            self._select = value

    def read_ap(self, address: int) -> int:
        """Return a register of the selected access port; raises pyOCD's errors."""
        register = self._select & 0xF0 | address & 0xC
        if self._select >> 24:
            self._wire.tick()
            return 0
        if register == _DRW:
            self._buffer = self._read_data()
            return self._buffer
        if register & 0xF0 == _BANKED:
            address = self._address & ~0xF | register & 0xC
            return int.from_bytes(self._wire.read(address, 4, 1), "little")
        self._wire.tick()
        constants = {_BASE: ROM_TABLE | 3, _IDR: _AP_IDS[self._core], _CFG: 0}
        return {_CSW: self._csw | _CSW_FIXED, _TAR: self._address}.get(
            register, constants.get(register, 0)
        )

    def write_ap(self, address: int, value: int) -> None:
        """Write a register of the selected access port; raises pyOCD's errors."""
        register = self._select & 0xF0 | address & 0xC
        if not self._select >> 24 and register == _DRW:
            size, shift = self._lane()
            data = (value >> shift & (1 << 8 * size) - 1).to_bytes(size, "little")
            self._wire.write(self._address, size, data)
            self._count_up(size)
            return
        if not self._select >> 24 and register & 0xF0 == _BANKED:
            address = self._address & ~0xF | register & 0xC
            self._wire.write(address, 4, value.to_bytes(4, "little"))
            return
        self._wire.tick()
        if self._select >> 24:
            return
        if register == _CSW:
            self._csw = value & _CSW_WRITABLE
        elif register == _TAR:
            self._address = value

    def _read_data(self) -> int:
        size, shift = self._lane()
        value = int.from_bytes(self._wire.read(self._address, size, 1), "little")
        self._count_up(size)
        return value << shift

    def _lane(self) -> tuple[int, int]:
        """Return the size of an access, and the first bit of its bytes in DRW."""
        size = 1 << min(self._csw & 7, 2)
        return size, 8 * (self._address & 3 & ~(size - 1))

    def _count_up(self, size: int) -> None:
        if self._csw >> 4 & 3:
            low = self._address + size & _WRAP
            self._address = self._address & ~_WRAP | low
