"""Where a file is that a Caffe file names."""

from __future__ import annotations

from pathlib import Path

_MAX_ANCESTORS = 8


def find_named(name: str, near: Path) -> Path | None:
    """Return the file or folder that the Caffe file `near` calls `name`, or None.

    Caffe looks from the working directory; where nothing is there, the folder of `near` and those
    above it are tried, and last the bare file name beside `near`.
    """
    folder = near.parent.absolute()
    roots = [Path(), folder, *list(folder.parents)[:_MAX_ANCESTORS]]
    candidates = [*(root / name for root in roots), near.parent / Path(name).name]
    for candidate in candidates if name else ():
        try:
            if candidate.exists():
                return candidate
        except (OSError, ValueError):  # a name too long, or with a null byte
            return None
    return None
