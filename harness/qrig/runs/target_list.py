"""Every target there is: what it needs, whether it can be used here, and the boards there are."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import attrs
from attrs import frozen

from qrig.backends import Backend, find_backend
from qrig.boards import Board, board_names, find_board
from qrig.boards.lab import Lab, find_lab
from qrig.deadline import Deadline
from qrig.errors import FileFormatError, QrigError
from qrig.runs.in_time import collect_in_time
from qrig.runs.instances import Instance, find_instances

SCHEMA = "qrig-targets/1"
"""The `schema` of the document."""

LOOK_S = 5.0
"""How long looking for probes and emulators may take, in seconds."""


@frozen
class TargetRow:
    """A board on a backend.

    `core`, `clock_hz` (None for this machine's) and `counts` are the board's and the backend's,
    None if its description cannot be read. `reason` is why it cannot be used here, None if it can.
    """

    target: str
    core: str | None
    clock_hz: int | None
    counts: str | None
    needs: str
    reason: str | None

    @property
    def available(self) -> bool:
        """Whether it can be used here."""
        return self.reason is None


@frozen
class TargetList:
    """All targets, the concrete boards, and what was wrong with lab.toml, None if nothing."""

    rows: tuple[TargetRow, ...]
    instances: tuple[Instance, ...]
    lab_mistake: str | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "schema": SCHEMA,
            "targets": [{**attrs.asdict(row), "available": row.available} for row in self.rows],
            "instances": [
                {"target": each.target, **attrs.asdict(each), "condition": each.condition}
                for each in self.instances
            ],
            "lab_mistake": self.lab_mistake,
        }


def list_targets(look_s: float = LOOK_S) -> TargetList:
    """Return every target; what is not known of one after `look_s` seconds is its reason."""
    instances, mistake = _instances()
    kinds = [kind for name in board_names() for kind in _kinds(name)]
    found = collect_in_time(functools.partial(_look, kinds), Deadline.after(look_s))
    late = f"it is not known: looking for it took longer than {look_s:g} s"
    rows = (
        kind if isinstance(kind, TargetRow) else _row(*kind, found.get(_name(*kind), late))
        for kind in kinds
    )
    return TargetList(tuple(rows), instances, mistake)


_Kind = tuple[Board, Backend]


def _kinds(name: str) -> Iterator[_Kind | TargetRow]:
    """Yield the backends of a board, or a row that says why there is none."""
    try:
        board = find_board(name)
    except QrigError as error:
        yield TargetRow(name, None, None, None, "", str(error))
        return
    for backend in board.backends:
        try:
            yield board, find_backend(backend)
        except QrigError as error:
            target, clock_hz = f"{name}@{backend}", board.clock_hz or None
            yield TargetRow(target, board.core, clock_hz, None, "", str(error))


def _look(kinds: list[_Kind | TargetRow]) -> Iterator[tuple[str, str | None]]:
    """Yield why each target cannot be used, None for one that can; boards on USB last."""
    asked = [kind for kind in kinds if not isinstance(kind, TargetRow)]
    for board, backend in sorted(asked, key=lambda kind: kind[1].name == "probe"):
        try:
            reason = backend.unavailable(board)
        except (QrigError, OSError, ImportError, RuntimeError, ValueError) as error:
            reason = str(error)
        yield _name(board, backend), reason


def _row(board: Board, backend: Backend, reason: str | None) -> TargetRow:
    return TargetRow(
        _name(board, backend),
        board.core,
        board.clock_hz or None,
        backend.counts,
        backend.needs(board),
        reason,
    )


def _name(board: Board, backend: Backend) -> str:
    return f"{board.name}@{backend.name}"


def _instances() -> tuple[tuple[Instance, ...], str | None]:
    try:
        return find_instances(find_lab()), None
    except FileFormatError as error:
        return find_instances(Lab(None)), str(error)
