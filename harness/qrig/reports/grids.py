"""What a table on a page or in a terminal is made of: cells of text, laid out in a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

__all__ = ["Cell", "Grid"]

_MARKS: Final = {"good": "✓", "bad": "✗", "quiet": "○"}


@attrs.frozen
class Cell:
    """One cell of a table; `tone` colours a verdict, `share` (0 to 1) draws a small bar.

    `before` and `below` are smaller and explain `text`.
    """

    text: str
    number: bool = False
    tone: str = ""
    share: float | None = None
    before: str = ""
    below: str = ""

    @property
    def mark(self) -> str:
        """The sign that tells a verdict without its colour."""
        return _MARKS.get(self.tone, "")


@attrs.frozen
class Grid:
    """A table: headings, rows and maybe a last row of totals."""

    label: str
    headings: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Cell] = ()
    title: str = ""
    subtitle: str = ""
