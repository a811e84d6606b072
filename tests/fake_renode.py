"""A fake Renode on disk, and a firmware to start in it."""

import json
import sys
from pathlib import Path

import pytest
from attrs import frozen

from qrig.backends.renode import RenodeBackend, RunningRenode
from qrig.boards import Board, find_board
from qrig.profiles import ProfileRequest

_CONSOLE = Path(__file__).with_name("renode_console.py")
BOARD = "nucleo-f746"


@frozen
class PaperFirmware:
    """A firmware that nobody runs."""

    board: Board
    elf: Path
    build_id: str = "0123456789abcdef"


class FakeRenode:
    """A program that RENODE names, how it behaves, and where its files for a time go."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.program = folder / "renode"
        self.program.write_text(f'#!/bin/sh\nexec {sys.executable} {_CONSOLE} "$@"\n')
        self.program.chmod(0o755)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._folder = folder
        self._patch = patch
        patch.setattr("tempfile.tempdir", str(self.temporary))
        patch.setenv("RENODE", str(self.program))
        self.behaves()

    def behaves(self, **how: object) -> None:
        """Set how it behaves from the next start on."""
        self._patch.setenv("QRIG_FAKE_RENODE", json.dumps(how))

    def start(self, profiling: ProfileRequest | None = None) -> RunningRenode:
        """Start a board in it."""
        elf = self._folder / "paper.elf"
        elf.touch()
        return RenodeBackend().start(PaperFirmware(find_board(BOARD), elf), profiling)

    def left(self) -> list[str]:
        """What is left in the folder for files for a time."""
        return [path.name for path in self.temporary.iterdir()]
