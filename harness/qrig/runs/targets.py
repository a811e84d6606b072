"""Targets: `board@backend`, or a board alone for its first backend."""

from __future__ import annotations

from attrs import field, frozen

from qrig.backends import Backend, find_backend
from qrig.boards import Board, find_board
from qrig.errors import TargetUnavailableError, UsageError

DEFAULT_TARGETS = ("mps2-an386@qemu", "mps2-an500@qemu")
"""The emulated Cortex-M4 and Cortex-M7 that need nothing but QEMU."""


@frozen
class Target:
    """A board and the way its firmware is run."""

    board: Board = field(repr=False)
    backend: Backend = field(repr=False, eq=False)

    @property
    def name(self) -> str:
        """The full name: board@backend."""
        return f"{self.board.name}@{self.backend.name}"

    def check_available(self) -> None:
        """Raise TargetUnavailableError, with the reason, if it cannot be used here."""
        reason = self.backend.unavailable()
        if reason is not None:
            raise TargetUnavailableError(
                f"{self.name}: expected a target that can be used, found that {reason}"
            )


def find_target(text: str) -> Target:
    """Return the target `text` names; raises UsageError with the choices there are."""
    board_name, at, backend_name = text.partition("@")
    board = find_board(board_name)
    if not board.backends:
        raise UsageError(
            f"expected a board that firmware can run on, found {board.name}, which is only "
            f"modelled; choose another target, and this one with `qrig profile --on {board.name}`"
        )
    chosen = backend_name if at else board.backends[0]
    if chosen not in board.backends:
        raise UsageError(
            f"expected a backend of {board.name} ({', '.join(board.backends)}), found "
            f"{chosen!r}; choose one"
        )
    return Target(board, find_backend(chosen))


def find_targets(texts: list[str]) -> tuple[Target, ...]:
    """Return the targets `texts` name, each once, in order; raises UsageError."""
    found: dict[str, Target] = {}
    for text in texts:
        target = find_target(text)
        found.setdefault(target.name, target)
    return tuple(found.values())
