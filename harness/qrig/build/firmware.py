"""What a backend needs to know of a firmware to run it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from qrig.boards.board import Board


class Firmware(Protocol):
    """A firmware built for a board: one that runs a network, or one that calls kernels."""

    @property
    def board(self) -> Board:
        """The board it was built for."""

    @property
    def build_id(self) -> str:
        """What its banner says it is."""

    @property
    def elf(self) -> Path:
        """The file to start."""
