"""A simulated X-NUCLEO-LPM01A: the commands and streams of UM2269, byte for byte."""

from __future__ import annotations

import math

from qrig.measure.meters.simulated.faults import Faults, Line
from qrig.measure.meters.simulated.signal import Signal

IDENTITY = "540554545-1430736921-1900587"
FIRMWARE = "1.0.7"

_PROMPT = "\r\nPowerShield > "


class Lpm01aTwin:
    """A Power Shield that measures `signal`; `settings` are the arguments of its last commands."""

    def __init__(self, signal: Signal, faults: Faults = Faults()) -> None:  # noqa: B008 # frozen
        """Measure `signal` with `faults`."""
        self.signal = signal
        self.faults = faults
        self.line = Line(faults)
        self.settings: dict[str, str] = {}
        self.commands: list[str] = []
        self._typed = b""
        self._left: list[bytes] = []
        self._has_started = False
        self._is_measuring = False

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
        """Return the next piece of the stream."""
        return self._left.pop(0) if self._is_measuring and self._left else b""

    def _do(self, command: str) -> bytes:
        word, _, argument = command.partition(" ")
        self.commands.append(command)
        if word == "stop":
            return self._stopped()
        if self._is_measuring or word not in _KNOWN:
            return f"{_PROMPT}error {command}\r\nError detail: not possible\r\n".encode()
        self.settings[word] = argument
        answer = {"version": f": {self.faults.firmware or FIRMWARE}", "powershield": f" {IDENTITY}"}
        if word == "start":
            self._is_measuring = True
            self._left, self._has_started = _pieces(self._stream()), True
        return f"{_PROMPT}ack {command}{answer.get(word, '')}\r\n\r\n".encode()

    def _stopped(self) -> bytes:
        if not self._is_measuring:
            return f"{_PROMPT}error stop\r\n".encode()
        self._is_measuring, self._left = False, []
        end = b"\xf0\xf4\xff\xff" if self._is_binary else b"end\r\n"
        return end + f"{_PROMPT}Acquisition completed\r\n".encode()

    @property
    def _is_binary(self) -> bool:
        return self.settings.get("format") == "bin_hexa"

    def _stream(self) -> bytes:
        rate = _number(self.settings["freq"])
        times = self.signal.times(rate)
        values = self.signal.currents(times)
        if self.settings.get("output") == "energy":
            values = values * self.signal.voltage_v / rate
        events = {
            math.ceil(mark.time_s * rate - 1e-6): number
            for number, mark in enumerate(self.signal.edges())
        }
        out = bytearray()
        per_stamp = int(rate)  # one a second
        for index, value in enumerate(values):
            if index % per_stamp == 0:
                out += self._stamp(index * 1000 // per_stamp)
            if index in events:
                out += self._event(events[index])
            if index not in self.faults.dropped:
                out += self._sample(float(value))
        return bytes(out + self._stamp(len(values) * 1000 // per_stamp))

    def _stamp(self, time_ms: int) -> bytes:
        if self._is_binary:
            return b"\xf0\xf3" + time_ms.to_bytes(4, "big") + b"\x00\xff\xff"
        seconds, rest = divmod(time_ms, 1000)
        return f"TimeStamp: {seconds:03d}s {rest:03d}ms, buff 00%\r\n\0".encode()

    def _event(self, number: int) -> bytes:
        text = f"event {number} ris"
        return (
            b"\xf0\xf2" + text.encode() + b"\xff\xff"
            if self._is_binary
            else (f"{text}\r\n".encode())
        )

    def _sample(self, value: float) -> bytes:
        return _binary(value) if self._is_binary else _ascii(value)


_KNOWN = frozenset(
    (
        *("htc", "hrc", "version", "powershield", "volt", "freq", "format", "output", "acqtime"),
        *("trigsrc", "trigdelay", "eventsrc", "pwr", "start"),
    )
)


def _number(text: str) -> float:
    return float(text[:-1]) * 1000 if text.endswith("k") else float(text)


def _ascii(value: float) -> bytes:
    """Return four digits and a power of ten."""
    if value <= 0:
        return b"0000-10\r\n"
    power = math.floor(math.log10(value)) - 3
    digits = round(value / 10.0**power)
    if digits == 10_000:
        digits, power = 1000, power + 1
    return f"{digits:04d}{'-' if power < 0 else '+'}{abs(power):02d}\r\n".encode()


def _binary(value: float) -> bytes:
    """Return a power of 16 in 4 bits and 12 bits of value."""
    power = 3
    while power < 14 and round(value * 16.0 ** (power + 1)) <= 0xFFF:
        power += 1
    return (power << 12 | min(0xFFF, max(0, round(value * 16.0**power)))).to_bytes(2, "big")


def _pieces(data: bytes, size: int = 1000) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
