"""What the summaries of a night say in words, whatever they are written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from qrig.reports.stamps import one_line

__all__ = ["QUIET", "TONES", "Headline", "counted", "findings_of", "grouped", "headline"]

TONES: Final = {
    "differs": "bad",
    "worse": "bad",
    "failed": "bad",
    "not run": "warn",
    "no comparable baseline": "warn",
    "same": "good",
    "better": "good",
}
"""How a verdict is coloured; the order is that of the verdicts, the worst first."""

QUIET: Final = ("same", "better")
"""Verdicts that nobody has to do anything about."""

_WORDS: Final = {
    "differs": ("differs", "differ from the reference"),
    "worse": ("is worse", "are worse"),
    "failed": ("failed", "failed"),
    "not run": ("was not run", "were not run"),
    "no comparable baseline": ("has no comparable baseline", "have no comparable baseline"),
    "same": ("is the same", "are the same"),
    "better": ("is better", "are better"),
}


@frozen
class Headline:
    """The verdict of a night: a word, its tone, a sentence, and what identifies the night."""

    word: str
    tone: str
    sentence: str
    facts: tuple[tuple[str, str], ...]


def headline(summary: Mapping[str, Any]) -> Headline:
    """Put summary.json of a night into words."""
    verdict = one_line(summary["verdict"])
    counts: Mapping[str, int] = summary["counts"]
    total = sum(counts.values())
    parts = [f"{number:,} {_verb(word, number)}" for word, number in _ordered(counts)]
    told = f"Of {total:,} cell{'s'[: total != 1]}, {', '.join(parts)}."
    base = summary.get("baseline")
    against = (
        f"Compared with night {one_line(base)}." if base else "There is no good night before it."
    )
    facts = {
        "night": summary["night"],
        "started": _moment(summary["started"]),
        "finished": _moment(summary["finished"]),
        "revision": summary.get("revision"),
        "qrig": summary["version"],
    }
    return Headline(
        word=verdict.capitalize() if summary["complete"] else "Interrupted",
        tone=TONES.get(verdict, "warn"),
        sentence=f"{told} {against}",
        facts=tuple((name, one_line(value)) for name, value in facts.items() if value),
    )


def grouped(cells: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the cells by verdict, the worst first."""
    found: dict[str, list[Mapping[str, Any]]] = {verdict: [] for verdict in TONES}
    for cell in cells:
        found.setdefault(one_line(cell["verdict"]), []).append(cell)
    return {verdict: group for verdict, group in found.items() if group}


def counted(verdict: str, number: int) -> tuple[str, str]:
    """Return the heading of the cells with a verdict, and how many there are."""
    return verdict.capitalize(), f"{number:,} cell{'s'[: number != 1]}"


def findings_of(cell: Mapping[str, Any], most: int) -> list[str]:
    """Return what was found of a cell: `most` of it, and how much more there is."""
    found = [str(text) for text in cell["findings"]]
    more = len(found) - most
    return [*found[:most], *([f"and {more:,} more"] if more > 0 else [])]


def _verb(verdict: str, number: int) -> str:
    return _WORDS.get(verdict, (verdict, verdict))[number != 1]


def _moment(text: Any) -> str:
    """Write an ISO date and time to the minute; what is not one stays as it is."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return one_line(text)
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".strip()


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    known = [verdict for verdict in TONES if verdict in counts]
    return [(verdict, counts[verdict]) for verdict in known]
