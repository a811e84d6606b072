"""The mark for tests that need Renode, and targets in it."""

import pytest

from qrig.backends.renode import RenodeBackend
from qrig.backends.renode.program import unusable
from qrig.boards import Board, board_names, find_board
from qrig.runs.targets import Target

_REASON = unusable()

requires_renode = pytest.mark.skipif(_REASON is not None, reason=str(_REASON))


def renode_boards() -> list[Board]:
    """Every board that Renode has a description of."""
    boards = [find_board(name) for name in board_names()]
    return [board for board in boards if board.renode is not None]


def renode_target(board: str) -> Target:
    """The board in Renode."""
    return Target(find_board(board), RenodeBackend())
