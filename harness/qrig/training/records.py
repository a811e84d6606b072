"""What a training was like, row by row: losses, rates and test results at iterations.

`<prefix>_history.json` holds `schema` "qrig-training/1", what the numbers depend on, and `rows`;
`<prefix>_history.csv` the rows alone, one column for every quantity. A row has `stage` (the
solver's number in its sequence, from 1), `iteration` (updates done), `elapsed_s` of the run,
`learning_rate`, `train_loss` (the mean of the last average_loss iterations), `train_<output>` for
every output of the train net in the last batch, and `test_<output>` where a test was made
(`test1_<output>` for the second test net, and so on).
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from qrig.errors import FileFormatError
from qrig.networks.files import output_place, read_text, write_file, write_text

SCHEMA = "qrig-training/1"

Row = dict[str, float]
"""Numbers by column."""

_FIRST = ("stage", "iteration", "elapsed_s", "learning_rate", "train_loss")
_MAX_ROWS = 1_000_000


@define(eq=False)
class Records:
    """The rows of a training, in the order of their iterations, and the file they go to."""

    prefix: Path
    about: dict[str, Any]
    rows: list[Row] = field(factory=list)

    @property
    def json_path(self) -> Path:
        """The JSON file."""
        return self.prefix.with_name(f"{self.prefix.name}_history.json")

    def add(self, stage: int, iteration: int, numbers: Mapping[str, float]) -> None:
        """Add numbers at `iteration` of `stage`; those of one iteration share a row."""
        place = {"stage": stage, "iteration": iteration}
        last = self.rows[-1] if self.rows else {}
        if any(last.get(name) != number for name, number in place.items()):
            self.rows.append(dict(place))
        self.rows[-1].update(numbers)

    @property
    def columns(self) -> list[str]:
        """Every column there is, the common ones first."""
        found = {name for row in self.rows for name in row}
        return [name for name in _FIRST if name in found] + sorted(found - set(_FIRST))

    def check(self) -> None:
        """Raise UsageError if the files cannot be written, before there is anything to write."""
        for path in (self.json_path, self.json_path.with_suffix(".csv")):
            output_place(path)

    def write(self) -> None:
        """Write both files, whole or not at all; raises UsageError."""
        document = {"schema": SCHEMA, **self.about, "rows": self.rows}
        text = json.dumps(document, indent=1) + "\n"
        write_text(self.json_path, text)
        write_file(self.json_path.with_suffix(".csv"), self._write_csv)

    def _write_csv(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as stream:
            table = csv.DictWriter(stream, self.columns or ["iteration"], restval="")
            table.writeheader()
            table.writerows(self.rows)

    def take_earlier(self, iteration: int) -> None:
        """Take the rows up to `iteration` from the file, for a training that goes on from there.

        Without a file there are none. Raises FileFormatError if the file is no history.
        """
        if not self.json_path.exists():
            return
        rows = read_history(self.json_path)["rows"]
        self.rows = [row for row in rows if row["iteration"] <= iteration]


def read_history(path: Path) -> dict[str, Any]:
    """Return the document of a `_history.json`; raises FileFormatError."""
    text = read_text(path, what="the history of a training", limit_bytes=1 << 28)
    try:
        document = json.loads(text)
        good = document["schema"] == SCHEMA and len(document["rows"]) <= _MAX_ROWS
        if not (good and all(_is_row(row) for row in document["rows"])):
            raise ValueError(f"no {SCHEMA}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: expected the history of a training, {SCHEMA}, found something else "
            f"({' '.join(str(error).split())[:120]}); remove it or give another --out"
        ) from error
    return dict(document)


def _is_row(row: Any) -> bool:
    numbers = isinstance(row, dict) and all(
        isinstance(value, int | float) and math.isfinite(value) for value in row.values()
    )
    return numbers and {"stage", "iteration"} <= row.keys()
