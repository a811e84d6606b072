"""Programs on PATH: those of this machine that a test lets through, and stand-ins for others."""

import shutil
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path


def let_through(folder: Path, names: Iterable[str]) -> None:
    """Link programs of this machine into `folder`, which is to be all of PATH."""
    folder.mkdir(exist_ok=True)
    for name in names:
        found = shutil.which(name)
        assert found is not None, f"the tests need {name}"
        (folder / name).symlink_to(found)


def script(place: Path, text: str) -> Path:
    """Write a program for the shell in the place of another."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


def is_installed(name: str) -> bool:
    """Whether this Python has the package."""
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False
