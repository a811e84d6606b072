"""Text of others in Markdown, for comments on pull requests: nothing in it is markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Final

from qrig.reports.stamps import one_line

__all__ = ["html_text", "markdown_table", "markdown_text"]

_SPECIAL: Final = re.compile(r"([\\`*_\[\]|~])")
_MENTION: Final = re.compile(r"(?<!\w)@")
_LONGEST: Final = 400


def markdown_text(text: str) -> str:
    """Write text so that nothing in it is markup or a mention of somebody."""
    return _SPECIAL.sub(r"\\\1", html_text(text))


def html_text(text: str) -> str:
    """Write text for where Markdown is not read: in an element of HTML."""
    line = one_line(text)
    short = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return _MENTION.sub("@\N{ZERO WIDTH SPACE}", html.escape(short, quote=False))


def markdown_table(
    headings: Sequence[str], numbers: Sequence[bool], rows: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Yield the lines of a table; `numbers` says which columns stand to the right."""
    yield "| " + " | ".join(map(markdown_text, headings)) + " |"
    yield "|" + "".join("--:|" if number else "---|" for number in numbers)
    for row in rows:
        yield "| " + " | ".join(map(markdown_text, row)) + " |"
