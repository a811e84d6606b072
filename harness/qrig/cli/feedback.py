"""What boards tell while they are waited for and flashed, on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qrig.backends.probe.backend import ProbeBackend
from qrig.backends.probe.hooks import Hooks
from qrig.boards.lock import Holder
from qrig.runs.targets import Target

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def show_boards(targets: Iterable[Target], bars: Progress | None = None) -> None:
    """Let the boards among `targets` tell on standard error who has them, and show flashing."""
    for target in targets:
        backend = target.backend
        if isinstance(backend, ProbeBackend):
            flash = _Flash(target.place, bars)
            backend.hooks = Hooks(progress=flash.progress, waiting=_waiting, notice=_notice)


def _waiting(name: str, holder: Holder) -> None:
    print(f"qrig: waiting for {name}, which {holder} holds", file=sys.stderr)


def _notice(text: str) -> None:
    print(f"qrig: note: {text}", file=sys.stderr)


class _Flash:
    """The progress bar of one board; there is none until it is flashed."""

    def __init__(self, name: str, bars: Progress | None) -> None:
        """Show the board called `name` among `bars`, or nowhere."""
        self._name = name
        self._bars = bars
        self._task: TaskID | None = None

    def progress(self, share: float) -> None:
        """Show that `share` (0 to 1) is done."""
        if self._bars is None:
            return
        if self._task is None:
            self._task = self._bars.add_task(f"flashing {self._name}", total=1.0)
        self._bars.update(self._task, completed=share)
