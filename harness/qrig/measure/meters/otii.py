"""Qoitech Otii Arc and Ace: feed a board and measure it, through the Otii application's TCP server.

Talks through `otii-tcp-client` (extra `otii`). The application must run, with its server switched
on and a licence for automation reserved by its user; nothing is logged in here. The application
records; its recording is read in pieces. GPI1 is the marker.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.meter import Array, Mark, Samples, SupplyLimits, no_samples
from qrig.measure.meters.optional_package import optional_package

DEFAULT_PORT = 1905
"""Where the application listens."""

PROTOCOL = "0."
"""How the version of the server's protocol must begin."""

LIMITS = {
    "Arc": SupplyLimits(
        0.5, 5.0, 2.5, 5.0, feeds=True, source="Qoitech Otii Arc Pro: 2.5 A continuous, 5 A peak"
    ),
    "Ace": SupplyLimits(
        0.0, 25.0, 5.0, 5.0, feeds=True, source="Qoitech Otii Ace Pro: 25 V, 5 A continuous"
    ),
}
"""What each type of device can do; a simulator of the application counts as an Arc."""

_CURRENT, _VOLTAGE, _MARKER = "mc", "mv", "i1"
_POLL_S = 0.02
_DATA_S = 10.0
_MAX_SAMPLES = 40_000  # of one piece
_MAX_CURRENT_A = 5.0


