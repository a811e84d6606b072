"""Where images come from: two names of one place are equal."""

from __future__ import annotations

from pathlib import Path

from qrig.datasets.idx_sets import idx_file
from qrig.datasets.known import FASHION_FOLDER, KNOWN
from qrig.datasets.lmdb_file import DATA_FILE
from qrig.datasets.sources import is_divided

Place = tuple[str, str]
"""A resolved path or a known name, and the part of it ("" where the path says it)."""

_FOLDERS = {"fashion-mnist": FASHION_FOLDER}


def place_of(source: str | Path, part: str) -> Place:
    """Return where the images of `part` of `source` lie; `part` is that of the set that was read.

    The folder or the file itself where `source` is a folder of parts, of MNIST's four files or of
    a database; links are followed. What is no path stays the name it is.
    """
    if source in KNOWN:
        if source not in _FOLDERS:
            return str(source), part
        source = _FOLDERS[str(source)]
    try:
        path = Path(source).resolve()
        if not path.is_dir():
            return str(path), part
        if part and is_divided(path):
            return place_of(path / part, part)
        for file in (idx_file(path, part) if part else None, path / DATA_FILE):
            if file is not None and file.is_file():
                return str(file.resolve()), ""
    except (OSError, ValueError, RuntimeError):  # no name a file can have
        return str(source), part
    return str(path), ""
