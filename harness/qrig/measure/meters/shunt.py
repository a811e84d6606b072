"""A shunt monitor (INA226, INA228 and the like) behind a bridge with a serial port.

The bridge is a small board of the user's own that speaks the lines of `shunt_lines`. It stands in
the board's supply and feeds nothing. It tells its own limits, which depend on the shunt.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.meter import Mark, Samples, SupplyLimits, no_samples
from qrig.measure.meters.port import MeterPort
from qrig.measure.meters.shunt_lines import (
    FORMAT,
    MAX_LINE_BYTES,
    Answer,
    Edge,
    Identity,
    Message,
    Sample,
    Trouble,
    read_line,
)

BAUD = 921_600

_ANSWER_S = 2.0
_Kind = TypeVar("_Kind", Identity, Answer)


class ShuntMeter:
    """A bridge on a serial port."""

    has_pulses = False
    default_hz = 1000.0

    def __init__(self, device: str, chip: str) -> None:
        """Prepare to open the serial port `device`, where a bridge for `chip` must be."""
        self.name = chip
        self.source = f"{chip}:{device}"
        self.limits: SupplyLimits | None = None
        self._device = device
        self._port: MeterPort | None = None
        self._rest = b""
        self._early: list[Message] = []
        self._next = 0
        self._count: int | None = None
        self._max_hz = 1

    def open(self, deadline: Deadline) -> None:
        """Connect and ask what it is; raises MeterError."""
        self._port = MeterPort(self.name, self._device, BAUD)
        self._port.write("X", deadline)  # an earlier program may have died while measuring
        self._port.drain(deadline.within(1.0))
        self._rest = b""
        found = self._ask("?", Identity, deadline)
        if found.format != FORMAT or found.chip != self.name:
            raise MeterError(
                f"{self.name}: expected a bridge of {FORMAT} for {self.name}, found "
                f"{found.format[:40]!r} for {found.chip[:40]!r}; give the meter its name, or "
                "program the bridge anew"
            )
        self.source = f"{self.name}:{found.serial}"
        self._max_hz = found.max_hz
        most_a = found.max_ua * 1e-6
        self.limits = SupplyLimits(
            *(found.min_mv * 1e-3, found.max_mv * 1e-3, most_a, most_a),
            feeds=False,
            source=f"the bridge {found.serial} says so",
        )

    def configure(self, voltage_v: float, sample_hz: float, deadline: Deadline) -> None:
        """Set the rate, at most what the bridge can do; raises MeterError."""
        rate = max(1, min(int(sample_hz), self._max_hz))
        self._ask("R", Answer, deadline, str(rate))

    def start(self, deadline: Deadline) -> None:
        """Begin to measure; raises MeterError."""
        self._next, self._count = 0, None
        self._ask("S", Answer, deadline)

    def read(self, deadline: Deadline) -> Samples:
        """Return what came since the last time; raises MeterError."""
        early, self._early = self._early, []
        messages = early or self._messages(deadline)
        samples = [message for message in messages if isinstance(message, Sample)]
        marks = tuple(
            Mark(message.time_us * 1e-6, message.level, message.number)
            for message in messages
            if isinstance(message, Edge)
        )
        return self._samples(samples, marks)

    def stop(self, deadline: Deadline) -> None:
        """Stop measuring; what is on its way is read later. Raises MeterError."""
        self._line.write("X", deadline)

    def close(self) -> None:
        """Close the port; harmless the second time."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    @property
    def _line(self) -> MeterPort:
        if self._port is None:
            raise MeterError(f"{self.name}: expected it to be opened first")
        return self._port

    def _ask(
        self, command: str, kind: type[_Kind], deadline: Deadline, argument: str = ""
    ) -> _Kind:
        limit = deadline.within(_ANSWER_S)
        self._line.write(f"{command} {argument}".strip(), limit)
        while not limit.expired:
            messages = self._messages(limit)
            for index, message in enumerate(messages):
                if isinstance(message, kind) and getattr(message, "command", command) == command:
                    self._early = messages[index + 1 :]
                    return message
        raise MeterError(
            f"{self.name}: expected an answer to `{command}` on {self._device} within "
            f"{limit.seconds:.1f} s, found none; check the port and the bridge's program"
        )

    def _messages(self, deadline: Deadline) -> list[Message]:
        """Return the next whole lines, those that are damaged left out."""
        *lines, rest = (self._rest + self._line.read(deadline)).split(b"\n")
        self._rest = rest[-MAX_LINE_BYTES:]
        messages = [message for line in lines if (message := read_line(line.rstrip(b"\r")))]
        for message in messages:
            if isinstance(message, Trouble):
                raise MeterError(
                    f"{self.name}: expected a measurement without errors, found "
                    f"{message.text!r}; check shunt and wiring"
                )
            if isinstance(message, Answer) and message.command == "X" and message.rest:
                self._count = _number(message.rest[0])
        return messages

    def _samples(self, samples: list[Sample], marks: tuple[Mark, ...]) -> Samples:
        """Return samples with what their numbers say is missing before and behind them."""
        samples = [sample for sample in samples if sample.number >= self._next]
        begin = self._next
        if samples:
            self._next = samples[-1].number + 1
        if self._count is not None:
            self._next, self._count = max(self._next, self._count), None
        expected = self._next - begin
        if not samples and not marks and not expected:
            return no_samples()
        return Samples(
            np.array([sample.time_us for sample in samples], dtype=np.float64) * 1e-6,
            np.array([sample.current_na for sample in samples], dtype=np.float64) * 1e-9,
            np.array([sample.voltage_uv for sample in samples], dtype=np.float64) * 1e-6,
            marks,
            expected - len(samples),
            expected,
        )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 12 else None
