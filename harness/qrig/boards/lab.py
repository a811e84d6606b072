"""The boards of a laboratory: which probe, port and chip each has, as lab.toml says.

The file is `QRIG_LAB`, else `qrig/lab.toml` in the user's configuration folder. Where a board is on
the only probe of the machine no such file is needed.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen
from attrs.validators import and_, in_, matches_re, optional

from qrig.boards.registry import board_names
from qrig.boards.toml import structure
from qrig.errors import FileFormatError
from qrig.networks.files import read_text

SCHEMA = "qrig-lab/1"
"""The `schema` of lab.toml."""

NAME = r"[a-z0-9][a-z0-9-]{0,31}"
"""What an instance may be called: it is written behind the colon of a target."""

_REMOTE = "remote:"
_HEADER = re.compile(r"\s*\[\[\s*boards\s*\]\]")
_LIMIT_BYTES = 1 << 20
_SLOWEST_HZ, _FASTEST_HZ = 1_000, 50_000_000


def _is_speed(_entry: object, attribute: Any, value: int | None) -> None:
    if value is not None and not _SLOWEST_HZ <= value <= _FASTEST_HZ:
        raise ValueError(
            f"'{attribute.name}' must be from {_SLOWEST_HZ:,} to {_FASTEST_HZ:,}, found {value:,}"
        )


def _is_probe(_entry: object, attribute: Any, value: str) -> None:
    if value.startswith(_REMOTE) and not re.fullmatch(r"[^:\s]+:[0-9]{1,5}", value[len(_REMOTE) :]):
        raise ValueError(f"'{attribute.name}' must be remote:host:port, found {value!r}")


def _is_command(_entry: object, attribute: Any, value: tuple[str, ...]) -> None:
    if "" in value[:1] or any("\0" in word for word in value):
        raise ValueError(f"'{attribute.name}' must be a command and its words, found {value!r}")


@frozen
class LabEntry:
    """One board of the laboratory.

    `probe` is the probe's id, or `remote:host:port` of a pyOCD server; `port` a device or any URL
    pyserial opens, None to find it by the probe's USB serial number; `unique_id` the chip's number
    as 24 hex digits, None for any; `power_cycle` a command, run without a shell, that switches the
    board off and on; `attached` keeps the debugger attached while firmware runs; `connect_hz` is
    the clock of the debug port.
    """

    name: str = field(validator=matches_re(NAME))
    board: str
    probe: str = field(validator=and_(matches_re(r"\S(.*\S)?"), _is_probe))
    port: str | None = field(default=None, validator=optional(matches_re(r"\S(.*\S)?")))
    unique_id: str | None = field(default=None, validator=optional(matches_re(r"[0-9a-f]{24}")))
    power_cycle: tuple[str, ...] = field(default=(), validator=_is_command)
    attached: bool = False
    connect_hz: int | None = field(default=None, validator=_is_speed)

    @property
    def is_remote(self) -> bool:
        """Whether the probe is on another machine."""
        return self.probe.startswith(_REMOTE)


@frozen
class Lab:
    """All boards of the laboratory; `path` is the file, None if there is none."""

    path: Path | None
    boards: tuple[LabEntry, ...] = ()

    def of(self, board: str) -> tuple[LabEntry, ...]:
        """Return the entries of one kind of board, in the order of the file."""
        return tuple(entry for entry in self.boards if entry.board == board)


def lab_path() -> Path:
    """Return where lab.toml is or would be."""
    explicit = os.environ.get("QRIG_LAB")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "qrig" / "lab.toml"


def find_lab() -> Lab:
    """Return the user's laboratory, an empty one if there is no file.

    Raises FileFormatError for a mistake in it, and if `QRIG_LAB` names a file that is not there.
    """
    path = lab_path()
    if not os.environ.get("QRIG_LAB") and not path.exists():
        return Lab(None)
    return read_lab(path)


def read_lab(path: Path) -> Lab:
    """Read a lab.toml; raises FileFormatError with file, line and key."""
    text = read_text(path, what="a laboratory (lab.toml)", limit_bytes=_LIMIT_BYTES)
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: expected TOML, found a mistake: {error}; correct it"
        ) from error
    entries = table.pop("boards", [])
    structure(table, _Head, path, text)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FileFormatError(
            f"{path}: boards: expected tables that begin with [[boards]], found {entries!r:.80}; "
            "correct it"
        )
    sections = _sections(text, len(entries))
    found: list[LabEntry] = []
    for entry, section in zip(entries, sections, strict=True):
        place = _Place(path, *section)
        _check_complete(entry, place)
        known = structure(_normal(entry), LabEntry, path, place.text)
        _check(known, found, place)
        found.append(known)
    return Lab(path, tuple(found))


@frozen
class _Place:
    """Where an entry is: the line it begins at, and its lines, at their numbers in the file."""

    path: Path
    line: int
    text: str

    def mistake(self, key: str, expected: str) -> FileFormatError:
        """Return the error for `key`, with its line or else that of the entry."""
        pattern = re.compile(rf"\s*{key}\s*=")
        lines = enumerate(self.text.splitlines(), start=1)
        number = next((number for number, line in lines if pattern.match(line)), self.line)
        return FileFormatError(f"{self.path}:{number}: boards.{key}: {expected}; correct it")


@frozen
class _Head:
    """What lab.toml has beside its boards."""

    schema: str = field(validator=in_((SCHEMA,)))


def _normal(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the entry with its chip's number in lower case."""
    number = entry.get("unique_id")
    return {**entry, "unique_id": number.lower()} if isinstance(number, str) else entry