class OtiiMeter:
    """The first Arc or Ace of an application."""

    name = "otii"
    has_pulses = False
    default_hz = 4000.0

    def __init__(self, host: str, port: int = DEFAULT_PORT) -> None:
        """Prepare to connect to the application at `host` and `port`."""
        self.source = f"{self.name}:{host}:{port}"
        self.limits: SupplyLimits | None = None
        self._address = (host, port)
        self._connection: Any = None
        self._device: Any = None
        self._project: Any = None
        self._recording: Any = None
        self._missing: int | None = None
        self._begin()

    def open(self, deadline: Deadline) -> None:
        """Connect, find a device; raises MeterError."""
        package = optional_package("otii_tcp_client.otii_connection", "otii-tcp-client", "otii")
        application = optional_package("otii_tcp_client.otii", "otii-tcp-client", "otii")
        host, port = self._address
        self._connection = package.OtiiConnection(host, port)
        information = self._do("connect", self._connection.connect_to_server, try_for_seconds=0)
        version = str((information.get("data") or {}).get("protocol_version", "none"))
        if not version.startswith(PROTOCOL):
            raise MeterError(
                f"{self.name}: expected a server of protocol {PROTOCOL}x, found {version[:20]!r}; "
                "use another version of the Otii application"
            )
        otii = application.Otii(self._connection)
        wait_s = max(1, min(10, int(deadline.remaining_s())))
        devices = self._do("find devices", otii.get_devices, wait_s)
        if not devices:
            raise MeterError(
                f"{self.name}: expected an Arc or Ace at {host}:{port}, found none; connect one to "
                "the computer with the application"
            )
        self._device = devices[0]
        self.limits = LIMITS.get(str(self._device.type), LIMITS["Arc"])
        self.source = f"{self.name}:{self._device.id}"
        self._project = self._do("make a project", otii.create_project)

    def configure(self, voltage_v: float, sample_hz: float, deadline: Deadline) -> None:
        """Set voltage, channels and rate (an Arc has one) and switch on; raises MeterError."""
        device, limits = self._opened, self.limits or LIMITS["Arc"]
        steps: list[tuple[str, Any, tuple[Any, ...]]] = [
            ("add the device", device.add_to_project, ()),
            ("set the voltage", device.set_main_voltage, (voltage_v,)),
            ("limit the current", device.set_max_current, (min(limits.peak_a, _MAX_CURRENT_A),)),
            ("set the level of inputs", device.set_exp_voltage, (voltage_v,)),
            ("enable the inputs", device.enable_exp_port, (True,)),
        ]
        for channel in (_CURRENT, _VOLTAGE, _MARKER):
            steps.append((f"enable {channel}", device.enable_channel, (channel, True)))
        if device.type == "Ace":
            rate = int(sample_hz)
            steps.append(("set the rate", device.set_channel_samplerate, (_CURRENT, rate)))
        steps.append(("switch on", device.set_main, (True,)))
        for what, call, arguments in steps:
            self._do(what, call, *arguments)

    def start(self, deadline: Deadline) -> None:
        """Begin to record; raises MeterError."""
        self._begin()
        self._do("start recording", self._project.start_recording)
        self._recording = self._do("find the recording", self._project.get_last_recording)
        if self._recording is None:
            raise MeterError(
                f"{self.name}: expected a recording after its start, found none; start the Otii "
                "application anew"
            )

    def read(self, deadline: Deadline) -> Samples:
        """Return what was recorded since the last time; raises MeterError."""
        while True:
            count = min(self._count(_CURRENT) - self._read, _MAX_SAMPLES)
            if count > 0:
                return self._piece(count)
            if deadline.expired or self._missing is not None:
                missing, self._missing = self._missing or 0, None
                return _lost(missing) if missing else no_samples()
            time.sleep(min(_POLL_S, deadline.remaining_s()))

    def stop(self, deadline: Deadline) -> None:
        """Stop recording, compare its length with its samples; raises MeterError."""
        self._do("stop recording", self._project.stop_recording)
        find, device = self._recording.get_channel_info, self._opened.id
        found = self._do("describe the recording", find, device, _CURRENT)
        length_s = float(found["to"]) - float(found["from"])
        self._missing = max(
            0, round(length_s * float(found["sample_rate"])) - self._count(_CURRENT)
        )

    def close(self) -> None:
        """Switch off and disconnect; harmless the second time."""
        connection, self._connection = self._connection, None
        device, self._device = self._device, None
        if connection is None:
            return
        try:
            if device is not None:
                self._do("switch off", device.set_main, False)
        except MeterError:
            pass  # it is gone: nothing is left to be switched off
        finally:
            if getattr(connection, "sock", None) is not None:
                connection.close_connection()

    @property
    def _opened(self) -> Any:
        if self._device is None:
            raise MeterError(f"{self.name}: expected it to be opened first")
        return self._device

    def _begin(self) -> None:
        self._read = 0
        self._marks_read = 0
        self._missing = None
        self._voltage_s: Array = np.zeros(0)
        self._voltage_v: Array = np.zeros(0)

    def _count(self, channel: str) -> int:
        """Return how many entries a channel of the recording has."""
        find = self._recording.get_channel_data_count
        return int(self._do(f"count {channel}", find, self._opened.id, channel))

    def _data(self, channel: str, first: int, count: int) -> dict[str, Any]:
        """Return entries of a channel; asked for here, for the package would wait for ever."""
        request = {
            "type": "request",
            "cmd": "recording_get_channel_data",
            "data": {
                "device_id": self._opened.id,
                "recording_id": self._recording.id,
                "channel": channel,
                "index": first,
                "count": count,
            },
        }
        answer = self._do(f"read {channel}", self._connection.send_and_receive, request, _DATA_S)
        found = answer.get("data") or {}
        if not isinstance(found.get("values"), list) or len(found["values"]) != count:
            raise MeterError(
                f"{self.name}: expected {count} values of {channel}, found {str(answer)[:100]}; "
                "check the application and measure again"
            )
        return dict(found)

    def _piece(self, count: int) -> Samples:
        """Return the next `count` samples, the voltage at their times, and new marks."""
        found = self._data(_CURRENT, self._read, count)
        self._read += count
        time_s, currents = _analog(found)
        voltages = self._voltages(time_s)
        return Samples(time_s, currents, voltages, self._marks(), 0, count)

    def _voltages(self, time_s: Array) -> Array:
        """Return the voltage at `time_s`: it is sampled at a lower rate than the current."""
        count = self._count(_VOLTAGE) - len(self._voltage_s)
        if count > 0:
            at_s, values = _analog(self._data(_VOLTAGE, len(self._voltage_s), count))
            self._voltage_s = np.concatenate([self._voltage_s, at_s])
            self._voltage_v = np.concatenate([self._voltage_v, values])
        if not len(self._voltage_s):
            raise MeterError(
                f"{self.name}: expected voltages in the recording, found none; enable the channel"
            )
        found = np.interp(time_s, self._voltage_s, self._voltage_v)
        return np.asarray(found, dtype=np.float64)

    def _marks(self) -> tuple[Mark, ...]:
        count = self._count(_MARKER) - self._marks_read
        if count <= 0:
            return ()
        found = self._data(_MARKER, self._marks_read, count)["values"]
        first, self._marks_read = self._marks_read, self._marks_read + count
        marks = self._do(f"read {_MARKER}", _digital, found)
        # The first entry of a digital channel is the level it starts from, not an edge.
        return tuple(marks[1:] if first == 0 and marks and not marks[0].level else marks)

    def _do(self, what: str, call: Any, *arguments: Any, **named: Any) -> Any:
        """Call the package; whatever it raises (plain exceptions among it) is the meter's fault."""
        try:
            return call(*arguments, **named)
        except Exception as error:
            reason = getattr(error, "message", None) or error
            raise MeterError(
                f"{self.name}: expected the application at {self._address[0]}:"
                f"{self._address[1]} to {what}, found {type(error).__name__}: "
                f"{str(reason)[:200]}; check the application, its server and its licence"
            ) from error


def _analog(found: dict[str, Any]) -> tuple[Array, Array]:
    """Return when each value of an analog channel was taken, and the values."""
    try:
        values = np.asarray(found["values"], dtype=np.float64)
        period_s, first_s = float(found["interval"]), float(found["timestamp"])
    except (KeyError, TypeError, ValueError) as error:
        raise MeterError(
            f"otii: expected samples with timestamp and interval, found others ({error}); check "
            "the version of the application"
        ) from error
    if not 0 < period_s < 1 or not np.isfinite(values).all():
        raise MeterError(
            f"otii: expected finite values at an interval below a second, found {period_s:g} s; "
            "measure again"
        )
    return first_s + period_s * np.arange(len(values), dtype=np.float64), values


def _digital(found: list[Any]) -> list[Mark]:
    """Return the entries of a digital channel as marks."""
    return [Mark(float(each["timestamp"]), bool(each["value"])) for each in found]


def _length(found: dict[str, Any]) -> int:
    """Return how many samples a channel with this description should have."""
    length_s = float(found["to"]) - float(found["from"])
    return round(length_s * float(found["sample_rate"]))


def _lost(missing: int) -> Samples:
    nothing = np.zeros(0)
    return Samples(nothing, nothing, nothing, (), missing, missing)
