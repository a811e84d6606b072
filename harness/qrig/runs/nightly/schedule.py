"""Several cells at once: as many as there are jobs, and never two on one board."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from qrig.deadline import Deadline
from qrig.errors import UsageError
from qrig.runs.nightly.cell import NightCell
from qrig.runs.nightly.process import GRACE_S, CellProcess
from qrig.runs.nightly.result import CellResult, not_started

Start = Callable[[NightCell], CellProcess]
"""Starts the process of a cell."""

Ended = Callable[[NightCell, CellResult], None]
"""Told how a cell ended, once for each."""

_POLL_S = 0.05


def run_cells(cells: Sequence[NightCell], jobs: int, start: Start, ended: Ended) -> None:
    """Run `cells` in their order, `jobs` at a time, each as soon as its board is free.

    If this is interrupted, so are those at work: they keep what they measured, and `ended` is not
    told of them.
    """
    waiting, active = list(cells), list[CellProcess]()
    try:
        while waiting or active:
            while len(active) < jobs and (cell := _next(waiting, active)) is not None:
                waiting.remove(cell)
                try:
                    active.append(start(cell))
                except UsageError as error:
                    ended(cell, not_started(cell, str(error)))
            for process in tuple(active):
                result = process.poll()
                if result is not None:
                    active.remove(process)
                    ended(process.cell, result)
            if active:
                time.sleep(_POLL_S)
    finally:
        _end(active)


def _next(waiting: Sequence[NightCell], active: Sequence[CellProcess]) -> NightCell | None:
    """Return the first cell whose board nobody uses."""
    used = [process.cell.board_in_use for process in active]
    return next((cell for cell in waiting if not _is_used(cell.board_in_use, used)), None)


def _is_used(place: str | None, used: Sequence[str | None]) -> bool:
    """Whether `place` is that of a board in use: any of a kind is one of those with names."""
    if place is None:
        return False
    kind = place.partition(":")[0]
    for other in filter(None, used):
        if other == place or (kind in (place, other) and other.partition(":")[0] == kind):
            return True
    return False


def _end(active: Sequence[CellProcess]) -> None:
    """Interrupt what is at work, and kill what does not end for it."""
    try:
        for process in active:
            process.ask_to_end()
        deadline = Deadline.after(GRACE_S)
        for process in active:
            process.wait(deadline)
    finally:
        for process in active:
            process.stop()
