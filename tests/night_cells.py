"""Cells for tests of nights, whose processes only pretend to bench."""

import sys
import time
from pathlib import Path
from typing import Any

from qrig.deadline import Deadline
from qrig.runs.nightly.cell import NightCell
from qrig.runs.nightly.run import NightResult, nightly

WORKER = Path(__file__).with_name("night_worker.py")
_POLL_S = 0.02


def pretended(network: str, place: str = "mps2-an386@qemu", **changes: Any) -> NightCell:
    """Return a cell whose process behaves as `network` is called."""
    return NightCell(network, network, place, **changes)


def command(cell: NightCell, runs: Path, note: Path, base: Path | None) -> list[str]:
    """Return the command of a cell that pretends."""
    return [sys.executable, "-I", str(WORKER), cell.network, str(runs), str(note), str(base or "")]


def night_of(runs: Path, *networks: str, jobs: int = 2, **options: Any) -> NightResult:
    """Run a night of cells that pretend."""
    cells = tuple(map(pretended, networks))
    return nightly(cells, runs, jobs=jobs, command=command, **options)


def calls(runs: Path) -> list[str]:
    """Return what has been run, in order."""
    return (runs / "calls").read_text().split()


def verdicts(result: NightResult) -> dict[str, str]:
    """Return the verdict of each network of a night."""
    return {cell["network"]: cell["verdict"] for cell in result.summary["cells"]}


def is_there(path: Path, seconds: float = 30) -> bool:
    """Whether a file appears before the time is over."""
    deadline = Deadline.after(seconds)
    while not deadline.expired:
        if path.exists():
            return True
        time.sleep(_POLL_S)
    return path.exists()


def is_gone(pid: int, seconds: float = 30) -> bool:
    """Whether a process ends before the time is over; a zombie has ended."""
    deadline = Deadline.after(seconds)
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        if deadline.expired:
            return False
        time.sleep(_POLL_S)
