"""The file that keeps the flash of a virtual board from one run to the next."""

from __future__ import annotations

import mmap
from pathlib import Path

ERASED = b"\xff"


def open_flash(path: Path, size_bytes: int) -> mmap.mmap:
    """Return the contents of a flash, shared with its file: what is written there stays there.

    A file that is missing is made, erased; one of another size begins anew. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_size != size_bytes:
        temporary = path.with_suffix(".new")
        temporary.write_bytes(ERASED * size_bytes)
        temporary.replace(path)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), size_bytes)
