"""The last good night, with the same cells of which those of tonight are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from qrig.errors import InputError
from qrig.networks.files import read_text
from qrig.runs.nightly.verdict import EXACT

SUMMARY = "summary.json"
"""The summary of a night for programs."""

_LIMIT_BYTES = 1 << 26


@frozen
class Baseline:
    """A good night: its id, None if there is none, and the folders of its runs by cell."""

    night: str | None = None
    runs: Mapping[str, Path] = field(factory=dict, repr=False)

    def base_of(self, cell: str) -> Path | None:
        """Return the run to compare `cell` with, None if there is none."""
        folder = self.runs.get(cell)
        return folder if folder is not None and folder.is_dir() else None

    def why_none(self, cell: str) -> str:
        """Say why there is nothing to compare `cell` with."""
        if self.night is None:
            return "there is no good night before this one"
        if cell not in self.runs:
            return f"night {self.night} has no such cell"
        return f"run {self.runs[cell].name} of night {self.night} is gone"

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"night": self.night, "runs": {name: str(path) for name, path in self.runs.items()}}


def baseline_of(document: Any) -> Baseline:
    """Return the baseline of a `Baseline.document`; raises KeyError, TypeError, AttributeError."""
    return Baseline(
        document["night"], {name: Path(path) for name, path in document["runs"].items()}
    )


def read_baseline(night: Path, *, accepted: bool) -> Baseline | None:
    """Return the night in the folder `night` to compare with, None if it is not a good one.

    A night is good if it is complete and no cell of it is bad, or if somebody has `accepted` it.
    Only its runs that were bit-exact are compared with.
    """
    try:
        text = read_text(night / SUMMARY, what="a summary", limit_bytes=_LIMIT_BYTES)
        document: dict[str, Any] = json.loads(text)
        if document["good"] is not True and not accepted:
            return None
        runs = {
            str(cell["name"]): night.parent.parent / str(cell["run"])
            for cell in document["cells"]
            if cell["outcome"] == EXACT and cell["run"] is not None
        }
    except (InputError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return Baseline(night.name, runs)
