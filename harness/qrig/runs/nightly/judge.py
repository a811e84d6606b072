"""A run compared with another, as a night sees it."""

from __future__ import annotations

import importlib
from pathlib import Path

from attrs import frozen

from qrig.errors import QrigError
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
        module = importlib.import_module("qrig.runs.compare")
    except ModuleNotFoundError:
        return Judged(NO_BASELINE, ("this qrig cannot compare runs",))
    try:
        found = module.compare_runs(base, new)
    except QrigError as error:
        return Judged(NO_BASELINE, (str(error),))
    return Judged(found.verdict, tuple(found.findings))
