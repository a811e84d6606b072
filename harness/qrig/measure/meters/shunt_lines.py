"""The lines of a bridge between a shunt monitor (INA226, INA228) and a serial port.

The format is ours; docs/power.md describes it for whoever programs a bridge. A line is ASCII, at
most 96 bytes with its newline: a letter, fields behind spaces, `*`, and the exclusive or of all
bytes before the star as two hexadecimal digits.

    I qrig-shunt/1 ina228 E6614C 409600 0 85000 1000*79   what it is (answer to `?`)
    A S*32                                                `S` was done (`A X 4711`: 4711 samples)
    D 17 17000 23456789 3300123*44                        sample 17 at 17000 us: nA, uV
    M 3 17012 1*5A                                        edge 3 at 17012 us: now high
    E over range*34                                       what went wrong
"""

from __future__ import annotations

import re

from attrs import frozen

FORMAT = "qrig-shunt/1"
"""What the first field of an `I` line must be."""

MAX_LINE_BYTES = 96

_LINE = re.compile(rb"([IADME])((?: [!-)+-~]+)*)\*([0-9A-F]{2})")
_MOST = {"number": 1 << 32, "time_us": 1 << 53, "current_na": 1 << 44, "voltage_uv": 1 << 40}


@frozen
class Identity:
    """What a bridge is: its chip, serial number, limits, and largest rate."""

    format: str
    chip: str
    serial: str
    max_ua: int
    min_mv: int
    max_mv: int
    max_hz: int


@frozen
class Answer:
    """The command that was done, with what it says to it."""

    command: str
    rest: tuple[str, ...] = ()


@frozen
class Sample:
    """One sample with its number."""

    number: int
    time_us: int
    current_na: int
    voltage_uv: int


@frozen
class Edge:
    """One edge of the marker with its number."""

    number: int
    time_us: int
    level: bool


@frozen
class Trouble:
    """A sentence of the bridge."""

    text: str


Message = Identity | Answer | Sample | Edge | Trouble


def read_line(line: bytes) -> Message | None:
    """Return what a line (without its end) says; None if it is damaged or none of the format."""
    found = _LINE.fullmatch(line)
    if len(line) >= MAX_LINE_BYTES or found is None:
        return None
    letter, body, said = found.groups()
    if checksum(letter + body) != int(said, 16):
        return None
    fields = body.decode("ascii").split()
    try:
        return _message(letter.decode("ascii"), fields)
    except (ValueError, IndexError, TypeError):
        return None


def write_line(letter: str, *fields: object) -> bytes:
    """Return a line with its checksum and its end."""
    body = " ".join([letter, *map(str, fields)]).encode("ascii")
    return body + b"*%02X\n" % checksum(body)


def checksum(data: bytes) -> int:
    """Return the exclusive or of all bytes."""
    value = 0
    for byte in data:
        value ^= byte
    return value


def _message(letter: str, fields: list[str]) -> Message:
    if letter == "D":
        number, time_us, current_na, voltage_uv = map(int, fields)
        _check(number=number, time_us=time_us, voltage_uv=voltage_uv, current_na=abs(current_na))
        return Sample(number, time_us, current_na, voltage_uv)
    if letter == "M":
        number, time_us, level = map(int, fields)
        _check(number=number, time_us=time_us)
        return Edge(number, time_us, (False, True)[level])
    if letter == "I":
        kind, chip, serial, *limits = fields
        max_ua, min_mv, max_mv, max_hz = map(int, limits)
        return Identity(kind, chip, serial, max_ua, min_mv, max_mv, max_hz)
    if letter == "A":
        return Answer(fields[0], tuple(fields[1:]))
    return Trouble(" ".join(fields))


def _check(**values: int) -> None:
    for name, value in values.items():
        if not 0 <= value < _MOST[name]:
            raise ValueError(f"{name} is out of range: {value}")
