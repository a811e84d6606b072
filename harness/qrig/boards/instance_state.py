"""What is known of one instance of a board from earlier runs: what its flash may hold, its health.

A file per instance, replaced whole. One that cannot be read counts as half-written flash: then the
flash is written anew, and whatever was noted wrongly is forgotten.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from qrig.errors import TargetUnavailableError

SCHEMA = "qrig-instance/1"
"""The `schema` of an instance's file."""

_LIMIT_BYTES = 1 << 16


@frozen
class Mark:
    """Something noted of an instance: why, and since when (ISO 8601, UTC)."""

    why: str
    since: str

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        return f"{self.why} (since {self.since})"


@frozen
class InstanceState:
    """What is known of an instance.

    `dirty` says that its flash may be half-written, `wedged` that it did not come back; `build` is
    the build id that was last flashed and verified, `unique_id` the chip it was.
    """

    dirty: Mark | None = None
    wedged: Mark | None = None
    build: str | None = None
    unique_id: str | None = None


class StateFile:
    """The file of one instance's state; who uses it holds the instance's lock."""

    def __init__(self, folder: Path, key: str, notice: Callable[[str], None]) -> None:
        """Read the state `key` in `folder`; `notice` is told if it is broken."""
        self._path = folder / f"{key}.json"
        self.state = _read(self._path, notice)

    def mark_dirty(self, why: str) -> None:
        """Note, on the disk, that the flash is about to change: call it before the first erase."""
        self._write(attrs.evolve(self.state, dirty=_mark(why), build=None))

    def mark_flashed(self, build: str, unique_id: str | None) -> None:
        """Note that the flash holds `build` and has been verified."""
        self._write(attrs.evolve(self.state, dirty=None, build=build, unique_id=unique_id))

    def mark_wedged(self, why: str) -> None:
        """Note that the board did not come back."""
        self._write(attrs.evolve(self.state, wedged=_mark(why)))

    def mark_well(self) -> None:
        """Note that the board has been proved well."""
        if self.state.wedged is not None:
            self._write(attrs.evolve(self.state, wedged=None))

    def _write(self, state: InstanceState) -> None:
        """Replace the file, and return when the new one is on the disk.

        Raises TargetUnavailableError if that fails: without it a board must not be touched.
        """
        text = json.dumps({"schema": SCHEMA, **attrs.asdict(state)}, indent=2)
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder, prefix=".state-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.write(text)
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(name).chmod(0o644)
                Path(name).replace(self._path)
            finally:
                Path(name).unlink(missing_ok=True)
            _sync_folder(folder)
        except OSError as error:
            raise TargetUnavailableError(
                f"{self._path}: expected to note what is done to the board, found that the file "
                f"cannot be written ({error.strerror}); free space, or name another folder with "
                "QRIG_STATE"
            ) from error
        self.state = state


def peek_state(folder: Path, key: str) -> InstanceState:
    """Return the state `key` in `folder` as it is now, without a lock: to be shown only."""
    return _read(folder / f"{key}.json", lambda text: None)


def _mark(why: str) -> Mark:
    return Mark(why, datetime.now(UTC).isoformat(timespec="seconds"))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, notice: Callable[[str], None]) -> InstanceState:
    try:
        with path.open("rb") as stream:
            return _parse(json.loads(stream.read(_LIMIT_BYTES)))
    except FileNotFoundError:
        return InstanceState()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        why = f"{path}: expected the state of a board, found a broken file ({reason})"
        notice(f"{why}; its flash is written anew")
        return InstanceState(dirty=_mark(why))


def _parse(table: Any) -> InstanceState:
    """Return the state in `table`; raises ValueError, KeyError or TypeError if it is none."""
    if table["schema"] != SCHEMA:
        raise ValueError(f"expected {SCHEMA}, found {table['schema']!r}")
    return InstanceState(
        dirty=_parse_mark(table["dirty"]),
        wedged=_parse_mark(table["wedged"]),
        build=_text_or_none(table["build"]),
        unique_id=_text_or_none(table["unique_id"]),
    )


def _parse_mark(value: Any) -> Mark | None:
    return None if value is None else Mark(_text(value["why"]), _text(value["since"]))


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {value!r}")
    return value
