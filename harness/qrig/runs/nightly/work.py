"""What the process of one cell does: a bench run, and a note of how it ended.

    python -m qrig.runs.nightly.work CELL RUNS NOTE BASE

CELL is the cell as JSON, RUNS the folder of runs, NOTE the file that says how it ended, BASE the
folder of the run to compare with, empty if there is none.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import attrs

from qrig.errors import QrigError
from qrig.reports.run_files import JOURNAL
from qrig.runs.bench import BenchResult, bench, check_samples, prepare
from qrig.runs.networks import load_network
from qrig.runs.nightly.cell import NightCell, cell_of
from qrig.runs.nightly.judge import judge
from qrig.runs.nightly.note import Note, write_note
from qrig.runs.nightly.verdict import EXACT, FAILED

_OOM_SCORE = Path("/proc/self/oom_score_adj")
_FIRST_TO_GO = "1000"


def work(cell: NightCell, runs: Path, note: Path, base: Path | None) -> None:
    """Bench `cell` into the folder `runs`, compare it with `base`, and note how it ended."""
    found: list[str] = []

    def progress(name: str, done: int, total: int) -> None:
        if not found:
            found.extend(_open_runs(runs))
            write_note(note, Note(run=next(iter(found), None)))

    try:
        result = _bench(cell, runs, progress)
        ended = Note(result.verdict, run=result.folder.name)
    except QrigError as error:
        ended = Note(FAILED, str(error), next(iter(found), None))
    except MemoryError:
        problem = "expected the cell to fit into memory, found that it does not; leave it out"
        ended = Note(FAILED, problem, next(iter(found), None))
    write_note(note, ended)
    if base is not None and ended.outcome == EXACT and ended.run is not None:
        judged = judge(base, runs / ended.run)
        write_note(note, attrs.evolve(ended, verdict=judged.verdict, findings=judged.findings))


def _bench(cell: NightCell, runs: Path, progress: Callable[[str, int, int], None]) -> BenchResult:
    loaded = load_network(cell.source, dialect=cell.dialect)
    check_samples([loaded])
    return bench(
        prepare([loaded], cell.targets()),
        runs,
        samples=cell.samples,
        trace=cell.trace,
        model=cell.profile,
        progress=progress,
    )


def _open_runs(runs: Path) -> list[str]:
    """Return the runs in `runs` whose journal this process writes."""
    names = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            place = descriptor.readlink()
            if place.name == JOURNAL and place.parent.parent == runs.resolve():
                names.append(place.parent.name)
    return names


def main() -> None:
    """Do the work that the command line names."""
    # A night in the background of a shell hands down that interrupts are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # If the machine runs out of memory, the kernel ends this process, not the night.
    with contextlib.suppress(OSError):
        _OOM_SCORE.write_text(_FIRST_TO_GO)
    cell, runs, note, base = sys.argv[1:]
    work(cell_of(json.loads(cell)), Path(runs), Path(note), Path(base) if base else None)


if __name__ == "__main__":
    main()
