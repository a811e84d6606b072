"""The summary of a night as Markdown, for a pull request, a job summary or a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from qrig.reports.night_words import QUIET, counted, findings_of, grouped, headline
from qrig.reports.stamps import one_line

__all__ = ["night_markdown"]

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~])")
_LONGEST: Final = 400
_FINDINGS: Final = 3


def night_markdown(summary: Mapping[str, Any]) -> str:
    """Render summary.json of a night: the verdict first, then what is not as it should be."""
    said = headline(summary)
    lines = [f"## qrig nightly: {_text(said.word)}", "", _text(said.sentence), ""]
    groups = grouped(summary["cells"])
    for verdict, cells in groups.items():
        if verdict not in QUIET:
            lines += [f"### {_title(verdict, len(cells))}", "", *_table(cells), ""]
    for verdict, cells in groups.items():
        if verdict in QUIET:
            lines += ["<details>", f"<summary>{_title(verdict, len(cells))}</summary>", ""]
            lines += [*_table(cells), "", "</details>", ""]
    facts = (f"{name} {value}" for name, value in said.facts)
    return "\n".join([*lines, _text(", ".join(facts)), ""])


def _title(verdict: str, number: int) -> str:
    return _text(": ".join(counted(verdict, number)))


def _table(cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a table of cells; a column that is empty in all of them is left out."""
    rows = [_row(cell) for cell in cells]
    shown = [key for key in ("cell", "why", "run", "time") if any(row[key] for row in rows)]
    yield "| " + " | ".join(shown) + " |"
    yield "|" + "---|" * len(shown)
    for row in rows:
        yield "| " + " | ".join(row[key] for key in shown) + " |"


def _row(cell: Mapping[str, Any]) -> dict[str, str]:
    seconds = cell["seconds"]
    return {
        "cell": _code(cell["name"]),
        "why": "<br>".join(map(_text, findings_of(cell, _FINDINGS))),
        "run": "" if cell["run"] is None else _code(cell["run"]),
        "time": "" if seconds is None else f"{seconds:.0f} s",
    }


def _text(text: Any) -> str:
    """Write text of others so that nothing in it is markup."""
    return _SPECIAL.sub(r"\\\1", _cut(text))


def _code(text: Any) -> str:
    """Write a name as code, which a table's bar would end."""
    return f"`{_cut(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _cut(text: Any) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
