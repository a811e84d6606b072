"""`qrig compare` and `pytest --baseline`: runs that are kept, or a session, against a baseline.

A run goes by its id, its folder, a file in it, the name of a committed baseline (a folder under
`baselines/` beside the runs or in the checkout's `reports/`), `last` for the latest complete run or
`last:N` for the latest N. Several runs of one side are separated by commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from qrig.errors import InputError, UsageError
from qrig.reports.compare_document import comparison_document
from qrig.reports.compare_result import NO_BASELINE, RunsComparison
from qrig.reports.compare_runs import CompareOptions, RunData, compare_data
from qrig.reports.index import Unreadable, read_rows
from qrig.reports.profile_store import has_profile, load_tables
from qrig.reports.run_files import RUN
from qrig.reports.run_folders import runs_folder
from qrig.reports.store import load_run, table_of
from qrig.resources import checkout_root

BASELINES: Final = "baselines"
LATEST: Final = "last"

_LONGEST: Final = 100
_LATEST: Final = re.compile(r"last(?::([1-9][0-9]{0,3}))?")

Runs = Path | Sequence[Path]


def compare_runs(base: Runs, new: Runs, options: CompareOptions | None = None) -> RunsComparison:
    """Compare the runs in the folders `new` with those in the folders `base`.

    A baseline that cannot be read is no comparable baseline; raises FileFormatError for a run of
    `new` that cannot be read.
    """
    after = [read_run_data(folder) for folder in _folders(new)]
    names = tuple(folder.name for folder in _folders(base))
    try:
        before = [read_run_data(folder) for folder in _folders(base)]
    except InputError as error:
        return _none(names, tuple(run.name for run in after), error)
    return compare_data(before, after, options or CompareOptions())


def compare(folder: Path, base: str, new: str, options: CompareOptions) -> RunsComparison:
    """Compare runs by their names (see above); `folder` holds the runs.

    Raises UsageError for a `new` that is not there; a `base` that is not there is no comparable
    baseline.
    """
    after = named_runs(folder, new)
    try:
        before = named_runs(folder, base, without=frozenset(after))
    except InputError as error:
        return _none((base,), tuple(path.name for path in after), error)
    return compare_runs(before, after, options)


def judge_session(
    base: str,
    rows: Iterable[Mapping[str, Any]],
    run: Mapping[str, Any],
    *,
    folder: Path | None = None,
    options: CompareOptions | None = None,
) -> dict[str, Any]:
    """Compare what a session of tests measured with a baseline; return the document of it.

    `rows` are those of the session's run, `run` its run.json (of which status, stamps and
    footprints count); `folder` holds the runs that `base` may name. The document has `verdict`,
    `exit_code` and `findings`; see `qrig.reports.compare_document`.
    """
    name = str(run.get("run_id") or "this session")
    runs = runs_folder() if folder is None else folder
    try:
        paths = named_runs(runs, base, without=frozenset((runs / name,)))
        before = [read_run_data(path) for path in paths]
    except InputError as error:
        return comparison_document(_none((base,), (name,), error))
    session = RunData(name, table_of(dict(row) for row in rows), {"status": "complete", **run})
    return comparison_document(compare_data(before, [session], options or CompareOptions()))


def read_run_data(folder: Path) -> RunData:
    """Read a run to compare; raises FileFormatError."""
    rows, run = load_run(folder)
    return RunData(folder.name, rows, run, load_tables(folder) if has_profile(folder) else None)


def named_runs(
    folder: Path, names: str, *, without: frozenset[Path] = frozenset()
) -> tuple[Path, ...]:
    """Return the folders of the runs that `names` stands for; raises UsageError.

    `without` are runs that `last` does not mean.
    """
    found: list[Path] = []
    for name in (part.strip() for part in names.split(",")):
        latest = _LATEST.fullmatch(name)
        if latest is not None:
            found += _latest(folder, int(latest[1] or 1), without)
        else:
            found.append(_named(folder, name))
    return tuple(dict.fromkeys(found))


def _named(folder: Path, name: str) -> Path:
    """Return the folder of one run."""
    try:
        found = _found(folder, name) if name else None
    except (OSError, ValueError):  # a name that no file can have, or a place we may not look into
        found = None
    if found is None:
        shown = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
        raise UsageError(
            f"expected a run in {folder}, a folder of one or a committed baseline, found no "
            f"{shown!r}; `qrig history` lists the runs"
        )
    return found


def _found(folder: Path, name: str) -> Path | None:
    """Return the folder that a name stands for: a file in it, a run, a baseline, a path."""
    path = Path(name)
    if path.is_file() and (path.parent / RUN).is_file():
        return path.parent
    root = checkout_root()
    places = [folder, folder.parent / BASELINES]
    places += [] if root is None else [root / "reports" / BASELINES]
    for place in places:
        if not path.is_absolute() and path.name == name and (place / name / RUN).is_file():
            return place / name
    if path.is_dir():
        return path
    return folder / name if path.name == name and (folder / name).is_dir() else None


def _latest(folder: Path, count: int, without: frozenset[Path]) -> list[Path]:
    """Return the latest complete runs, the latest last."""
    complete = [
        folder / row.run_id
        for row in read_rows(folder)
        if not isinstance(row, Unreadable)
        and row.run.get("status") == "complete"
        and folder / row.run_id not in without
    ]
    if not complete:
        raise UsageError(
            f"{folder}: expected a complete run to compare with, found none; run `qrig bench` first"
        )
    return complete[-count:]


def _folders(runs: Runs) -> Sequence[Path]:
    return [runs] if isinstance(runs, Path) else runs


def _none(base: tuple[str, ...], new: tuple[str, ...], error: InputError) -> RunsComparison:
    return RunsComparison(base, new, NO_BASELINE, reasons=(str(error),))
