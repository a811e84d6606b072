"""Where firmware, board descriptions and bundled networks are, in a checkout or in the wheel."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def checkout_root() -> Path | None:
    """Return the root of the source checkout this package runs from, or None for a wheel."""
    root = _PACKAGE.parents[1]
    return root if (root / "firmware").is_dir() and (root / "targets").is_dir() else None


def share_root() -> Path:
    """Return the folder that holds `firmware/`, `targets/` and `models/`."""
    return checkout_root() or _PACKAGE / "_share"


def firmware_root() -> Path:
    """Return the folder of the C sources."""
    return share_root() / "firmware"


def targets_root() -> Path:
    """Return the folder with one sub-folder per board."""
    return share_root() / "targets"


def models_root() -> Path:
    """Return the folder with one sub-folder per bundled network."""
    return share_root() / "models"


def cache_root() -> Path:
    """Return the user's cache folder for qrig: `QRIG_CACHE`, else the XDG cache folder."""
    explicit = os.environ.get("QRIG_CACHE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "qrig"
