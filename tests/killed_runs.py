"""Runs that can be killed: a process that has everything imported and forks one for each run.

It reads a line for each run from its standard input, writes the pid of the run's process, and
writes another line when that has ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from attrs import define, field

_SCRIPT = """
import os, sys
from pathlib import Path
from hand_made import hand_made
from qrig.runs.bench import bench, prepare
from qrig.runs.targets import find_targets
import qrig.reports.html, qrig.reports.plots, qrig.reports.profile_plots, pyarrow.parquet

cells = prepare([hand_made(int(sys.argv[2]))], find_targets(("host@native",)))
folder, samples = Path(sys.argv[1]), int(sys.argv[2])
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            bench(cells, folder, samples=samples, model=False)
        finally:
            os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@define
class RunStarter:
    """Starts runs into `folder`, one at a time; use it in a `with` statement."""

    folder: Path
    samples: int
    _process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> RunStarter:
        """Start the process that forks."""
        tests = Path(__file__).parent
        path = os.pathsep.join([str(tests), str(tests.parent / "harness"), *sys.path])
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, str(self.folder), str(self.samples)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def whole_run(self) -> float:
        """Run to the end and return the seconds it took."""
        start = time.monotonic()
        self._start()
        assert self._read() == "ended"
        return time.monotonic() - start

    def killed_run(self, after_s: float) -> None:
        """Run, and kill it after so many seconds unless it has ended."""
        child = self._start()
        time.sleep(after_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        assert self._read() == "ended"

    def _start(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        return int(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of a run."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def run_names(folder: Path) -> Iterator[str]:
    """Yield the names of the folders of runs."""
    return (path.name for path in sorted(folder.glob("2*")) if path.is_dir())
