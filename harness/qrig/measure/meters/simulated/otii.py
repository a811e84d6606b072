"""A simulated Otii application: its TCP server and the JSON of its documented protocol.

One request and one answer a line. The recording is there as soon as it is started.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from types import TracebackType
from typing import Any

import numpy as np

from qrig.measure.meters.simulated.faults import Faults, Line
from qrig.measure.meters.simulated.signal import Signal

DEVICE = "Arc12345678912345678912345678900001"

_RATES = {"mc": 4000, "mv": 1000}
_POLL_S = 0.05
_JOIN_S = 10.0
_PLAIN = frozenset(
    f"arc_{name}"
    for name in (
        *("add_to_project", "set_main_voltage", "set_max_current", "set_exp_voltage", "set_main"),
        *("enable_exp_port", "enable_channel"),
    )
)


class OtiiServer:
    """An application with one Arc that measures `signal`; use it in a `with` statement.

    `requests` are the commands it got. `faults.firmware` is what it says for the version of its
    protocol; offsets of `faults` count the bytes it sends from the first recording's data on.
    """

    def __init__(self, signal: Signal, faults: Faults = Faults()) -> None:  # noqa: B008 # frozen
        """Listen on a port of the loopback interface."""
        self.signal = signal
        self.faults = faults
        self.requests: list[dict[str, Any]] = []
        self._line = Line(faults)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_POLL_S)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="simulated otii", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> OtiiServer:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving."""
        self._over.set()
        self._thread.join(_JOIN_S)
        self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            with connection, contextlib.suppress(OSError):
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(_POLL_S)
        version = self.faults.firmware or "0.1"
        hello = {"otii_version": "3.5.5", "protocol_version": version, "server": "otii-server"}
        if not self.faults.is_mute:
            _send(connection, {"type": "information", "info": "connected", "data": hello})
        rest = b""
        while not self._over.is_set() and not self._line.has_hung_up:
            try:
                data = connection.recv(65_536)
            except TimeoutError:
                continue
            if not data:
                return
            *lines, rest = (rest + data).split(b"\r\n")
            for line in lines:
                self._answer(connection, json.loads(line))

    def _answer(self, connection: socket.socket, request: dict[str, Any]) -> None:
        self.requests.append(request)
        if self.faults.is_mute:
            return
        command, data = request["cmd"], request.get("data", {})
        answer = {"type": "response", "cmd": command, "trans_id": request["trans_id"]}
        try:
            answer["data"] = self._result(command, data)
        except KeyError:
            answer |= {"type": "error", "errorcode": "Invalid command", "data": {}}
        text = json.dumps(answer).encode() + b"\r\n"
        is_data = command == "recording_get_channel_data"
        connection.sendall(self._line.pass_on(text) if is_data else text)

    def _result(self, command: str, data: dict[str, Any]) -> dict[str, Any]:
        if command in _PLAIN:
            return {}
        simple: dict[str, dict[str, Any]] = {
            "otii_get_devices": {
                "devices": [{"device_id": DEVICE, "name": "Arc", "type": "Arc"}],
            },
            "otii_create_project": {"project_id": 1},
            "project_start_recording": {},
            "project_stop_recording": {},
            "project_get_last_recording": {"recording_id": 7, "name": "Recording 1"},
        }
        if command in simple:
            return simple[command]
        return self._of_recording(command, data)

    def _of_recording(self, command: str, data: dict[str, Any]) -> dict[str, Any]:
        channel = data["channel"]
        if command == "recording_get_channel_data_count":
            return {"count": len(self._levels()) if channel == "i1" else len(self._kept(channel))}
        if command == "recording_get_channel_info":
            rate = _RATES[channel]
            to_s = len(self.signal.times(rate)) / rate
            return {"offset": 0.0, "from": 0.0, "to": to_s, "sample_rate": rate}
        if command != "recording_get_channel_data":
            raise KeyError(command)
        first, last = data["index"], data["index"] + data["count"]
        if channel == "i1":
            return {"data_type": "digital", "values": self._levels()[first:last]}
        kept = self._kept(channel)[first:last]
        currents = self.signal.currents(self.signal.times(_RATES[channel]))
        values = currents[kept] if channel == "mc" else [self.signal.voltage_v] * len(kept)
        return {
            "data_type": "analog",
            "timestamp": float(kept[0]) / _RATES[channel] if len(kept) else 0.0,
            "interval": 1 / _RATES[channel],
            "values": [float(value) for value in values],
        }

    def _kept(self, channel: str) -> np.typing.NDArray[np.int64]:
        """Return the numbers of the samples that were not dropped."""
        numbers = np.arange(len(self.signal.times(_RATES[channel])))
        lost = list(self.faults.dropped) if channel == "mc" else []
        return np.asarray(numbers[~np.isin(numbers, lost)], dtype=np.int64)

    def _levels(self) -> list[dict[str, Any]]:
        edges = [{"timestamp": each.time_s, "value": each.level} for each in self.signal.edges()]
        return [{"timestamp": 0.0, "value": False}, *edges]


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\r\n")
