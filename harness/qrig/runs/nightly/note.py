"""What the process of a cell tells the night: how far it has come, and how it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen
from attrs.validators import in_, instance_of, optional

from qrig.errors import FileFormatError
from qrig.networks.files import read_text, write_text
from qrig.runs.nightly.cell import texts
from qrig.runs.nightly.verdict import DIFFERS, EXACT, EXIT_CODES, FAILED

_LIMIT_BYTES = 1 << 20
_LONGEST, _MOST_FINDINGS = 8000, 100


@frozen
class Note:
    """How a cell ended, None while it is at work; why it failed; the id of its run, if any.

    `verdict` and `findings` are those of the comparison, None if there is none (yet).
    """

    outcome: str | None = field(default=None, validator=optional(in_((EXACT, DIFFERS, FAILED))))
    problem: str = field(default="", validator=instance_of(str))
    run: str | None = field(default=None, validator=optional(instance_of(str)))
    verdict: str | None = field(default=None, validator=optional(in_(tuple(EXIT_CODES))))
    findings: tuple[str, ...] = field(default=(), converter=texts)


def write_note(path: Path, note: Note) -> None:
    """Write a note, whole or not at all; raises UsageError."""
    findings = tuple(text[:_LONGEST] for text in note.findings[:_MOST_FINDINGS])
    short = attrs.evolve(note, problem=note.problem[:_LONGEST], findings=findings)
    write_text(path, json.dumps(attrs.asdict(short)) + "\n")


def read_note(path: Path) -> Note:
    """Read a note; one that is missing or broken says nothing."""
    try:
        text = read_text(path, what="the note of a cell", limit_bytes=_LIMIT_BYTES)
        document: dict[str, Any] = json.loads(text)
        return Note(**document)
    except (FileFormatError, ValueError, TypeError, RecursionError):
        return Note()
