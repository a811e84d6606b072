"""A cell at work in a process of its own: whatever happens to it happens to nobody else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from qrig.deadline import Deadline
from qrig.errors import UsageError
from qrig.runs.nightly.cell import NightCell
from qrig.runs.nightly.marked import MARK, end_marked
from qrig.runs.nightly.note import read_note
from qrig.runs.nightly.result import CellResult
from qrig.runs.nightly.verdict import DIFFERS, FAILED, NO_BASELINE

GRACE_S = 10.0
"""How long a process that is asked to end has for keeping what it measured."""

_END_S = 10.0
_TAIL_BYTES = 2000
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def work_command(cell: NightCell, runs: Path, note: Path, base: Path | None) -> list[str]:
    """Return the command that benches `cell`; see `qrig.runs.nightly.work`."""
    module = ["-P", "-X", "faulthandler", "-m", "qrig.runs.nightly.work"]
    words = [json.dumps(cell.document()), str(runs), str(note), "" if base is None else str(base)]
    return [sys.executable, *module, *words]


class CellProcess:
    """The process of one cell; `stop` it in any case."""

    def __init__(
        self, cell: NightCell, command: Sequence[str], note: Path, log: Path, mark: str
    ) -> None:
        """Start `command`, which leaves a note; what it says goes into `log`.

        `mark` is what all that comes of it is known by. It is killed by the kernel if we die first
        (through util-linux's setpriv, where that is installed). Raises UsageError if it cannot be
        started.
        """
        self.cell = cell
        self._note, self._log = note, log
        self._mark = mark
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._begun = time.monotonic()
        self._limit = Deadline.after(cell.limit_s)
        self._problem = ""
        setpriv = shutil.which("setpriv")
        prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        note.unlink(missing_ok=True)
        usual = dict.fromkeys(_ONE_THREAD, "1")
        try:
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    [*prefix, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**usual, **os.environ, MARK: self._mark},
                    start_new_session=True,
                )
        except OSError as error:
            raise UsageError(
                f"{cell.name}: expected a process for it, found that none can be started "
                f"({error.strerror}); free memory or give fewer --jobs"
            ) from error

    def poll(self) -> CellResult | None:
        """Return how the cell ended, None while it is at work; ends it when its time is over."""
        if self._process.poll() is None and not self._is_overdue():
            return None
        self.stop()
        return self._result()

    def _is_overdue(self) -> bool:
        """Whether it is time to kill it; the first time its time is over it is only asked."""
        if not self._limit.expired:
            return False
        if self._problem:
            return True
        self._problem = (
            f"expected the cell to end within {self.cell.limit_s:,} s, found it still at work and "
            "ended it; raise limit_s, or see its log"
        )
        self.ask_to_end()
        self._limit = Deadline.after(GRACE_S)
        return False

    def ask_to_end(self) -> None:
        """Interrupt it, so that it keeps what it has measured."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """Kill the process and all that came of it; harmless the second time."""
        deadline = Deadline.after(_END_S)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self.wait(deadline)
        end_marked(self._mark, deadline)

    def wait(self, deadline: Deadline) -> None:
        """Wait until it has ended, or the deadline."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=deadline.remaining_s())

    def _result(self) -> CellResult:
        note = read_note(self._note)
        self._note.unlink(missing_ok=True)
        outcome, verdict, findings = note.outcome or FAILED, note.verdict, note.findings
        if outcome == FAILED or self._problem:
            outcome = verdict = FAILED
            findings = (self._problem or note.problem or self._death(),)
        elif outcome == DIFFERS:
            verdict, findings = DIFFERS, ("its results are not those of the reference",)
        elif verdict is None and self._process.returncode != 0:
            findings = (self._death(),)
        return CellResult(
            name=self.cell.name,
            outcome=outcome,
            verdict=verdict or NO_BASELINE,
            findings=findings,
            run=note.run,
            base_run=None,
            started=self._started,
            seconds=round(time.monotonic() - self._begun, 2),
        )

    def _death(self) -> str:
        """Say how a process ended that did not say so itself."""
        code = self._process.returncode
        how = f"it ended with code {code}"
        if code == -signal.SIGKILL:
            how = "it was killed by SIGKILL, perhaps for want of memory"
        elif code is not None and code < 0:
            how = f"it was killed by signal {-code} ({signal.strsignal(-code)})"
        return f"expected the cell's process to end well, found that {how}{self._tail()}"

    def _tail(self) -> str:
        """Return the end of what it said."""
        try:
            with self._log.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - _TAIL_BYTES))
                text = stream.read().decode("utf-8", "replace").strip()
        except OSError:
            text = ""
        return f"; it said:\n{text}" if text else " and said nothing"
