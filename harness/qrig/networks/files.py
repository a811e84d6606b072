"""Reading untrusted files whole, with a size limit and one clear sentence when that fails."""

from __future__ import annotations

import stat
from pathlib import Path

from qrig.errors import FileFormatError


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
