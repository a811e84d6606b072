"""The ASCII stream of an X-NUCLEO-LPM01A: samples, time stamps, events, one a line.

    6409-07                          a sample: 6409 x 10^-7, amperes or joules
    TimeStamp: 001s 000ms, buff 00%  the board's clock, now and then (a NUL may follow it)
    event 3 ris                      an edge on D7, numbered
    error ...                        what went wrong
    end                              the end of the measurement
    PowerShield > ...                the prompt, answers

After UM2269 (Getting started with PowerShield firmware) and public captures of firmware 1.0.7.
"""

from __future__ import annotations

import re

from attrs import define, field

_SAMPLE = re.compile(r"([0-9]{4})([+-])([0-9]{2})")
_STAMP = re.compile(r"TimeStamp:[ <>]*([0-9]{1,4})s ([0-9]{3})ms, buff ([0-9]{1,3})%")
_EVENT = re.compile(r"event ([0-9]{1,9}) (?:ris|fal)\w*")
_MAX_LINE = 200


@define
class Segment:
    """What lies between two time stamps.

    `values` are samples in order, None for a damaged line that stood for one. `events` are pairs of
    position among the samples and number. `end_ms` is the stamp at its end, None for the rest.
    """

    values: list[float | None] = field(factory=list)
    events: list[tuple[int, int | None]] = field(factory=list)
    end_ms: int | None = None


class AsciiStream:
    """Takes bytes, gives segments."""

    def __init__(self) -> None:
        """Start before the first stamp."""
        self.has_ended = False
        self.error: str | None = None
        self._rest = ""
        self._open = Segment()

    def feed(self, data: bytes) -> list[Segment]:
        """Return the segments that `data` completes."""
        text = self._rest + data.decode("ascii", "replace").replace("\0", "")
        *lines, self._rest = text.split("\n")
        self._rest = self._rest[-_MAX_LINE:]
        done = []
        for line in lines:
            if self._take(line.strip()):
                done.append(self._open)
                self._open = Segment()
        return done

    def rest(self) -> Segment:
        """Return what came behind the last stamp."""
        segment, self._open = self._open, Segment()
        return segment

    def _take(self, line: str) -> bool:
        """Put a line where it belongs; whether it completes the segment."""
        if sample := _SAMPLE.fullmatch(line):
            digits, sign, exponent = sample.groups()
            self._open.values.append(float(f"{digits}e{sign}{exponent}"))
        elif stamp := _STAMP.fullmatch(line):
            self._open.end_ms = int(stamp[1]) * 1000 + int(stamp[2])
            return True
        elif event := _EVENT.fullmatch(line):
            self._open.events.append((len(self._open.values), int(event[1])))
        elif line == "end" or "Acquisition completed" in line:
            self.has_ended = True
        elif line.lower().startswith("error"):
            self.error = line[:_MAX_LINE]
        elif not self.has_ended and _is_damaged(line):
            self._open.values.append(None)
        return False


def _is_damaged(line: str) -> bool:
    """Whether a line was a sample before something happened to it."""
    return bool(line) and not line.startswith(("PowerShield", "summary", "Current", "ack"))
