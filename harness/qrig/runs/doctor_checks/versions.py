"""Versions in what programs print."""

from __future__ import annotations

import re

_VERSION = re.compile(r"\d+\.\d+\.\d+")


def read_version(text: str) -> tuple[int, int, int] | None:
    """Return the first version of three numbers in `text`, None if there is none."""
    found = _VERSION.search(text)
    if found is None:
        return None
    major, minor, patch = (int(part) for part in found.group().split("."))
    return major, minor, patch


def version_text(version: tuple[int, ...]) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version))