def _sections(text: str, count: int) -> Iterator[tuple[int, str]]:
    """Yield, per [[boards]] table, the line it begins at, and the file without all but its lines.

    A file that writes its tables in another way has all of its text searched for every one.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    if len(starts) != count:
        yield from [(1, text)] * count
        return
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield start + 1, "\n".join([""] * (start + 1) + lines[start + 1 : end])


def _check_complete(entry: dict[str, Any], place: _Place) -> None:
    for attribute in attrs.fields(LabEntry):
        if attribute.default is attrs.NOTHING and attribute.name not in entry:
            raise place.mistake(attribute.name, "expected this key, found none")


def _check(entry: LabEntry, others: Iterable[LabEntry], place: _Place) -> None:
    """Raise FileFormatError for an unknown board, and for what two entries cannot share."""
    if entry.board not in board_names():
        expected = f"expected a board ({', '.join(board_names())})"
        raise place.mistake("board", f"{expected}, found {entry.board!r}")
    if entry.is_remote and entry.port is None:
        expected = "expected a port, rfc2217:// or socket://, beside a probe of another machine"
        raise place.mistake("probe", f"{expected}, found none")
    for other in others:
        for key in ("name", "probe", "port", "unique_id"):
            mine, theirs = _comparable(entry, key), _comparable(other, key)
            if mine is not None and mine == theirs:
                expected = f"expected another {key} than that of {other.name!r}"
                raise place.mistake(key, f"{expected}, found {getattr(entry, key)!r}")


def _comparable(entry: LabEntry, key: str) -> str | None:
    """Return the value of `key` so that two names of one thing are equal."""
    value: str | None = getattr(entry, key)
    if value is None:
        return None
    if key == "port" and "://" not in value:
        return os.path.realpath(value)
    return value.casefold()


def entry_snippet(entry: LabEntry) -> str:
    """Return the lines of lab.toml that make up `entry`, for a user to copy."""
    lines = ["[[boards]]"]
    for attribute in attrs.fields(LabEntry):
        value = getattr(entry, attribute.name)
        if value != attribute.default:
            lines.append(f"{attribute.name} = {_toml(value)}")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
