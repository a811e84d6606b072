"""Finding boards by name."""

from __future__ import annotations

import difflib

from qrig.boards.board import Board, read_board
from qrig.errors import UsageError
from qrig.resources import targets_root


def board_names() -> tuple[str, ...]:
    """Return the names of all boards, sorted."""
    return tuple(sorted(path.parent.name for path in targets_root().glob("*/board.toml")))


def find_board(name: str) -> Board:
    """Return the board called `name`; raises UsageError with the names there are."""
    names = board_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        guess = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(
            f"expected a board ({', '.join(names)}), found {name!r}{guess or '; choose one'}"
        )
    return read_board(targets_root() / name / "board.toml")
