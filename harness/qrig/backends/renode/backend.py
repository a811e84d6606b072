"""Renode as a backend.

The script beside a board's platform file makes the machine. Virtual time passes at a fixed number
of instructions per microsecond, and the cycle counter counts each of them exactly once.
"""

from __future__ import annotations

from pathlib import Path

from qrig.backends.renode.program import VARIABLE, WANTED, find_renode, renode_version, unusable
from qrig.backends.renode.running import NO_PROFILE, RunningRenode
from qrig.boards.board import Board
from qrig.build.firmware import Firmware
from qrig.errors import TargetUnavailableError
from qrig.profiles import ProfileRequest
from qrig.resources import targets_root

MIPS = "250"
"""Instructions in a microsecond of virtual time, as every platform file sets it.

Virtual time has whole nanoseconds, so only a divisor of 1000 makes an instruction a whole number of
them: with 216, say, the counter would move in steps of 27 instructions.
"""


class RenodeBackend:
    """Runs firmware in Renode."""

    name = "renode"
    counts = "instructions"
    slack_s: float | None = None

    def __init__(self, instance: str | None = None) -> None:
        """Remember the `instance`: each is a process of its own."""
        self.instance = instance

    def unavailable(self, board: Board) -> str | None:
        """Return what is missing: a description of the board, or a Renode that is new enough."""
        if board.renode is None:
            return f"{board.name} has no [renode] table in its board.toml"
        return unusable()

    def needs(self, board: Board) -> str:
        """Return Renode, and where it is looked for."""
        return f"Renode {'.'.join(map(str, WANTED))} or newer ({VARIABLE} or PATH)"

    def unprofiled(self) -> str | None:
        """Return that Renode takes no profiles."""
        return NO_PROFILE

    def stamp(self) -> dict[str, str]:
        """Return Renode's version, and how many instructions it executes in a microsecond."""
        program = find_renode()
        version = "unknown" if program is None else renode_version(program)
        return {"renode_version": version, "renode_mips": MIPS}

    def start(self, firmware: Firmware, profiling: ProfileRequest | None = None) -> RunningRenode:
        """Start the machine; raises TargetUnavailableError."""
        board, program = firmware.board, find_renode()
        if profiling is not None:
            raise TargetUnavailableError(f"{board.name}@renode: {NO_PROFILE}")
        reason = self.unavailable(board)
        if reason is not None or program is None:
            raise TargetUnavailableError(
                f"{board.name}@renode: expected Renode to run it, found that {reason}"
            )
        return RunningRenode(firmware, program, board_script(board))


def board_script(board: Board) -> Path:
    """Return the script that makes `board`; raises TargetUnavailableError without [renode]."""
    if board.renode is None:
        raise TargetUnavailableError(
            f"{board.name}@renode: expected [renode] in its board.toml, found none; add it"
        )
    return (targets_root() / board.name / board.renode.platform).with_suffix(".resc")
