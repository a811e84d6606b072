"""Which port a firmware is built with."""

from __future__ import annotations

from qrig.boards.board import Board


def port_variables(board: Board) -> dict[str, object]:
    """Return CMake's variables for the port of `board` and the chip's family within it."""
    return {"QRIG_PORT": board.port, "QRIG_FAMILY": board.chip.family if board.chip else ""}
