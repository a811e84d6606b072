"""Joulescope JS110 and JS220: stand in a board's supply and measure current and voltage, over USB.

Talks through `pyjoulescope-driver` (extra `joulescope`), a native library with its own protocol;
the instrument's digital input 0 is the marker. The library calls us from a thread of its own: what
it hands over is kept in order until it is read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.joulescope_stream import Stream
from qrig.measure.meters.marks import LevelMarks
from qrig.measure.meters.meter import Samples, SupplyLimits, no_samples
from qrig.measure.meters.optional_package import optional_package

FIRMWARE_MAJOR = 1
"""The major version of a JS220's firmware that is known here."""

_LIMITS = SupplyLimits(
    0.0, 15.0, 3.0, 10.0, feeds=False, source="Jetperch: 15 V, 3 A continuous, 10 A for moments"
)
_SIGNALS = {"current": "s/i", "voltage": "s/v", "marker": "s/gpi/0"}
_SETTINGS = {
    "js110": {"s/i/range/select": "auto", "s/extio/voltage": "3.3V"},
    "js220": {"s/i/range/mode": "auto"},
}
_CALL_S = 2.0
_MAX_WAITING = 1 << 26  # samples of one signal that nobody has read


class Joulescope:
    """One Joulescope: the only one of its model, or the one with a serial number."""

    has_pulses = False
    default_hz = 100_000.0
    limits = _LIMITS

    def __init__(
        self, model: str, serial: str = "", driver: Callable[[], Any] | None = None
    ) -> None:
        """Prepare to open a `model` ("js110", "js220"); `driver` stands in for the library's."""
        self.name = model
        self.source = f"{model}:{serial}" if serial else model
        self._serial = serial
        self._make_driver = driver
        self._driver: Any = None
        self._path = ""
        self._arrived = threading.Condition()
        self._streams: dict[str, Stream] = {}
        self._marks = LevelMarks()
        self._is_open = False
        self._origin: int | None = None

    def open(self, deadline: Deadline) -> None:
        """Find and open the instrument; raises MeterError."""
        if self._make_driver is None:
            package = optional_package("pyjoulescope_driver", "pyjoulescope-driver", "joulescope")
            self._make_driver = package.Driver
        self._driver = self._do("start the library", self._make_driver)
        self._path = self._found()
        self.source = f"{self.name}:{self._path.rpartition('/')[2]}"
        self._do("open it", self._driver.open, self._path, "defaults", _CALL_S)
        self._is_open = True
        if self.name == "js220":
            self._check_firmware()

    def configure(self, voltage_v: float, sample_hz: float, deadline: Deadline) -> None:
        """Set ranges and rate; the board's own supply gives the voltage. Raises MeterError."""
        for topic, value in {**_SETTINGS[self.name], "h/fs": int(sample_hz)}.items():
            self._publish(topic, value)

    def start(self, deadline: Deadline) -> None:
        """Begin to measure; raises MeterError."""
        self._streams = {name: Stream() for name in _SIGNALS}
        self._marks, self._origin = LevelMarks(), None
        for name, topic in _SIGNALS.items():
            stream = self._driver.subscribe
            self._do(f"hand over the {name}", stream, f"{self._path}/{topic}/!data", ["pub"], self)
            self._publish(f"{topic}/ctrl", 1)

    def __call__(self, topic: str, value: Any) -> None:
        """Keep a message of the library, which calls this from its own thread."""
        names = {f"{self._path}/{place}/!data": name for name, place in _SIGNALS.items()}
        stream = self._streams.get(names.get(topic, ""))
        if stream is None or not isinstance(value, dict):
            return
        with self._arrived:
            if stream.waiting <= _MAX_WAITING:
                stream.take(value, is_bits=topic.endswith("gpi/0/!data"))
            self._arrived.notify_all()

    def read(self, deadline: Deadline) -> Samples:
        """Return what came since the last time; raises MeterError."""
        with self._arrived:
            self._arrived.wait_for(
                lambda: self._has_all() or self._problem(), deadline.remaining_s()
            )
            self._check_understood()
            if not self._has_all():
                self._check_there()
                return no_samples()
            return self._samples()

    def stop(self, deadline: Deadline) -> None:
        """Stop measuring; what has arrived can still be read. Raises MeterError."""
        for name, topic in _SIGNALS.items():
            self._publish(f"{topic}/ctrl", 0)
            release = self._driver.unsubscribe
            self._do(f"keep the {name}", release, f"{self._path}/{topic}/!data", self)

    def close(self) -> None:
        """Close the instrument and the library; harmless the second time."""
        driver, self._driver = self._driver, None
        if driver is None:
            return
        try:
            if self._is_open:
                self._do("close it", driver.close, self._path)
        except MeterError:
            pass  # it is gone
        finally:
            self._is_open = False
            driver.finalize()

    def _found(self) -> str:
        """Return the path of the instrument that is meant."""
        paths = [str(path) for path in self._do("list instruments", self._driver.device_paths)]
        ours = [
            path
            for path in paths
            if f"/{self.name}/" in path and path.rpartition("/")[2].endswith(self._serial)
        ]
        if len(ours) != 1:
            found = ", ".join(paths) or "none"
            raise MeterError(
                f"{self.name}: expected one instrument {self._serial or 'of this model'}, found "
                f"{found}; connect it, close other programs, or say {self.name}:SERIAL"
            )
        return ours[0]

    def _check_firmware(self) -> None:
        told = self._do("tell its firmware", self._driver.query, f"{self._path}/c/fw/version")
        number = told if isinstance(told, int) else 0
        parts = (number >> 24, number >> 16 & 0xFF, number & 0xFFFF)
        if parts[0] != FIRMWARE_MAJOR:
            raise MeterError(
                f"{self.name}: expected firmware {FIRMWARE_MAJOR}.x, found "
                f"{'.'.join(map(str, parts))}; update the instrument with Jetperch's software"
            )

    def _publish(self, topic: str, value: Any) -> None:
        self._do(f"set {topic}", self._driver.publish, f"{self._path}/{topic}", value, _CALL_S)

    def _has_all(self) -> bool:
        return all(stream.waiting for stream in self._streams.values())

    def _problem(self) -> str:
        return next((each.problem for each in self._streams.values() if each.problem), "")

    def _check_understood(self) -> None:
        if self._problem():
            raise MeterError(
                f"{self.name}: expected samples of the library's form, found {self._problem()}; "
                "use another version of it"
            )

    def _check_there(self) -> None:
        """Raise MeterError if the instrument has been unplugged."""
        if self._is_open and self._path not in self._driver.device_paths():
            raise MeterError(
                f"{self.name}: expected {self._path} to stay connected, found that it is gone; "
                "check its cable and measure again"
            )

    def _samples(self) -> Samples:
        """Return the samples that current and voltage have in common."""
        current, voltage = self._streams["current"], self._streams["voltage"]
        if self._origin is None:
            self._origin = max(current.first, voltage.first)
        end = min(stream.end for stream in self._streams.values())
        ids, amperes, missing, expected = current.until(end, self._origin)
        volt_ids, volts, _, _ = voltage.until(end, self._origin)
        common, at, volts_at = np.intersect1d(ids, volt_ids, return_indices=True)
        lost = len(ids) - len(common)
        return Samples(
            self._seconds(common),
            amperes[at],
            volts[volts_at],
            self._edges(end),
            missing + lost,
            expected,
        )

    def _edges(self, end: int) -> tuple[Any, ...]:
        ids, levels, _, _ = self._streams["marker"].until(end, self._origin or 0)
        return self._marks.edges(self._seconds(ids), levels > 0)

    def _seconds(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        rate = self._streams["current"].rate
        return np.asarray((ids - (self._origin or 0)) / rate, dtype=np.float64)

    def _do(self, what: str, call: Any, *arguments: Any) -> Any:
        """Call the library; whatever it raises is the meter's fault."""
        try:
            return call(*arguments)
        except Exception as error:
            raise MeterError(
                f"{self.name}: expected the instrument to {what}, found {type(error).__name__}: "
                f"{str(error)[:200]}; check its cable and that no other program uses it"
            ) from error
