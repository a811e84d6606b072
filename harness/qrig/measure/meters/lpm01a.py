"""STM32 Power Shield X-NUCLEO-LPM01A: feeds a board and measures it, over a USB serial port.

Commands and formats after ST UM2269, electrical limits after UM2243. Up to 5 kHz the board sends
joules per sample in ASCII (integrated by its own hardware, and with the edges of D7), above that
amperes in binary. It sees falling edges alone: the marker must give a pulse where a window begins
and another where it ends.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.lpm01a_ascii import AsciiStream, Segment
from qrig.measure.meters.lpm01a_binary import BinarySegment, BinaryStream
from qrig.measure.meters.lpm01a_clock import SampleClock
from qrig.measure.meters.meter import (
    Array,
    Mark,
    Samples,
    SupplyLimits,
    at_voltage,
    joined,
    no_samples,
)
from qrig.measure.meters.port import MeterPort

BAUD = 3_686_400
RATES_HZ = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
"""The sampling frequencies there are."""

MAX_ASCII_HZ = 5000
"""The largest rate at which the ASCII stream may last for ever."""

LEAST_FIRMWARE = (1, 0, 6)
"""Older firmware refuses `pwr off` and has no events (EEMBC energyrunner, issue 8)."""

_GOODBYE_S = 1.0
_ANSWER_S = 2.0
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})")
_IDENTITY = re.compile(r"[0-9A-Za-z]+(?:-[0-9A-Za-z]+)+")


class Lpm01a:
    """The Power Shield on a serial port."""

    name = "lpm01a"
    limits = SupplyLimits(
        1.8, 3.3, 0.05, 0.05, feeds=True, source="ST UM2243, dynamic measurement: 50 mA at most"
    )
    default_hz = float(MAX_ASCII_HZ)
    has_pulses = True

    def __init__(self, device: str) -> None:
        """Prepare to open the serial port `device`."""
        self.source = f"{self.name}:{device}"
        self._device = device
        self._port: MeterPort | None = None
        self._stream: AsciiStream | BinaryStream = AsciiStream()
        self._clock = SampleClock(self.default_hz)
        self._voltage_v = 3.3
        self._ready: list[Samples] = []
        self._is_measuring = False

    def open(self, deadline: Deadline) -> None:
        """Take control of the shield; raises MeterError, also for firmware that is too old."""
        self._port = MeterPort(self.name, self._device, BAUD)
        self._line.write("stop", deadline)  # an earlier program may have died while measuring
        self._line.drain(deadline.within(1.0))
        self._ask("htc", deadline)
        self._check_version(self._ask("version", deadline))
        identity = _IDENTITY.search(self._ask("powershield", deadline))
        if identity is not None:
            self.source = f"{self.name}:{identity[0]}"

    def configure(self, voltage_v: float, sample_hz: float, deadline: Deadline) -> None:
        """Set voltage, rate and format, switch the supply on; raises MeterError."""
        rate = max((rate for rate in RATES_HZ if rate <= sample_hz), default=RATES_HZ[0])
        is_ascii = rate <= MAX_ASCII_HZ
        self._voltage_v, self._clock = voltage_v, SampleClock(float(rate))
        self._stream = AsciiStream() if is_ascii else BinaryStream()
        for command in (
            f"volt {round(voltage_v * 1000)}m",
            f"freq {rate if rate < 1000 else f'{rate // 1000}k'}",
            f"format {'ascii_dec' if is_ascii else 'bin_hexa'}",
            f"output {'energy' if is_ascii else 'current'}",
            "acqtime inf",
            "trigsrc sw",
            "trigdelay 0",
            "eventsrc d7 fal",
            "pwr on",
        ):
            self._ask(command, deadline)

    def start(self, deadline: Deadline) -> None:
        """Begin to measure; raises MeterError."""
        self._ready = []
        self._clock = SampleClock(self._clock.sample_hz)
        is_ascii = isinstance(self._stream, AsciiStream)
        self._stream = AsciiStream() if is_ascii else BinaryStream()
        self._ask("start", deadline)
        self._is_measuring = True

    def read(self, deadline: Deadline) -> Samples:
        """Return what came since the last time; raises MeterError."""
        if not self._ready:
            self._take(self._line.read(deadline))
        ready, self._ready = self._ready, []
        return joined(ready)

    def stop(self, deadline: Deadline) -> None:
        """Stop measuring; raises MeterError."""
        self._line.write("stop", deadline)
        while not self._stream.has_ended:
            data = self._line.read(deadline)
            if not data:
                raise MeterError(
                    f"{self.name}: expected the end of the measurement within "
                    f"{deadline.seconds:g} s, found none; unplug the shield and plug it in again"
                )
            self._take(data)
        self._is_measuring = False
        self._line.drain(deadline.within(1.0))
        self._ready.append(self._placed(self._stream.rest()))

    def close(self) -> None:
        """Switch the supply off and give control back; harmless the second time."""
        port, self._port = self._port, None
        if port is None:
            return
        first = ("stop",) if self._is_measuring else ()
        self._is_measuring = False
        try:
            for command in (*first, "pwr off", "hrc"):
                port.write(command, Deadline.after(_ANSWER_S))
            limit = Deadline.after(_GOODBYE_S)  # it may still send samples, and reads late
            while (line := port.line(limit)) is not None and "ack hrc" not in line:
                pass
        except MeterError:
            pass  # it is gone: nothing is left to be switched off
        finally:
            port.close()

    @property
    def _line(self) -> MeterPort:
        if self._port is None:
            raise MeterError(f"{self.name}: expected it to be opened first")
        return self._port

    def _ask(self, command: str, deadline: Deadline) -> str:
        """Return what stands behind `ack <command>` in the answer."""
        limit = deadline.within(_ANSWER_S)
        self._line.write(command, limit)
        seen = ""
        while (line := self._line.line(limit)) is not None:
            _, found, rest = line.partition(f"ack {command}")
            if found:
                return rest.strip()
            if f"error {command}" in line:
                raise MeterError(
                    f"{self.name}: expected `{command}` to be done, found {line!r}; check the "
                    "shield's display and its firmware"
                )
            seen = line or seen
        raise MeterError(
            f"{self.name}: expected an answer to `{command}` on {self._device} within "
            f"{limit.seconds:.1f} s, found {seen[-60:]!r}; check that this is the Power Shield's "
            "port"
        )

    def _check_version(self, answer: str) -> None:
        found = _VERSION.search(answer)
        version = tuple(map(int, found.groups())) if found else None
        if version is None or version < LEAST_FIRMWARE:
            least = ".".join(map(str, LEAST_FIRMWARE))
            raise MeterError(
                f"{self.name}: expected firmware {least} or later, found {answer[:40]!r}; update "
                "the shield with STM32CubeMonitor-Power"
            )

    def _take(self, data: bytes) -> None:
        for segment in self._stream.feed(data):
            self._ready.append(self._placed(segment))
        if self._stream.error is not None:
            raise MeterError(
                f"{self.name}: expected a measurement without errors, found "
                f"{self._stream.error!r}; check what the board draws and measure again"
            )

    def _placed(self, segment: Segment | BinarySegment) -> Samples:
        """Return a segment as samples with their times; answers precede the first stamp."""
        if self._clock.starts_with(segment.end_ms):
            return no_samples()
        if isinstance(segment, Segment):
            return self._placed_ascii(segment)
        values = np.concatenate([np.zeros(0), *segment.stretches])
        if segment.is_damaged and segment.end_ms is not None:
            values = values[:0]  # the stamp says how many are missing
        first, missing = self._clock.place(len(values), segment.end_ms)
        damaged = np.full(len(values), segment.is_damaged)
        return self._samples(values, damaged, first, missing, segment.events, shift=0.0)

    def _placed_ascii(self, segment: Segment) -> Samples:
        read = segment.values
        first, missing = self._clock.place(len(read), segment.end_ms)
        values = np.array([np.nan if value is None else value for value in read], dtype=np.float64)
        # A sample is the energy of a whole period: its mean current belongs to the middle.
        currents: Array = values * (self._clock.sample_hz / self._voltage_v)
        return self._samples(currents, np.isnan(values), first, missing, segment.events, shift=0.5)

    def _samples(
        self,
        current_a: Array,
        damaged: npt.NDArray[np.bool_],
        first: int,
        missing: int,
        events: list[tuple[int, int | None]],
        *,
        shift: float,
    ) -> Samples:
        rate = self._clock.sample_hz
        time_s = (first + np.arange(len(current_a)) + shift) / rate
        marks = tuple(Mark((first + place) / rate, None, number) for place, number in events)
        good = ~damaged
        return at_voltage(
            np.asarray(time_s[good], dtype=np.float64),
            current_a[good],
            self._voltage_v,
            marks,
            dropped=missing + int(damaged.sum()),
            expected=len(current_a) + missing,
        )
