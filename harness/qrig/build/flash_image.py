"""What a firmware puts into a chip's flash: the bytes of its ELF file by physical address.

A debugger programs the load segments at their physical addresses (`p_paddr`), where the initial
values of variables follow the code; what lies between segments stays erased.
"""

from __future__ import annotations

import zlib
from functools import cached_property
from pathlib import Path

from attrs import field, frozen
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from qrig.errors import FileFormatError

ERASED = 0xFF
"""What a byte of erased flash reads as."""

_BUILD_ID, _BUILD_ID_BYTES = "link_build_id", 16


@frozen
class FlashSegment:
    """Bytes that lie together, from a physical address on."""

    address: int
    data: bytes = field(repr=False)

    @property
    def end(self) -> int:
        """The address behind the last byte."""
        return self.address + len(self.data)


@frozen(slots=False)
class FlashImage:
    """All that a firmware loads: segments in ascending order, none of them empty."""

    path: Path
    segments: tuple[FlashSegment, ...]
    build_id_address: int | None

    @property
    def origin(self) -> int:
        """The address of the first byte."""
        return self.segments[0].address

    @property
    def size_bytes(self) -> int:
        """From the first to behind the last byte, gaps included."""
        return self.segments[-1].end - self.origin

    @cached_property
    def data(self) -> bytes:
        """All bytes from the first to the last, gaps as erased flash."""
        whole = bytearray([ERASED]) * self.size_bytes
        for segment in self.segments:
            start = segment.address - self.origin
            whole[start : start + len(segment.data)] = segment.data
        return bytes(whole)

    @cached_property
    def crc32(self) -> int:
        """The zlib CRC-32 of `data`, as the firmware computes it of itself."""
        return zlib.crc32(self.data)

    @property
    def build_id(self) -> bytes | None:
        """The 16 ASCII digits that the firmware carries, None if it carries none."""
        if self.build_id_address is None:
            return None
        start = self.build_id_address - self.origin
        return self.data[start : start + _BUILD_ID_BYTES]


def read_flash_image(elf: Path) -> FlashImage:
    """Read what `elf` loads; raises FileFormatError if it is no ELF file or loads nothing."""
    try:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            segments = tuple(
                FlashSegment(segment["p_paddr"], bytes(segment.data()))
                for segment in file.iter_segments()
                if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
            )
            address = _symbol(file, _BUILD_ID)
    except (ELFError, OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"{elf}: expected a linked firmware (ELF), found {error}; build it again"
        ) from error
    if not segments:
        raise FileFormatError(
            f"{elf}: expected a firmware that loads something, found none that does; build it again"
        )
    return FlashImage(elf, tuple(sorted(segments, key=lambda s: s.address)), address)


def _symbol(file: ELFFile, name: str) -> int | None:
    for table in file.iter_sections():
        if isinstance(table, SymbolTableSection):
            for entry in table.get_symbol_by_name(name) or ():
                return int(entry["st_value"])
    return None
