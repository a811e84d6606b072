"""Comparing two profiled runs that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qrig.errors import UsageError
from qrig.reports.profile_diff import ProfileDiff, diff_profiles
from qrig.reports.profile_store import load_tables
from qrig.reports.stamps import semantics
from qrig.reports.store import find_run, load_run


def compare_profiles(
    folder: Path, before: str, after: str
) -> tuple[ProfileDiff, Mapping[str, str]]:
    """Compare runs `before` and `after` (run ids in `folder`, or folders).

    Returns the difference and what the models stand for, by their suffix. Kernels may differ, not
    what they compute. Raises UsageError if the runs are priced for different boards or have other
    semantics, FileFormatError if one holds no profile.
    """
    folders = [find_run(folder, name) for name in (before, after)]
    runs = [load_run(each)[1] for each in folders]
    models = [run.get("models") or {} for run in runs]
    computed = [semantics(run.get("stamps") or ()) for run in runs]
    if computed[0] != computed[1]:
        raise UsageError(
            f"expected two runs whose kernels compute the same, found {' and '.join(computed[0])} "
            f"against {' and '.join(computed[1])}; profile again with the same --pooling, "
            "--softmax-form and --truncate"
        )
    tables = [load_tables(each) for each in folders]
    if models[0] != models[1]:
        raise UsageError(
            f"expected two runs with the same modelled boards, found {_listed(models[0])} and "
            f"{_listed(models[1])}; profile again with the same --on"
        )
    return diff_profiles(tables[0], tables[1]), models[1]


def _listed(models: Mapping[str, str]) -> str:
    return "; ".join(models.values()) or "none"
