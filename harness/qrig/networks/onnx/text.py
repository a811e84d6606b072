"""Untrusted values in messages: one short line, whatever they are."""

from __future__ import annotations

import reprlib


def text_of(value: str | bytes) -> str:
    """Return a text of the file; protobuf hands over bytes where they are not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def short(value: object) -> str:
    """Return `value` as one short line."""
    try:
        writer = reprlib.Repr()
        writer.maxstring = writer.maxother = 80
        writer.maxlist = writer.maxtuple = 8
        return writer.repr(value)
    except ValueError:  # an integer with more digits than Python writes
        return f"a huge {type(value).__name__}"
