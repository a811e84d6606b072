"""The folder of one run of Renode: its log, and whatever it leaves in its folder for such files.

A run that is killed leaves its folder; the next one removes it. Whether a run still lives is told
by a lock (flock) in its folder, which the kernel releases when its holder ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "qrig-renode-"
_LOCK = "lock"


class RunFolder:
    """A new folder, removed at the latest by the next run."""

    def __init__(self) -> None:
        """Make the folder, and remove those of runs that were killed."""
        remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Only a folder with a lock can be abandoned: it gets its name when it is locked.
        unnamed = self.path / f"{_LOCK}.new"
        self._descriptor: int | None = os.open(unnamed, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        unnamed.rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove it; harmless the second time."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def remove_abandoned() -> None:
    """Remove the folders of our runs that were killed."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue  # somebody else's, or just removed
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        except BlockingIOError:
            continue  # its run lives
        finally:
            os.close(descriptor)
