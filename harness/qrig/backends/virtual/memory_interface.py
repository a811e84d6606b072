"""PyOCD's fast way to memory, straight through the wire."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from pyocd.core.memory_interface import MemoryInterface

from qrig.backends.virtual.wire import Wire


class VirtualMemory(MemoryInterface):  # type: ignore[misc]  # pyOCD has no types
    """Memory of a virtual chip; all methods raise pyOCD's errors.

    PyOCD passes the control word of the access port along; nothing depends on it here.
    """

    def __init__(self, wire: Wire) -> None:
        """Use `wire`."""
        self._wire = wire

    def write_memory(self, addr: int, data: int, transfer_size: int = 32, **_csw: Any) -> None:
        """Write one unit of `transfer_size` bits."""
        size = transfer_size // 8
        self._wire.write(addr, min(size, 4), data.to_bytes(size, "little"))

    def read_memory(
        self, addr: int, transfer_size: int = 32, now: bool = True, **_csw: Any
    ) -> int | Callable[[], int]:
        """Return one unit of `transfer_size` bits, or what returns it."""
        size = transfer_size // 8
        if now or size > 4:
            value = int.from_bytes(self._wire.read(addr, min(size, 4), max(size // 4, 1)), "little")
            return value if now else lambda: value
        resolve = self._wire.read_later(addr, size)
        return lambda: int.from_bytes(resolve(), "little")

    def write_memory_block32(self, addr: int, data: Sequence[int], **_csw: Any) -> None:
        """Write words."""
        self._wire.write(addr, 4, struct.pack(f"<{len(data)}I", *data))

    def read_memory_block32(self, addr: int, size: int, **_csw: Any) -> Sequence[int]:
        """Return words, in a list that pyOCD changes."""
        return list(struct.unpack(f"<{size}I", self._wire.read(addr, 4, size)))

    def write_memory_block8(self, addr: int, data: Sequence[int], **_csw: Any) -> None:
        """Write bytes."""
        self._wire.write(addr, 1, bytes(data))

    def read_memory_block8(self, addr: int, size: int, **_csw: Any) -> Sequence[int]:
        """Return bytes."""
        return list(self._wire.read(addr, 1, size))
