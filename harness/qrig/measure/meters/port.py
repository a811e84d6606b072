"""The serial port of a meter: bytes and lines with deadlines, failures told as the meter's."""

from __future__ import annotations

from qrig.deadline import Deadline
from qrig.errors import LinkError, MeterError, TargetUnavailableError
from qrig.link.transports.serial_port import SerialTransport

_QUIET_S = 0.15
_MAX_LINE_BYTES = 512


class MeterPort:
    """A serial port that is ours alone; what it raises is a MeterError."""

    def __init__(self, name: str, device: str, baud: int) -> None:
        """Open `device` for the meter called `name`."""
        self.name = name
        self.device = device
        self._rest = b""
        try:
            self._port = SerialTransport(device, (baud,))
        except TargetUnavailableError as error:
            raise MeterError(f"{name}: {error}") from error

    def write(self, text: str, deadline: Deadline) -> None:
        """Send a line."""
        try:
            self._port.write(text.encode("ascii") + b"\n", deadline)
        except LinkError as error:
            raise self._lost(error) from error

    def read(self, deadline: Deadline) -> bytes:
        """Return the bytes that are there, waiting for the first; b"" when the deadline passed."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        try:
            return self._port.read(deadline)
        except LinkError as error:
            raise self._lost(error) from error

    def line(self, deadline: Deadline) -> str | None:
        """Return the next line without its end, None when the deadline passed.

        What is no ASCII becomes question marks; a line that does not end is cut.
        """
        data = self._rest
        while b"\n" not in data and len(data) < _MAX_LINE_BYTES:
            self._rest = b""
            more = self.read(deadline)
            if not more:
                self._rest = data
                return None
            data += more
        line, end, self._rest = data.partition(b"\n")
        if len(line) > _MAX_LINE_BYTES:
            line, self._rest = line[:_MAX_LINE_BYTES], line[_MAX_LINE_BYTES:] + end + self._rest
        return line.decode("ascii", "replace").replace("\ufffd", "?").strip("\r\0 ")

    def drain(self, deadline: Deadline) -> bytes:
        """Read and return everything until it is quiet for a moment or the deadline passed."""
        data = b""
        while not deadline.expired:
            more = self.read(deadline.within(_QUIET_S))
            if not more:
                break
            data = (data + more)[-_MAX_LINE_BYTES:]
        return data

    def close(self) -> None:
        """Close the port; harmless the second time."""
        self._port.close()

    def _lost(self, error: LinkError) -> MeterError:
        return MeterError(
            f"{self.name}: expected the meter on {self.device} to stay connected, found that "
            f"{error}; check its cable and measure again"
        )
