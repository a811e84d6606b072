"""A twin of `pyjoulescope_driver.Driver`, with one Joulescope that measures a signal.

It has the calls a meter makes and the messages the library hands over (see `joulescope_stream`).
Offsets of faults count samples, not bytes: there are none at this boundary.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qrig.measure.meters.simulated.faults import Faults
from qrig.measure.meters.simulated.signal import Signal

SERIAL = "002557"
FIRMWARE = "1.3.2"

_NATIVE_HZ = {"js110": 2_000_000, "js220": 1_000_000}
_MESSAGE = 1000  # elements
_FIRST_ID = 123_456_000
_JOIN_S = 10.0

Subscriber = Callable[[str, Any], None]


class JoulescopeTwin:
    """Stands in for the library's driver; `published` are topics and values it got."""

    def __init__(
        self,
        signal: Signal,
        faults: Faults = Faults(),  # noqa: B008 # frozen
        *,
        model: str = "js220",
    ) -> None:
        """Measure `signal` with `faults`; `faults.is_mute` leaves no instrument to be found."""
        self.signal = signal
        self.faults = faults
        self.path = f"u/{model}/{SERIAL}"
        self.published: list[tuple[str, Any]] = []
        self.is_finalized = False
        self._native_hz = _NATIVE_HZ[model]
        self._subscribers: dict[str, Subscriber] = {}
        self._is_there = not faults.is_mute
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_done(self) -> bool:
        """Whether a measurement was started and all of it has been handed over."""
        return self._thread is not None and not self._thread.is_alive()

    def device_paths(self) -> list[str]:
        """Return the paths of the instruments."""
        return [self.path] if self._is_there else []

    def open(self, device_prefix: str, mode: str | None = None, timeout: float = 1.0) -> None:
        """Open the instrument."""
        self._check()

    def close(self, device_prefix: str, timeout: float | None = None) -> None:
        """Close the instrument."""
        self._end()
        self._check()

    def finalize(self, timeout: float | None = None) -> None:
        """Shut the library down."""
        self._end()
        self.is_finalized = True

    def query(self, topic: str, timeout: float | None = None) -> Any:
        """Return the value of a topic."""
        self._check()
        if not topic.endswith("/c/fw/version"):
            raise RuntimeError(f"jsdrv_query timed out | {topic}")
        major, minor, patch = map(int, (self.faults.firmware or FIRMWARE).split("."))
        return major << 24 | minor << 16 | patch

    def publish(self, topic: str, value: Any, timeout: float | None = None) -> None:
        """Set a topic; the marker, switched on last, starts the stream."""
        self._check()
        name = topic.removeprefix(f"{self.path}/")
        self.published.append((name, value))
        if name == "s/gpi/0/ctrl" and value == 1:
            self._thread = threading.Thread(target=self._stream, name="simulated joulescope")
            self._thread.start()
        elif name.endswith("/ctrl") and value == 0:
            self._end()

    def subscribe(
        self, topic: str, flags: Sequence[str], fn: Subscriber, timeout: float | None = None
    ) -> None:
        """Hand the messages of `topic` to `fn`."""
        self._check()
        self._subscribers[topic.removeprefix(f"{self.path}/")] = fn

    def unsubscribe(self, topic: str, fn: Subscriber, timeout: float | None = None) -> None:
        """Hand them over no longer."""
        self._subscribers.pop(topic.removeprefix(f"{self.path}/"), None)

    def _check(self) -> None:
        if not self._is_there:
            raise RuntimeError("jsdrv: device not found")

    def _end(self) -> None:
        self._over.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def _rate(self) -> int:
        return int(dict(self.published).get("h/fs", self._native_hz))

    def _stream(self) -> None:
        rate = self._rate()
        times = self.signal.times(rate)
        step = self._native_hz // rate
        currents = self.signal.currents(times).astype(np.float32)
        levels = self.signal.levels(times)
        lost = np.isin(np.arange(len(times)), list(self.faults.dropped))
        for first in range(0, len(times), _MESSAGE):
            if self._over.is_set():
                return
            limit = self.faults.hang_up_after
            if limit is not None and first >= limit:
                self._is_there = False
                return
            part = slice(first, first + _MESSAGE)
            if lost[part].all():
                continue  # a message that never came
            amperes = np.where(lost[part], np.float32(np.nan), currents[part])
            volts = np.full(len(amperes), self.signal.voltage_v, dtype=np.float32)
            bits = np.packbits(levels[part], bitorder="little")
            for topic, data in (("s/i", amperes), ("s/v", volts), ("s/gpi/0", bits)):
                self._hand_over(f"{topic}/!data", first * step, step, data)

    def _hand_over(self, topic: str, sample: int, step: int, data: Any) -> None:
        if topic in self._subscribers and self.faults.garbage:
            data = self.faults.garbage.get(sample // step, data)
        message = {
            "sample_id": _FIRST_ID + sample,
            "utc": 0,
            "field_id": 1,
            "index": 0,
            "sample_rate": self._native_hz,
            "decimate_factor": step,
            "time_map": {"offset_time": 0, "offset_counter": 0, "counter_rate": self._native_hz},
            "data": data,
        }
        subscriber = self._subscribers.get(topic)
        if subscriber is not None:
            subscriber(f"{self.path}/{topic}", message)
