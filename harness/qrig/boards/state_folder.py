"""Where qrig keeps what it must remember of boards from one run to the next."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

_MAX_KEY = 80
_UNFIT = re.compile(r"[^a-z0-9._-]+")


def state_root() -> Path:
    """Return the user's state folder for qrig: `QRIG_STATE`, else the XDG state folder."""
    explicit = os.environ.get("QRIG_STATE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "qrig"


def instances_root() -> Path:
    """Return the folder with the locks and the states of instances of boards."""
    return state_root() / "instances"


def instance_key(identity: str) -> str:
    """Return a file name for a probe's identity: another for every identity but for its case.

    What a file name should not have is replaced, and a checksum then keeps the names apart.
    """
    plain = identity.strip().lower()
    fit = _UNFIT.sub("_", plain).lstrip("._-")[:_MAX_KEY]
    return fit if fit == plain else f"{fit}-{zlib.crc32(plain.encode()):08x}"
