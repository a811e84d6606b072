"""Boards: pieces of hardware, each described by `targets/<board>/board.toml`."""

from qrig.boards.board import Board
from qrig.boards.registry import board_names, find_board

__all__ = ["Board", "board_names", "find_board"]
