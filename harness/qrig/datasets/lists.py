"""List files: a line for each image, its path and its class, as Caffe's ImageData reads them."""

from __future__ import annotations

from pathlib import Path

from qrig.datasets.collector import Collector
from qrig.datasets.folders import read_file
from qrig.datasets.image_set import ImageSet
from qrig.datasets.request import MAX_RECORDS, Request
from qrig.errors import FileFormatError
from qrig.networks.files import read_text

MAX_LIST_BYTES = 1 << 28
"""Largest list file qrig reads."""

_WHAT = 'a list of images ("path label" lines)'


def read_list(path: Path, request: Request) -> ImageSet:
    """Read the images the lines of the list file at `path` name, in its order.

    What follows the last space or tab of a line is the class. Paths begin at `request.root`, else
    at the list's own folder, else at the working folder. Raises FileFormatError that names the
    line.
    """
    entries = list_entries(path, request.root)
    chosen = [entries[place] for place in request.places(len(entries))]
    collector = Collector(str(path), request.shape, len(chosen))
    for number, file, label in chosen:
        try:
            pixels = read_file(file, request)
        except FileFormatError as error:
            raise FileFormatError(f"{path}: line {number}: {error}") from error
        collector.add(f"line {number}, {file.name}", pixels, label)
    return collector.image_set(path.stem, source_count=request.source_count(len(entries)))


def list_entries(path: Path, root: Path | None = None) -> list[tuple[int, Path, int]]:
    """Return line number, image path and class of every line; raises FileFormatError."""
    text = read_text(path, what=_WHAT, limit_bytes=MAX_LIST_BYTES)
    entries = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        parts = line.strip().rsplit(None, 1)
        if len(parts) != 2 or not _is_class(parts[1]):
            raise FileFormatError(
                f'{path}: line {number}: expected "path label" with a label of 0 or more, found '
                f"{line.strip()[:120]!r}; correct the line"
            )
        entries.append((number, resolve(parts[0], path, root), int(parts[1])))
    if not entries:
        raise FileFormatError(f"{path}: expected {_WHAT}, found no line; check the path")
    if len(entries) > MAX_RECORDS:
        raise FileFormatError(
            f"{path}: expected at most {MAX_RECORDS:,} lines, found {len(entries):,}; divide the "
            "list"
        )
    return entries


def resolve(entry: str, path: Path, root: Path | None) -> Path:
    """Return the file that `entry` of the list at `path` names.

    With a `root` every entry begins there, one that starts with a slash too, as Caffe has it.
    Without one it begins at the list's folder, or, if there is no such file, at the working folder.
    """
    if root is not None:
        return root / entry.lstrip("/")
    beside = path.parent / entry
    return Path(entry) if not _is_there(beside) and _is_there(Path(entry)) else beside


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name no file can have
        return False


def _is_class(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
