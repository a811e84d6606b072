"""What of a board's description a probe backend cannot do without."""

from __future__ import annotations

from attrs import frozen

from qrig.boards.board import Board, Memories, Uart
from qrig.boards.chip import Chip, ProbeTarget
from qrig.build.flash_image import FlashImage
from qrig.errors import FlashError, TargetUnavailableError


@frozen
class Parts:
    """A board that has all of them."""

    board: Board
    chip: Chip
    memories: Memories
    uart: Uart
    target: ProbeTarget


def parts_of(board: Board) -> Parts:
    """Return the parts of `board`; raises TargetUnavailableError if it lacks one."""
    chip, memories, uart, target = board.chip, board.memory, board.uart, board.probe
    if chip is None or memories is None or uart is None or target is None:
        raise TargetUnavailableError(
            f"{board.name}: expected a board with a debug probe, found no [chip], [memory], [uart] "
            "and [probe] in its board.toml; choose another board or backend"
        )
    return Parts(board, chip, memories, uart, target)


def check_place(image: FlashImage, parts: Parts) -> None:
    """Raise FlashError, with the map, if a part of `image` does not lie in the board's flash."""
    flash = parts.memories.code
    end = flash.origin + flash.size_bytes
    if flash.origin <= image.origin and image.segments[-1].end <= end:
        return
    lines = [
        f"  {segment.address:#010x} to {segment.end - 1:#010x}  {len(segment.data):>9,} bytes"
        for segment in image.segments
    ]
    raise FlashError(
        f"{parts.board.name}: expected a firmware that loads to its flash, {flash.origin:#010x} to "
        f"{end - 1:#010x}, found parts beside it; nothing was touched: build it for this board\n"
        + "\n".join(lines)
    )
