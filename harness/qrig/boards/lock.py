"""One holder per board across processes, known by name.

The lock is the kernel's (flock): it ends with its holder, however that ends. Beside it lies a
record of who holds it, why and since when, for those who wait; a record without a lock means
nothing. Lock files stay where they are, so that all processes lock the same one.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import attrs
from attrs import frozen

from qrig.deadline import Deadline
from qrig.errors import BoardBusyError, TargetUnavailableError

_POLL_S = 0.02
_RECORD_BYTES = 1 << 14
_SHOWN = 200


@frozen
class Holder:
    """Who holds a board: a process, its user and host, what for, and since when (ISO 8601, UTC)."""

    pid: int
    who: str
    why: str
    since: str

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        return f"{self.who} (process {self.pid}) for {self.why!r} since {self.since}"


Waiting = Callable[[str, Holder], None]
"""Told, once per holder, the instance that is waited for and who holds it."""


class BoardLock:
    """The lock of one instance of a board; a context manager that releases it."""

    def __init__(self, folder: Path, key: str, name: str, why: str) -> None:
        """Prepare the lock `key` in `folder`; `name` is the instance's, `why` the holder's."""
        self.name = name
        self._lock_path = folder / f"{key}.lock"
        self._record_path = folder / f"{key}.holder.json"
        self._why = why
        self._descriptor: int | None = None

    def __enter__(self) -> BoardLock:
        """Return itself, locked or not."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release it."""
        self.release()

    @property
    def is_held(self) -> bool:
        """Whether we hold it."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lock if it is free, and return whether we have it.

        Raises TargetUnavailableError if there can be no lock file.
        """
        if self._descriptor is not None:
            return True
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._write_record()
        return True

    def acquire(self, deadline: Deadline, waiting: Waiting) -> None:
        """Take the lock, waiting for it until the deadline; raises BoardBusyError."""
        acquire_first([self], deadline, waiting)

    def release(self) -> None:
        """Let go of the lock; harmless the second time."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            self._record_path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def holder(self) -> Holder | None:
        """Return who holds the lock as far as is known, None if nobody or nobody known does."""
        record = _read_record(self._record_path)
        return record if record is not None and _is_alive(record) else None

    def is_taken(self) -> bool:
        """Whether somebody, we or another, holds the lock now."""
        if self._descriptor is not None:
            return True
        if not self._lock_path.exists():
            return False
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        """Open the lock file; programs that we start do not inherit it (O_CLOEXEC)."""
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise TargetUnavailableError(
                f"{self.name}: expected a file {self._lock_path} to lock, found that there can be "
                f"none ({error.strerror}); name another folder with QRIG_STATE"
            ) from error

    def _write_record(self) -> None:
        user = f"{_user()}@{socket.gethostname()}"
        since = datetime.now(UTC).isoformat(timespec="seconds")
        text = json.dumps(attrs.asdict(Holder(os.getpid(), user, self._why[:_SHOWN], since)))
        with contextlib.suppress(OSError):  # a full disk: the lock holds without a record
            handle, name = tempfile.mkstemp(dir=self._record_path.parent, prefix=".holder-")
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(self._record_path)


def acquire_first(locks: Sequence[BoardLock], deadline: Deadline, waiting: Waiting) -> BoardLock:
    """Take and return the first of `locks` that is free, waiting for one until the deadline.

    Raises BoardBusyError, with who holds them, if none becomes free.
    """
    told: set[tuple[str, Holder]] = set()
    while True:
        last = deadline.expired
        for lock in locks:
            if lock.try_acquire():
                return lock
        if last:
            break
        _tell(locks, told, waiting)
        time.sleep(min(_POLL_S, deadline.remaining_s()))
    held = "; ".join(f"{lock.name} by {lock.holder() or 'an unknown process'}" for lock in locks)
    raise BoardBusyError(
        f"{locks[0].name}: expected a free board within {deadline.seconds:g} s, found that it is "
        f"held: {held}; wait for it, or choose another board"
    )


def _tell(locks: Sequence[BoardLock], told: set[tuple[str, Holder]], waiting: Waiting) -> None:
    for lock in locks:
        holder = lock.holder()
        if holder is not None and (lock.name, holder) not in told:
            told.add((lock.name, holder))
            waiting(lock.name, holder)


def _read_record(path: Path) -> Holder | None:
    try:
        with path.open("rb") as stream:
            table = json.loads(stream.read(_RECORD_BYTES))
        pid, who, why, since = (table[key] for key in ("pid", "who", "why", "since"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(pid, int) or not all(isinstance(text, str) for text in (who, why, since)):
        return None
    return Holder(pid, _shown(who), _shown(why), _shown(since))


def _shown(text: str) -> str:
    """Return what of another's text may go to a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text[:_SHOWN])


def _is_alive(holder: Holder) -> bool:
    """Whether the process of a record exists, as far as can be told from this machine."""
    if holder.who.rpartition("@")[2] != socket.gethostname():
        return True
    try:
        os.kill(holder.pid, 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return False
    except PermissionError:
        return True
    return holder.pid > 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return str(os.getuid())
