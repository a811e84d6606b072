"""What stands at the top of a page: the verdict in a word and a sentence, and what run it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pandas as pd
from attrs import frozen

from qrig.reports.stamps import kernel_libraries, one_line

__all__ = ["TONES", "Headline", "facts", "headline", "moment_text"]

TONES: Final = {"bit-exact": "good", "differs": "bad", "not-traced": "quiet"}
"""The tone in which a verdict is said."""
_WORDS: Final = {"bit-exact": "Bit-exact", "differs": "Differs", "not-traced": "Not compared"}

_ENDS: Final = {
    "expected the target to keep running": "Crashed",
    "expected the firmware to run": "Crashed",
    "expected the firmware to answer": "Hung",
}
"""What errors of targets that crashed or hang say, and the word for it."""


@frozen
class Headline:
    """The verdict of a run: a word, its tone (good, bad, warn or quiet), and a sentence."""

    word: str
    tone: str
    sentence: str


def headline(summary: pd.DataFrame, run: Mapping[str, Any]) -> Headline:
    """Put the verdict into words; what the rows show outranks run.json.

    `summary` comes from `summary_table`.
    """
    verdict, status = str(run.get("verdict") or ""), run.get("status")
    checked, exact = int(summary["layers_checked"].sum()), int(summary["bit_exact"].sum())
    verdict = "differs" if exact < checked else verdict
    word, tone = _WORDS.get(verdict, one_line(verdict).capitalize()), TONES.get(verdict, "quiet")
    if status == "interrupted" and verdict == "bit-exact":
        word, tone = "Bit-exact so far", "warn"
    elif status == "failed" and verdict != "differs":
        word, tone = _failure(run), "bad"
    elif status == "interrupted" and verdict != "differs":
        word, tone = "Interrupted", "warn"
    elif verdict == "bit-exact" and not checked:
        tone = "warn"
    return Headline(word or "No verdict", tone, _sentence(checked, exact))


def facts(summary: pd.DataFrame, run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List what identifies the run: name and value; unknown ones are left out."""
    started, finished = (_moment(run.get(key)) for key in ("started", "finished"))
    took = ""
    if isinstance(started, datetime) and isinstance(finished, datetime):
        aware = (started.tzinfo is None) == (finished.tzinfo is None)
        took = _duration((finished - started).total_seconds()) if aware else ""
    networks, targets = (sorted(summary[key].unique()) for key in ("network", "target"))
    found = {
        "Run": one_line(run.get("run_id")),
        "Started": _when(started),
        "Took": took,
        "Network" if len(networks) == 1 else "Networks": one_line(", ".join(networks)),
        "Target" if len(targets) == 1 else "Targets": one_line("; ".join(targets)),
        "Kernels": one_line("; ".join(kernel_libraries(run.get("stamps") or ()))),
    }
    return [(name, value) for name, value in found.items() if value]


def moment_text(text: Any) -> str:
    """Write a date and time of run.json with its zone."""
    return _when(_moment(text))


def _sentence(checked: int, exact: int) -> str:
    if exact < checked:
        return f"{checked - exact:,} of {checked:,} layer outputs differ from the reference."
    if checked:
        return f"All {checked:,} layer outputs that were compared equal the reference, bit for bit."
    return "No layer output was compared with the reference."


def _failure(run: Mapping[str, Any]) -> str:
    """Say how a run failed, as far as its error tells."""
    error = str(run.get("error") or "")
    return next((word for words, word in _ENDS.items() if words in error), "Run failed")


def _moment(text: Any) -> datetime | str:
    """Read an ISO date and time; what is not one stays text."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return one_line(text)


def _when(moment: datetime | str) -> str:
    """Write a date and time with its zone."""
    if isinstance(moment, str):
        return moment
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or ''}".strip()


def _duration(seconds: float) -> str:
    """Write a duration in the unit that suits it."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
