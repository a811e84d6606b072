"""A night from its beginning, or from where it was interrupted, to its summary."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field, frozen

from qrig.deadline import Deadline
from qrig.runs.nightly.cell import NightCell
from qrig.runs.nightly.marked import end_marked
from qrig.runs.nightly.night import (
    Night,
    find_night,
    last_good,
    new_night,
    only_night,
    unfinished_night,
)
from qrig.runs.nightly.process import CellProcess, work_command
from qrig.runs.nightly.result import CellResult
from qrig.runs.nightly.schedule import run_cells
from qrig.runs.nightly.summary import summarise, write_summary
from qrig.runs.nightly.verdict import NO_BASELINE

_END_S = 10.0

Command = Callable[[NightCell, Path, Path, Path | None], Sequence[str]]
"""Makes the command of a cell of it, the folder of runs, the file of its note, and its baseline."""

Tell = Callable[[str], None]
"""Told what happens, a line each."""


@frozen(eq=False)
class NightResult:
    """A night that has ended: its folder and its summary."""

    folder: Path
    summary: dict[str, Any] = field(repr=False)

    @property
    def exit_code(self) -> int:
        """What `qrig nightly` ends with."""
        return int(self.summary["exit_code"])


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def nightly(
    cells: tuple[NightCell, ...],
    runs: Path,
    *,
    jobs: int,
    resume: str | None = None,
    fresh: bool = False,
    baseline: Path | None = None,
    tell: Tell = lambda line: None,
    command: Command = work_command,
) -> NightResult:
    """Run `cells`, `jobs` at a time, compare them, and write the summary.

    `resume` names a night to go on with, whatever its cells; otherwise the night of the same cells
    and code that was interrupted lately is gone on with, unless it shall be `fresh`. A new night is
    compared with the last good one in `baseline`, a folder of runs, by default `runs` itself. If it
    is interrupted, what has been done is kept and summarised. Raises InputError.
    """
    with only_night(runs):
        night = None
        if resume is not None:
            night = find_night(runs, resume)
        elif not fresh:
            night = unfinished_night(runs, cells)
        begun = ""
        if night is not None:
            end_marked(night.mark(), Deadline.after(_END_S))  # what a killed night left at work
            begun = resumed_text(night)
        else:
            night = new_night(runs, cells, last_good(baseline or runs))
        tell(f"night {night.id} of {len(night.cells)} cells{begun}")
        tell(f"compared with {night.baseline.night or 'nothing: there is no good night yet'}")
        job = _Job(night, runs, tell, command)
        try:
            job.work(jobs)
        finally:
            result = job.finish()
        return result


def resumed_text(night: Night) -> str:
    """Say that a night goes on, and what its cells so far may be of."""
    begun = f", resumed: {len(night.results())} are done"
    if (night.revision or "").endswith("-dirty"):
        begun += "; if the changes that are not committed are others by now, use --fresh"
    return begun


@define
class _Job:
    """A night in progress."""

    night: Night
    runs: Path
    tell: Tell
    command: Command
    results: dict[str, CellResult] = field(factory=dict)

    def work(self, jobs: int) -> None:
        """Run the cells that have no result yet."""
        self.results = self.night.results()
        waiting = [cell for cell in self.night.cells if cell.name not in self.results]
        run_cells(waiting, jobs, self._start, self._ended)

    def finish(self) -> NightResult:
        """Write the summary of what there is."""
        summary = summarise(self.night, self.results)
        write_summary(self.night, summary)
        return NightResult(self.night.folder, summary)

    def _start(self, cell: NightCell) -> CellProcess:
        note, log = self.night.path(cell, ".note"), self.night.path(cell, ".log")
        base = self.night.baseline.base_of(cell.name)
        words = self.command(cell, self.runs, note, base)
        return CellProcess(cell, words, note, log, self.night.mark(cell))

    def _ended(self, cell: NightCell, result: CellResult) -> None:
        base = self.night.baseline.base_of(cell.name)
        if base is not None:
            result = attrs.evolve(result, base_run=base.name)
        elif result.verdict == NO_BASELINE:
            result = attrs.evolve(result, findings=(self.night.baseline.why_none(cell.name),))
        self.night.keep(cell, result)
        self.results[cell.name] = result
        count = f"[{len(self.results)}/{len(self.night.cells)}]"
        said = [line for text in result.findings for line in text.splitlines()]
        why = f" ({said[0]})" if said else ""
        self.tell(f"{count} {cell.name}: {result.verdict}{why}, {result.seconds:.0f} s")
