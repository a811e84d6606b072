"""Flash and RAM of a firmware, section by section, against what the board has."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section as ElfSection

from qrig.boards.board import Board, Memories
from qrig.codegen.budget import STACK_BYTES
from qrig.codegen.layout import Layout
from qrig.errors import BuildError, NetworkTooLargeError

_WRITE, _ALLOC, _EXEC = 0x1, 0x2, 0x4


@frozen
class Section:
    """One section: its size, and where it lies.

    `region` is "flash", "ram", both for initialised data ("flash+ram"), or "dma".
    """

    name: str
    region: str
    size_bytes: int


@frozen
class Footprint:
    """What a firmware takes and what there is; totals are 0 for a process on the host."""

    sections: tuple[Section, ...]
    flash_total_bytes: int
    ram_total_bytes: int

    @property
    def flash_bytes(self) -> int:
        """Bytes in flash."""
        return sum(section.size_bytes for section in self.sections if "flash" in section.region)

    @property
    def ram_bytes(self) -> int:
        """Bytes of static data in RAM; the stack comes on top."""
        return sum(section.size_bytes for section in self.sections if "ram" in section.region)

    def map_text(self) -> str:
        """Return the map as lines of text."""
        lines = [
            f"  {section.name:<12} {section.region:<10} {section.size_bytes:>12,} bytes"
            for section in self.sections
        ]
        for region, used, total in (
            ("flash", self.flash_bytes, self.flash_total_bytes),
            ("ram", self.ram_bytes, self.ram_total_bytes),
        ):
            lines.append(f"  {'total':<12} {region:<10} {used:>12,} bytes of {total:,}")
        return "\n".join(lines)


def read_footprint(elf: Path, board: Board) -> Footprint:
    """Read the sections of `elf`; raises BuildError if it is no ELF file."""
    sections = []
    try:
        with elf.open("rb") as stream:
            for section in ELFFile(stream).iter_sections():
                size = section["sh_size"]
                if section["sh_flags"] & _ALLOC and size:
                    sections.append(Section(section.name, _region(section, board.memory), size))
    except (ELFError, OSError) as error:
        raise BuildError(
            f"{elf}: expected the linked firmware, found {error}; build again"
        ) from error
    return Footprint(tuple(sections), *_totals(board.memory))


def _region(section: ElfSection, memory: Memories | None) -> str:
    """Return which memory a section takes."""
    dma = memory.dma if memory is not None else None
    if dma is not None and 0 <= section["sh_addr"] - dma.origin < dma.size_bytes:
        return "dma"
    if not section["sh_flags"] & _WRITE:
        return "flash"
    return "ram" if section["sh_type"] == "SHT_NOBITS" else "flash+ram"


def check_layout(layout: Layout, board: Board) -> None:
    """Refuse, before anything is built, a network whose weights or buffers alone do not fit.

    Raises NetworkTooLargeError with the map.
    """
    sections = (
        Section("weights", "flash", layout.weight_bytes),
        Section("mean", "flash", layout.mean_bytes),
        Section("input", "ram", layout.input_bytes),
        Section("buffers", "ram", layout.arena.size_bytes),
        Section("products", "ram", layout.products_bytes),
        Section("output", "ram", layout.output_bytes),
    )
    check_fit(Footprint(sections, *_totals(board.memory)), board)


def check_fit(footprint: Footprint, board: Board) -> None:
    """Raise NetworkTooLargeError, with the map, if firmware and stack do not fit the board."""
    if board.memory is None:
        return
    over_flash = footprint.flash_bytes - footprint.flash_total_bytes
    over_ram = footprint.ram_bytes + STACK_BYTES - footprint.ram_total_bytes
    if over_flash > 0 or over_ram > 0:
        problems = [
            f"{over:,} bytes too many in {name}"
            for name, over in (("flash", over_flash), ("RAM", over_ram))
            if over > 0
        ]
        raise NetworkTooLargeError(
            f"{board.name}: expected a firmware that fits, with {STACK_BYTES:,} bytes of stack, "
            f"found {' and '.join(problems)}; use a larger board or a smaller network\n"
            f"{footprint.map_text()}"
        )


def _totals(memory: Memories | None) -> tuple[int, int]:
    return (memory.code.size_bytes, memory.data.size_bytes) if memory else (0, 0)
