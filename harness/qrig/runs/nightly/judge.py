"""A run compared with another, as a night sees it."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from qrig.errors import QrigError
from qrig.runs.compare import compare_runs
from qrig.runs.nightly.verdict import NO_BASELINE


@frozen
class Judged:
    """What comes of a comparison: a verdict, and sentences that say what has changed."""

    verdict: str
    findings: tuple[str, ...] = ()


def judge(base: Path, new: Path) -> Judged:
    """Compare the run in the folder `new` with that in `base`.

    Runs that cannot be compared have no comparable baseline.
    """
    try:
        found = compare_runs(base, new)
    except QrigError as error:
        return Judged(NO_BASELINE, (str(error),))
    # A night has said already which network on which target it is.
    names = [f"{cell.name}: " for cell in found.cells]
    prefix = names[0] if len(names) == 1 else ""
    return Judged(found.verdict, tuple(text.removeprefix(prefix) for text in found.findings))
