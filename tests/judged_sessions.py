"""Finished runs judged as `pytest --baseline` judges what a session of tests has measured."""

from pathlib import Path
from typing import Any

from qrig.reports.store import load_run
from qrig.runs.compare import judge_session


def judged_session(base: Path, new: Path) -> dict[str, Any]:
    """Judge the run in the folder `new` as a session against the one in `base`."""
    frame, run = load_run(new)
    rows = [{str(name): cell for name, cell in row.items()} for row in frame.to_dict("records")]
    return judge_session(base.name, rows, run, folder=base.parent)
