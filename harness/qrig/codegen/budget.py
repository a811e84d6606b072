"""What a firmware takes of a board's memories, and how far a layout is from fitting them.

Known before anything is built: buffers and constants to the byte, code and the variables of link
and port as what they take at most.
"""

from __future__ import annotations

from attrs import frozen

from qrig.boards.board import Memories
from qrig.codegen.fast.groups import Single
from qrig.codegen.layout import Layout

STACK_BYTES = 8192
"""RAM kept free for the stack, below all data."""

STACK_RESERVE_BYTES = 1024
"""The lowest part of the stack: guarded, and what the report of a fault takes of it."""

DMA_BUFFER_BYTES = 2048
"""The ring that DMA receives into, where a port works so."""

PLANE_HEAD_BYTES = 8
"""What goes before each plane in a batch of them."""

_VARIABLES_BYTES = 1024 + DMA_BUFFER_BYTES + 64
_STAGE_BYTES = 16
_CODE_BYTES, _GROUP_CODE_BYTES = 16_384, 4096


@frozen
class Budget:
    """Limits in bytes, None for none: of Layout.ram_bytes, or of all RAM and flash of a board."""

    layout_ram: int | None = None
    board_ram: int | None = None
    board_flash: int | None = None

    @classmethod
    def of(cls, memories: Memories | None) -> Budget:
        """Return the limits of a board; a process on the host has none."""
        if memories is None:
            return cls()
        return cls(board_ram=memories.data.size_bytes, board_flash=memories.code.size_bytes)

    def limit_for(self, layout: Layout) -> int | None:
        """Return how many bytes Layout.ram_bytes may be for a layout like this one."""
        limits = [] if self.layout_ram is None else [self.layout_ram]
        if self.board_ram is not None:
            limits.append(self.board_ram - (firmware_ram_bytes(layout) - layout.ram_bytes))
        return min(limits, default=None)

    def excess(self, layout: Layout) -> tuple[int, int]:
        """Return by how many bytes RAM and flash are exceeded; zeros if `layout` fits."""
        limit, flash = self.limit_for(layout), self.board_flash
        return (
            0 if limit is None else max(0, layout.ram_bytes - limit),
            0 if flash is None else max(0, firmware_flash_bytes(layout) - flash),
        )

    def is_kept(self, layout: Layout) -> bool:
        """Return whether `layout` fits."""
        return self.excess(layout) == (0, 0)

    def distance(self, layout: Layout) -> tuple[int, int]:
        """Return how far a layout is from fitting: what is too much, at any time, and its RAM."""
        limit = self.limit_for(layout)
        others = layout.ram_bytes - layout.arena.size_bytes
        ram = 0 if limit is None else layout.arena.excess_bytes(limit - others)
        return ram + self.excess(layout)[1], layout.ram_bytes


def largest_plane_bytes(layout: Layout) -> int:
    """Return the bytes of the largest plane a trace delivers, 0 if layers are not fused so."""
    planes = (
        layer.out_shape.h * layer.out_shape.w + PLANE_HEAD_BYTES
        for group in layout.groups
        for layer in group.layers
    )
    return max(planes, default=0)


def firmware_ram_bytes(layout: Layout) -> int:
    """Return the RAM of a firmware with its stack, at most; a trace gets its planes one by one."""
    own = _VARIABLES_BYTES + _STAGE_BYTES * len(layout.network.stages)
    gaps = 2 * layout.products_bytes  # before and behind what is aligned to its size
    return layout.ram_bytes + largest_plane_bytes(layout) + own + gaps + STACK_BYTES


def firmware_flash_bytes(layout: Layout) -> int:
    """Return the flash of a firmware, about: code is estimated by the parts that have their own."""
    fused = sum(not isinstance(part, Single) for part in layout.parts)
    return layout.flash_bytes + _CODE_BYTES + _GROUP_CODE_BYTES * fused
