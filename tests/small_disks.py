"""Disks that fill up: a small one of its own, or a limit to the size of files."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(place: Path, size_kb: int) -> Iterator[Path]:
    """Give a disk of so many kilobytes; skips the test where none may be mounted."""
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)  # noqa: S607
    except OSError as error:
        pytest.skip(f"mount cannot be run: {error}")
    if mounted.returncode != 0:
        pytest.skip(f"a tmpfs may not be mounted: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)  # noqa: S607


@contextlib.contextmanager
def small_files(limit_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def fill(folder: Path, free_kb: int) -> Path:
    """Take all of a disk but so many kilobytes."""
    state = os.statvfs(folder)
    filler = folder / "filler"
    filler.write_bytes(bytes(max(0, state.f_bavail * state.f_frsize - free_kb * 1024)))
    return filler
