"""Reading untrusted files whole, writing files whole, and one clear sentence when either fails."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from qrig.errors import FileFormatError, UsageError

_MAX_SUFFIX = 32


def read_bytes(path: Path, *, what: str, limit_bytes: int) -> bytes:
    """Return the bytes of the file at `path`.

    Raises FileFormatError if it is missing, a directory, a device or pipe (which may never end),
    unreadable, empty or larger than `limit_bytes`; `what` names the kind of file in the message.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise FileFormatError(
                f"{path}: expected {what}, found a directory; name the file itself"
            )
        if not stat.S_ISREG(status.st_mode):
            raise FileFormatError(
                f"{path}: expected {what}, found a device or a pipe; copy it into a file"
            )
        if status.st_size > limit_bytes:
            raise FileFormatError(
                f"{path}: expected {what} of at most {limit_bytes:,} bytes, found "
                f"{status.st_size:,} bytes; check that this is the right file"
            )
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileFormatError(
            f"{path}: expected {what}, found none that can be read ({reason}); check the path"
        ) from error
    if not data:
        raise FileFormatError(f"{path}: expected {what}, found an empty file; copy it again")
    return data


def read_text(path: Path, *, what: str, limit_bytes: int = 1 << 22) -> str:
    """Return the text of the UTF-8 file at `path`; raises FileFormatError as `read_bytes` does."""
    data = read_bytes(path, what=what, limit_bytes=limit_bytes)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{path}: expected {what} as UTF-8 text, found a byte that is not text at offset "
            f"{error.start}; check that this is not the binary file"
        ) from error


def output_place(path: Path) -> Path:
    """Return where a file written at `path` goes, links followed: a new file or a regular one.

    Raises UsageError for anything else, which a file would take the place of: a folder, a device, a
    pipe, a socket. Raises it also for a folder that is not there or cannot be written.
    """
    try:
        found = _kind(path)
        place = path.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # no name a file can have, a loop of links
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{path}: expected a file's name, found none that can be used ({reason}); give another"
        ) from error
    if found:
        raise UsageError(
            f"{path}: expected a file to write, a new one or one to replace, found {found}; give "
            "another name"
        )
    if not place.parent.is_dir():
        raise UsageError(
            f"{path}: expected a file in a folder that is there, found no {place.parent}; make it "
            "or give another name"
        )
    if not os.access(place.parent, os.W_OK):
        raise UsageError(
            f"{path}: expected a file in a folder that can be written, found that "
            f"{place.parent} cannot be; give another name"
        )
    return place


def _kind(path: Path) -> str:
    """Return what `path` is if a file cannot replace it, else an empty text."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ""
    if stat.S_ISDIR(mode):
        return "a folder"
    return "" if stat.S_ISREG(mode) else "a device, a pipe or a socket"


def write_file(path: Path, writer: Callable[[Path], None]) -> None:
    """Let `writer` fill a file beside `path`, then move it there; leave nothing half-written.

    A file that was at `path` stays as it was until the new one is whole and on the disk; a link
    stays, its target is written (see `output_place`). The writer's file has the suffix of `path`.
    Raises UsageError if the file cannot be written; what else `writer` raises is passed on.
    """
    place = output_place(path)
    temporary: Path | None = None
    try:
        temporary = _beside(place)
        writer(temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(place)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())[:200]
        raise UsageError(
            f"{path}: expected a file that can be written, found that it cannot ({reason}); check "
            "the path and the free space"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all; raises UsageError as `write_file` does."""

    def write(place: Path) -> None:
        place.write_text(text, encoding="utf-8")

    write_file(path, write)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data`, whole or not at all; raises UsageError as `write_file` does."""

    def write(place: Path) -> None:
        place.write_bytes(data)

    write_file(path, write)


def _beside(place: Path) -> Path:
    """Return a new empty file in the folder of `place`, with its suffix."""
    suffix = place.suffix if len(place.suffix) <= _MAX_SUFFIX else ""
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".qrig-", suffix=suffix)
    os.close(handle)
    return Path(name)
