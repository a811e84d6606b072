"""A simulated bridge of a shunt monitor: the lines of `shunt_lines`, byte for byte."""

from __future__ import annotations

from qrig.measure.meters.shunt_lines import FORMAT, write_line
from qrig.measure.meters.simulated.faults import Faults, Line
from qrig.measure.meters.simulated.signal import Signal

SERIAL = "E6614C31"

_US = 1_000_000


class ShuntTwin:
    """A bridge that measures `signal`; `commands` are those it got."""

    def __init__(
        self,
        signal: Signal,
        faults: Faults = Faults(),  # noqa: B008 # frozen
        *,
        chip: str = "ina228",
        max_ua: int = 409_600,
    ) -> None:
        """Measure `signal` with `faults`."""
        self.signal = signal
        self.faults = faults
        self.line = Line(faults)
        self.commands: list[str] = []
        self._chip = chip
        self._max_ua = max_ua
        self._typed = b""
        self._hz = 1000
        self._left: list[bytes] = []
        self._has_started = False
        self._sent = 0

    @property
    def is_done(self) -> bool:
        """Whether a measurement was started and all of it has been sent."""
        return self._has_started and not self._left

    def receive(self, data: bytes) -> bytes:
        """Do the commands in `data`, return the answers."""
        *lines, self._typed = (self._typed + data).split(b"\n")
        if self.faults.is_mute:
            return b""
        return b"".join(self._do(line.decode("ascii", "replace").strip()) for line in lines)

    def produce(self) -> bytes:
        """Return the next lines of a measurement."""
        return self._left.pop(0) if self._left else b""

    def _do(self, command: str) -> bytes:
        self.commands.append(command)
        word, _, argument = command.partition(" ")
        if word == "?":
            known = self.faults.firmware or FORMAT
            return write_line("I", known, self._chip, SERIAL, self._max_ua, 0, 85_000, 2000)
        if word == "R":
            self._hz = int(argument)
        elif word == "S":
            self._left, self._has_started = self._lines(), True
        elif word == "X":
            self._left = []
            sent, self._sent = self._sent, 0
            return write_line("A", "X", sent)
        return write_line("A", word)

    def _lines(self) -> list[bytes]:
        times = self.signal.times(self._hz)
        currents = self.signal.currents(times)
        lines = {
            round(mark.time_s * _US) - 0.5: write_line(
                "M", number, round(mark.time_s * _US), int(bool(mark.level))
            )
            for number, mark in enumerate(self.signal.edges())
        }
        volts = round(self.signal.voltage_v * _US)
        for number, (time_s, current) in enumerate(zip(times, currents, strict=True)):
            if number not in self.faults.dropped:
                time_us = round(time_s * _US)
                lines[time_us] = write_line("D", number, time_us, round(current * 1e9), volts)
        self._sent = len(times)
        return [lines[moment] for moment in sorted(lines)]
