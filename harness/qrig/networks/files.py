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
                f"{path}: expected {what} of at most {limit_bytes} bytes, found {status.st_size} "
                "bytes; check that this is the right file"
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


def write_file(path: Path, writer: Callable[[Path], None]) -> None:
    """Let `writer` fill a file beside `path`, then move it there; leave nothing half-written.

    A file that was at `path` stays as it was until the new one is whole and on the disk. The
    writer's file has the suffix of `path`. Raises UsageError if the file cannot be written; what
    else `writer` raises is passed on.
    """
    temporary: Path | None = None
    try:
        place, temporary = _beside(path)
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


def _beside(path: Path) -> tuple[Path, Path]:
    """Return `path` without links, and a new empty file in its folder."""
    try:
        place = path.resolve()
        odd = place.exists() and not place.is_file()
    except (ValueError, RuntimeError) as error:  # a name no file can have, a loop of links
        raise UsageError(f"{path}: expected a file's name, found none ({error})") from error
    if odd:
        raise UsageError(
            f"{path}: expected a file to write, found a directory, a device or a pipe; give "
            "another name"
        )
    suffix = place.suffix if len(place.suffix) <= _MAX_SUFFIX else ""
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".qrig-", suffix=suffix)
    os.close(handle)
    return place, Path(name)
