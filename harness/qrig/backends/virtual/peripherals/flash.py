"""The flash controller of F4 and F7, and the flash behind it.

Facts: RM0090 3.5 to 3.9, RM0385 and RM0410 3.3 to 3.7. A program operation can only clear bits. It
needs the control register unlocked, PG set and the width that PSIZE says; else an error bit is set
and nothing happens. Erasing sets all bits of a sector or a bank.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable

from qrig.backends.virtual.chips.chip import FLASH_ORIGIN, Sector, VirtualChip
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral

BASE = 0x4002_3C00
_ACR, _KEYR, _OPTKEYR, _SR, _CR, _OPTCR, _OPTCR1 = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18
_KEYS = [0x4567_0123, 0xCDEF_89AB]
_OPTION_KEYS = [0x0819_2A3B, 0x4C5D_6E7F]

_EOP, _WRPERR, _PGPERR, _PGSERR, _BSY = 1 << 0, 1 << 4, 1 << 6, 1 << 7, 1 << 16
_ERRORS = 0x1F2
_PG, _SER, _MER, _STRT, _LOCK = 1 << 0, 1 << 1, 1 << 2, 1 << 16, 1 << 31
_MER_SECOND = 1 << 15
_OPTLOCK, _OPTSTRT = 1 << 0, 1 << 1
_ERASE_POLLS = 2  # reads of SR that find an erase still going on
_OPEN = 0xAA  # RDP of a chip without protection


class Flash(Peripheral):
    """The controller; `memory` is the flash itself, which outlives the board.

    `on_change` is called when code in flash may have changed. `debugger_seen` says whether a
    debugger has been connected since power-up, which read protection asks for.
    """

    def __init__(
        self,
        bus: Bus,
        chip: VirtualChip,
        memory: mmap.mmap,
        faults: Faults,
        on_change: Callable[[], None],
    ) -> None:
        """Put the controller on the bus."""
        options = [chip.option_control[0] | _OPTLOCK, chip.option_control[1]]
        if faults.read_protected:
            options[0] &= ~0xFF00
        for number in faults.write_protected:
            bank, bit = divmod(number, 16)
            options[bank] &= ~(1 << 16 + bit)
        super().__init__(bus, BASE, {_ACR: 0})
        self._options = options
        self.memory = memory
        self._chip = chip
        self._faults = faults
        self._on_change = on_change
        self._sectors = {sector.number: sector for sector in chip.sectors}
        self._keys: list[int] = []
        self._busy = self._status = 0
        self._control = _LOCK
        self._owed: tuple[int, bytes] | None = None
        self._checked = range(0)  # offsets of a sector that may be written
        self.debugger_seen = False
        self[_OPTCR], self[_OPTCR1] = options
        self.on_read(_SR, self._read_status)
        self.on_write(_SR, self._clear_status)
        self.on_write(_KEYR, self._take_key)
        self.on_write(_OPTKEYR, self._take_option_key)
        self.on_read(_CR, lambda: self._control)
        self.on_write(_CR, self._write_control)
        self.on_write(_OPTCR, self._write_options)
        for offset in (_KEYR, _OPTKEYR):
            self.on_read(offset, lambda: 0)
        for word in faults.stuck_bits:
            self._program(word.address & ~3, 4, 0xFFFF_FFFF)

    def reset(self) -> None:
        """Lock the controller; the option bytes are loaded anew."""
        super().reset()
        self[_OPTCR], self[_OPTCR1] = self._options
        self._keys.clear()
        self._busy = self._status = 0
        self._control = _LOCK
        self._checked = range(0)

    @property
    def wait_states(self) -> int:
        """How many wait states an access has (LATENCY)."""
        return self[_ACR] & 0xF

    @property
    def is_hidden(self) -> bool:
        """Whether read protection keeps a debugger out."""
        return self[_OPTCR] >> 8 & 0xFF != _OPEN and self.debugger_seen

    def store(self, address: int, size: int, value: int) -> None:
        """Do what a write into flash does: program it, or set an error bit.

        The write itself is still to come when the core does it: `settle` then puts right what it
        did beside that.
        """
        if self._owed is not None:
            self.settle()
        if address & size - 1:
            return  # comes again, byte by byte
        problem = self._problem(address - FLASH_ORIGIN, size)
        if problem:
            self._status |= problem
            self._owe(address, self._at(address, size))
            return
        self._status |= _EOP
        result = self._program(address, size, value)
        if result != value:
            self._owe(address, result.to_bytes(size, "little"))

    def settle(self) -> None:
        """Put right what a write of the core changed beside what the controller allowed."""
        if self._owed is not None:
            offset, data = self._owed
            self._owed = None
            self.memory[offset : offset + len(data)] = data

    def _owe(self, address: int, data: bytes) -> None:
        self._owed = (address - FLASH_ORIGIN, data)

    def _at(self, address: int, size: int) -> bytes:
        offset = address - FLASH_ORIGIN
        return bytes(self.memory[offset : offset + size])

    def _problem(self, offset: int, size: int) -> int:
        """Return the error bit of a write that does not program, 0 if it does."""
        control = self._control
        if control & (_LOCK | _PG) != _PG:
            return _PGSERR
        if size != 1 << (control >> 8 & 3):
            return _PGPERR
        if offset in self._checked:
            return 0
        sector = self._sector_at(offset)
        if self.is_hidden or self._is_protected(sector):
            return _WRPERR
        self._checked = range(sector.offset, sector.offset + sector.size_bytes)
        return 0

    def _program(self, address: int, size: int, value: int) -> int:
        """Clear the bits that are clear in `value`; returns what is there then."""
        offset = address - FLASH_ORIGIN
        memory = self.memory
        result = int.from_bytes(memory[offset : offset + size], "little") & value
        if self._faults.stuck_bits:
            result = self._stick(address, size, result)
        memory[offset : offset + size] = result.to_bytes(size, "little")
        self._on_change()
        return result

    def _stick(self, address: int, size: int, value: int) -> int:
        """Give the stuck bits of a word their values."""
        for bit in self._faults.stuck_bits:
            if address <= bit.address < address + size:
                mask = 1 << 8 * (bit.address - address) + bit.bit
                value = value | mask if bit.value else value & ~mask
        return value

    def _write_control(self, value: int) -> None:
        if self._control & _LOCK:
            return
        self._control = value & ~_STRT
        if value & _STRT:
            self._checked = range(0)
            self._erase(value)
        if value & _LOCK:
            self._keys.clear()

    def _erase(self, control: int) -> None:
        sectors: list[Sector] = []
        second = self._chip.second_bank
        if control & (_MER | _MER_SECOND):
            for sector in self._chip.sectors:
                is_second = second is not None and sector.offset >= second
                if control & (_MER_SECOND if is_second else _MER):
                    sectors.append(sector)
        elif control & _SER:
            number = control >> 3 & 0x1F
            if number not in self._sectors:
                self._status |= _PGSERR
                return
            sectors.append(self._sectors[number])
        for sector in sectors:
            self._erase_sector(sector)
        self._busy = _ERASE_POLLS

    def _erase_sector(self, sector: Sector) -> None:
        if (
            self.is_hidden
            or self._is_protected(sector)
            or sector.number in self._faults.erase_failures
        ):
            self._status |= _WRPERR
            return
        self.memory[sector.offset : sector.offset + sector.size_bytes] = b"\xff" * sector.size_bytes
        for bit in self._faults.stuck_bits:
            offset = (bit.address & ~3) - FLASH_ORIGIN
            if sector.offset <= offset < sector.offset + sector.size_bytes:
                self._program(bit.address & ~3, 4, 0xFFFF_FFFF)
        self._status |= _EOP
        self._on_change()

    def _sector_at(self, offset: int) -> Sector:
        return next(
            sector
            for sector in self._chip.sectors
            if sector.offset <= offset < sector.offset + sector.size_bytes
        )

    def _is_protected(self, sector: Sector) -> bool:
        bank, bit = divmod(sector.number, 16)
        register = _OPTCR1 if bank else _OPTCR
        return not self[register] >> 16 + bit & 1

    def _read_status(self) -> int:
        if self._owed is not None:
            self.settle()
        if self._busy:
            self._busy -= 1
            return self._status | _BSY
        return self._status

    def _clear_status(self, value: int) -> None:
        self._status &= ~(value & (_EOP | _ERRORS))

    def _take_key(self, value: int) -> None:
        self._keys = [*self._keys[-1:], value]
        if self._keys == _KEYS:
            self._control &= ~_LOCK

    def _take_option_key(self, value: int) -> None:
        self._keys = [*self._keys[-1:], value]
        if self._keys == _OPTION_KEYS:
            self[_OPTCR] &= ~_OPTLOCK

    def _write_options(self, value: int) -> None:
        if self[_OPTCR] & _OPTLOCK:
            return
        self._checked = range(0)
        self[_OPTCR] = value & ~_OPTSTRT
        if value & _OPTSTRT:
            self._options = [self[_OPTCR] | _OPTLOCK, self[_OPTCR1]]
