"""Recorded traces: text that people can write, with what is needed to make energy of it.

    # qrig-trace/1
    # meter: js220:002557          optional; what recorded it
    # voltage_v: 3.3               instead of the column
    # dropped: 3                   optional; samples that the meter lost
    # window: conv1 x 100          optional; what the windows are, in their order
    # edge: 0.0213 1               instead of the column `mark`: an edge and the new level
                                   (p for a pulse of a meter that sees one kind of edge alone)
    # note: anything               optional
    time_s,current_a,voltage_v,mark
    0.0,0.00213,3.3,0
    0.00001,0.00215,3.3,1

The first line and the column names are as above, in any order of columns. Times rise. `mark` is the
marker's level, 0 or 1: an edge is at the first sample with the new level. docs/power.md has more.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from qrig.errors import FileFormatError
from qrig.measure.meters.marks import LevelMarks
from qrig.measure.meters.meter import Array, Mark, Samples
from qrig.measure.meters.plan import Planned, read_planned
from qrig.networks.files import read_bytes, write_text

FORMAT = "qrig-trace/1"
"""What the first line must say."""

MAX_BYTES = 1 << 29
MAX_HEADER_LINES = 200_000
MAX_LINE_BYTES = 300

_TIME, _CURRENT, _VOLTAGE, _MARK = COLUMNS = ("time_s", "current_a", "voltage_v", "mark")
_KEYS = ("meter", "voltage_v", "dropped", "window", "edge", "note")
_MOST = {_TIME: 1e7, _CURRENT: 100.0, _VOLTAGE: 100.0, _MARK: 1.0}
_LEVELS = {"0": False, "1": True, "p": None}
_REGULAR = 0.9  # of the intervals must be alike for gaps to be seen as losses
_ALIKE = 0.1
_BOM = "\ufeff"


@frozen(eq=False)
class Trace:
    """A recorded trace: its samples, what its windows are (empty if it does not say), its file."""

    samples: Samples
    windows: tuple[Planned, ...]
    meter: str
    sha256: str


@define
class _Header:
    meter: str = "unknown"
    voltage_v: float | None = None
    dropped: int = 0
    windows: list[Planned] = field(factory=list)
    edges: list[Mark] = field(factory=list)


def read_trace(path: Path) -> Trace:
    """Read a recorded trace; raises FileFormatError with the line of a mistake."""
    data = read_bytes(path, what="a recorded trace", limit_bytes=MAX_BYTES)
    header, columns, body, line = _heading(path, data)
    table = _numbers(path, body, columns, line)
    values = {name: table[:, index] for index, name in enumerate(columns)}
    _check(path, values, line)
    time_s = np.ascontiguousarray(values[_TIME])
    voltage = values.get(_VOLTAGE)
    if voltage is None:
        voltage = np.broadcast_to(np.float64(header.voltage_v or 0.0), time_s.shape)
    marks = tuple(header.edges)
    if _MARK in values:
        marks = LevelMarks().edges(time_s, values[_MARK] > 0)
    dropped = max(header.dropped, _gaps(time_s))
    samples = Samples(
        time_s,
        np.ascontiguousarray(values[_CURRENT]),
        voltage,
        marks,
        dropped,
        len(time_s) + dropped,
    )
    return Trace(samples, tuple(header.windows), header.meter, hashlib.sha256(data).hexdigest())


def write_trace(
    path: Path, samples: Samples, windows: tuple[Planned, ...] = (), *, meter: str, note: str = ""
) -> None:
    """Write samples with their edges; reading them again gives the same numbers.

    Raises UsageError if the file cannot be written.
    """
    lines = [f"# {FORMAT}", f"# meter: {_one_line(meter)}", f"# dropped: {samples.dropped}"]
    lines += [f"# note: {_one_line(note)}"] if note else []
    lines += [f"# window: {window}" for window in windows]
    names = {level: name for name, level in _LEVELS.items()}
    lines += [f"# edge: {mark.time_s!r} {names[mark.level]}" for mark in samples.marks]
    lines.append(",".join((_TIME, _CURRENT, _VOLTAGE)))
    columns = zip(
        samples.time_s.tolist(), samples.current_a.tolist(), samples.voltage_v.tolist(), strict=True
    )
    lines += [f"{time!r},{current!r},{voltage!r}" for time, current, voltage in columns]
    write_text(path, "\n".join(lines) + "\n")


def _heading(path: Path, data: bytes) -> tuple[_Header, tuple[str, ...], bytes, int]:
    """Return the header, the columns, the rows as text, and the number of their first line."""
    header, start = _Header(), 0
    for number in range(1, MAX_HEADER_LINES + 2):
        end = data.find(b"\n", start)
        line = data[start : end if end >= 0 else len(data)]
        if len(line) > MAX_LINE_BYTES:
            raise _wrong(path, number, f"lines of up to {MAX_LINE_BYTES} bytes", "a longer one")
        text = line.decode("utf-8", "replace").strip()
        if number == 1 or text.startswith("#"):
            text = text.removeprefix(_BOM).rstrip(", ")  # as spreadsheets write it
        if number == 1:
            if text != f"# {FORMAT}":
                raise _wrong(path, 1, f"'# {FORMAT}'", repr(text[:60]))
        elif text.startswith("#"):
            _take(path, number, text[1:].strip(), header)
        else:
            columns = _columns(path, number, text, header)
            return header, columns, data[end + 1 :] if end >= 0 else b"", number + 1
        if end < 0:
            break
        start = end + 1
    raise FileFormatError(
        f"{path}: expected a line of columns ({','.join(COLUMNS)}) within {MAX_HEADER_LINES:,} "
        "lines, found none; add it"
    )


def _take(path: Path, number: int, text: str, header: _Header) -> None:
    """Put one line of the header where it belongs."""
    key, _, value = (part.strip() for part in text.partition(":"))
    if key not in _KEYS:
        raise _wrong(path, number, f"a known key ({', '.join(_KEYS)})", repr(key[:40]))
    try:
        if key == "meter":
            header.meter = _one_line(value)
        elif key == "voltage_v":
            header.voltage_v = _within(float(value), 0.0, _MOST[_VOLTAGE])
        elif key == "dropped":
            header.dropped = int(_within(int(value[:20]), 0, 1 << 40))
        elif key == "window":
            header.windows.append(read_planned(value))
        elif key == "edge":
            moment, level = value.split()
            mark = Mark(_within(float(moment), 0.0, _MOST[_TIME]), _LEVELS[level])
            header.edges.append(mark)
    except (ValueError, KeyError) as error:
        raise _wrong(path, number, f"'# {key[:40]}: VALUE'", f"{value[:60]!r} ({error})") from error


def _columns(path: Path, number: int, text: str, header: _Header) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in text.split(","))
    if len(set(columns)) != len(columns) or not set(columns) <= set(COLUMNS):
        raise _wrong(path, number, f"columns out of {','.join(COLUMNS)}", repr(text[:80]))
    needed: dict[str, bool] = {
        _TIME: True,
        _CURRENT: True,
        _VOLTAGE: header.voltage_v is None,
        _MARK: not header.edges,
    }
    for name, is_needed in needed.items():
        if is_needed != (name in columns) and (is_needed or name in (_VOLTAGE, _MARK)):
            found = "none" if is_needed else "both the column and what stands in its place"
            raise _wrong(path, number, f"the column {name}", found)
    times = [mark.time_s for mark in header.edges]
    if times != sorted(times):
        raise _wrong(path, number, "edges in order of time before this line", "others")
    return columns


def _numbers(
    path: Path, body: bytes, columns: tuple[str, ...], line: int
) -> npt.NDArray[np.float64]:
    """Return the rows as numbers."""
    try:
        if not body.strip():
            raise ValueError("no row at all")
        table = np.loadtxt(io.BytesIO(body), delimiter=",", comments=None, ndmin=2)
        if table.shape[1] != len(columns):
            raise ValueError(f"{table.shape[1]} columns")
    except (ValueError, UnicodeDecodeError) as error:
        found = _first_wrong(body, len(columns), line) or (line, str(error)[:200])
        expected = f"rows of {len(columns)} numbers ({','.join(columns)})"
        raise _wrong(path, found[0], expected, found[1]) from error
    if len(table) < 2:
        raise _wrong(path, line, "at least two rows", str(len(table)))
    return np.asarray(table, dtype=np.float64)


def _first_wrong(body: bytes, count: int, line: int) -> tuple[int, str] | None:
    """Return the number and text of the first row that is not of `count` numbers."""
    for number, row in enumerate(io.BytesIO(body), line):
        fields = row.split(b",")
        try:
            if not row.strip() or (len(fields) == count and list(map(float, fields))):
                continue
        except ValueError:
            pass
        return number, repr(row.decode("utf-8", "replace").strip()[:60])
    return None


def _check(path: Path, values: dict[str, Array], line: int) -> None:
    """Raise FileFormatError for numbers that cannot be, with the first row of them."""
    for name, column in values.items():
        low = -_MOST[name] if name == _CURRENT else 0.0
        wrong = ~((column >= low) & (column <= _MOST[name]))
        _refuse(path, line, wrong, partial(_beyond, name, low, column))
    times = values[_TIME]
    falls = np.diff(times, prepend=-1.0) <= 0
    _refuse(path, line, falls, lambda row: f"times that rise, found {times[row]:g}")
    if _MARK in values:
        mark = values[_MARK]
        wrong = (mark != 0) & (mark != 1)
        _refuse(path, line, wrong, lambda row: f"a mark of 0 or 1, found {mark[row]:g}")


def _beyond(name: str, low: float, column: Array, row: int) -> str:
    return f"{name} from {low:g} to {_MOST[name]:g}, found {column[row]:g}"


def _refuse(
    path: Path, line: int, wrong: npt.NDArray[np.bool_], text: Callable[[int], str]
) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        row = int(rows[0])
        raise FileFormatError(
            f"{path}: expected in row {row + 1} (line {line + row}) {text(row)}; correct the file"
        )


def _gaps(time_s: Array) -> int:
    """Return how many samples are missing in a trace of regular intervals, 0 in any other."""
    steps = np.diff(time_s)
    period = float(np.median(steps))
    if np.mean(np.abs(steps - period) <= _ALIKE * period) < _REGULAR:
        return 0
    return int(np.sum(np.maximum(0, np.rint(steps / period) - 1)))


def _within(value: float, low: float, high: float) -> float:
    if not (low <= value <= high and math.isfinite(value)):
        raise ValueError(f"expected {low:g} to {high:g}")
    return value


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:200]


def _wrong(path: Path, number: int, expected: str, found: str) -> FileFormatError:
    return FileFormatError(f"{path}:{number}: expected {expected}, found {found}; correct it")
