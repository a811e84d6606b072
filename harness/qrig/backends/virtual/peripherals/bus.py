"""The registers of a chip, by address."""

from __future__ import annotations

from collections.abc import Callable, Mapping

WORD = 0xFFFF_FFFF
"""All bits of a register."""

_BLOCK_SHIFT = 10  # peripherals lie in blocks of 1 KB
_MAX_STRANGERS = 64


class Bus:
    """All registers: plain words, and those that something happens at.

    `by_debugger` is set while a debugger's transfer is done: some registers treat it otherwise.
    `strangers` are addresses the firmware has used at which nothing is modelled.
    """

    def __init__(self) -> None:
        """Make a bus without registers."""
        self.words: dict[int, int] = {}
        self.readers: dict[int, Callable[[], int]] = {}
        self.writers: dict[int, Callable[[int], None]] = {}
        self.by_debugger = False
        self.strangers: set[int] = set()
        self._closed: set[int] = set()

    def read(self, address: int) -> int:
        """Return the register at an aligned address; 0 where the peripheral has no clock."""
        if address >> _BLOCK_SHIFT in self._closed:
            return 0
        reader = self.readers.get(address)
        if reader is not None:
            return reader()
        if address not in self.words:
            self._miss(address)
        return self.words[address]

    def write(self, address: int, value: int) -> None:
        """Write the register at an aligned address; ignored where the peripheral has no clock."""
        if address >> _BLOCK_SHIFT in self._closed:
            return
        writer = self.writers.get(address)
        if writer is not None:
            writer(value)
            return
        if address not in self.words:
            self._miss(address)
        self.words[address] = value

    def reader_at(self, origin: int) -> Callable[[int, int, int, int], int]:
        """Return what the core reads with: a function of (_, offset from `origin`, size, _).

        It is the busiest function of a flash algorithm, so it does what `read` does by itself.
        """
        readers, words, closed = self.readers, self.words, self._closed

        def read(_engine: int, offset: int, size: int, _data: int) -> int:
            address = origin + offset
            if size != 4:
                return self.read_part(address, size)
            reader = readers.get(address)
            if address >> _BLOCK_SHIFT in closed:
                return 0
            if reader is not None:
                return reader()
            return words[address] if address in words else self.read(address)

        return read

    def writer_at(self, origin: int) -> Callable[[int, int, int, int, int], None]:
        """Return what the core writes with: a function of (_, offset, size, value, _)."""
        writers, closed = self.writers, self._closed

        def write(_engine: int, offset: int, size: int, value: int, _data: int) -> None:
            address = origin + offset
            writer = writers.get(address)
            if writer is None or size != 4 or address >> _BLOCK_SHIFT in closed:
                self.write_part(address, size, value)
            else:
                writer(value)

        return write

    def read_part(self, address: int, size: int) -> int:
        """Return one, two or four bytes of a register."""
        value = self.read(address & ~3)
        if size == 4:
            return value
        return value >> 8 * (address & 3) & (1 << 8 * size) - 1

    def write_part(self, address: int, size: int, value: int) -> None:
        """Write one, two or four bytes of a register; the others keep what was written last."""
        if size == 4:
            self.write(address, value)
            return
        shift = 8 * (address & 3)
        mask = (1 << 8 * size) - 1 << shift
        kept = self.words.get(address & ~3, 0) & ~mask
        self.write(address & ~3, (kept | value << shift & mask) & WORD)

    def _miss(self, address: int) -> None:
        """Give an address where nothing is modelled a word that keeps what is written."""
        self.words[address] = 0
        if not self.by_debugger and len(self.strangers) < _MAX_STRANGERS:
            self.strangers.add(address)

    def set_clock(self, base: int, *, runs: bool) -> None:
        """Give the peripheral at `base` a clock, or take it."""
        change = self._closed.discard if runs else self._closed.add
        change(base >> _BLOCK_SHIFT)


class Peripheral:
    """Registers at `base` with the values they have after a reset, by offset."""

    def __init__(self, bus: Bus, base: int, resets: Mapping[int, int]) -> None:
        """Put the registers on the bus."""
        self._bus = bus
        self.base = base
        self._resets = dict(resets)

    def reset(self) -> None:
        """Give all registers the values they have after a reset."""
        for offset, value in self._resets.items():
            self._bus.words[self.base + offset] = value

    def on_read(self, offset: int, reader: Callable[[], int]) -> None:
        """Have a register computed when it is read."""
        self._bus.readers[self.base + offset] = reader

    def on_write(self, offset: int, writer: Callable[[int], None]) -> None:
        """Have something done when a register is written, in place of storing."""
        self._bus.writers[self.base + offset] = writer

    def __getitem__(self, offset: int) -> int:
        """Return what is stored in a register."""
        return self._bus.words.get(self.base + offset, 0)

    def __setitem__(self, offset: int, value: int) -> None:
        """Store a register's value."""
        self._bus.words[self.base + offset] = value
