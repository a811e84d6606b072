"""Renode itself: where it is, and whether it is new enough."""

from __future__ import annotations

import functools
import os
import re
import shutil
from pathlib import Path

from qrig.build.toolchain import program_version
from qrig.errors import BuildError

VARIABLE = "RENODE"
"""The environment's name for Renode's program, or for the folder that it is in."""

WANTED = (1, 16, 1)
"""The first version that computes all of a Cortex-M7's instructions rightly and counts each."""

_NAMES = ("renode", "Renode")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def find_renode() -> Path | None:
    """Return Renode's program, where `RENODE` or PATH says; None if it is not there."""
    named = os.environ.get(VARIABLE)
    if not named:
        found = shutil.which("renode")
        return None if found is None else Path(found)
    places = (Path(named), *(Path(named) / name for name in _NAMES))
    return next((place for place in places if place.is_file() and os.access(place, os.X_OK)), None)


def renode_version(program: Path) -> str:
    """Return the version of `program` in three numbers, "unknown" if it does not say."""
    found = _version(str(program))
    return "unknown" if found is None else ".".join(map(str, found))


def unusable() -> str | None:
    """Return why there is no Renode that can be used, None if there is one."""
    program = find_renode()
    if program is None:
        named = os.environ.get(VARIABLE)
        if named:
            return f"{VARIABLE} is {named}, which is no program: set it to that of Renode"
        return f"Renode is not installed: set {VARIABLE} or put renode on PATH"
    version = _version(str(program))
    if version is None or version < WANTED:
        wanted = ".".join(map(str, WANTED))
        return f"Renode is {renode_version(program)} ({program}): install {wanted} or newer"
    return None


@functools.cache
def _version(program: str) -> tuple[int, ...] | None:
    try:
        found = _VERSION.search(program_version(program))
    except BuildError:
        return None
    return None if found is None else tuple(map(int, found.groups()))
