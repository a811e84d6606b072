"""What a probe backend tells while it works, and how long it waits for a board."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from qrig.boards.lock import Holder

WAIT_S = 60.0
"""How long a board that another process holds is waited for."""


def _ignore(*_told: object) -> None:
    """Tell nobody."""


@frozen
class Hooks:
    """Who is told what: the command line, or a test.

    `progress` is told how much of a flash is done, from 0 to 1; `waiting` the instance that is
    waited for and who holds it; `notice` what a user should know. `why` is what others who wait for
    the board are shown, the command line if it is empty.
    """

    progress: Callable[[float], None] = _ignore
    waiting: Callable[[str, Holder], None] = _ignore
    notice: Callable[[str], None] = _ignore
    wait_s: float = WAIT_S
    why: str = ""
