"""A serial port, or any URL pyserial opens."""

from __future__ import annotations

import errno
import warnings
from typing import Any

import serial

from qrig.backends.base import ANSWER_S
from qrig.deadline import Deadline
from qrig.errors import LinkTimeoutError, TargetUnavailableError, TransportClosedError
from qrig.link.transports.port_holder import intruding_process, port_holder

DEFAULT_BAUDS = (921_600, 460_800, 230_400, 115_200)
"""Speeds to try, fastest first."""

_BITS_PER_BYTE = 10
_POLL_S = 0.05
_CHUNK_BYTES = 1 << 16
_FAR = "rfc2217://"
"""Ports whose settings are all negotiated anew when one changes, time-outs of ours among them.

There pyserial waits at most 5 s for what it writes, and knows no other time-out for that.
"""


class SerialTransport:
    """A transport over a serial port, opened for us alone."""

    def __init__(
        self, url: str, bauds: tuple[int, ...] = DEFAULT_BAUDS, *, answer_s: float = ANSWER_S
    ) -> None:
        """Open `url` (a device or a pyserial URL) at the first of `bauds`.

        `answer_s` is how long an answer may take to begin. Raises TargetUnavailableError if it
        cannot be opened.
        """
        self.name = url
        self.bauds = bauds
        self.answer_s = answer_s
        self.byte_s = _BITS_PER_BYTE / bauds[0]
        self._is_far = url.startswith(_FAR)
        try:
            self._port = _opened(url, bauds[0])
        except (serial.SerialException, OSError, ValueError) as error:
            raise _unopened(url, error) from error
        intruder = None if "://" in url else intruding_process(url)
        if intruder is not None:
            self._port.close()
            raise TargetUnavailableError(
                f"{url}: expected a serial port for us alone, found that {intruder} has it open "
                "too and would take bytes from us; end that program"
            )

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`; raises TransportClosedError or LinkTimeoutError."""
        try:
            if not self._is_far:
                self._port.write_timeout = max(deadline.remaining_s(), _POLL_S)
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise LinkTimeoutError(
                f"{self.name}: expected the port to take {len(data)} bytes within "
                f"{deadline.seconds:g} s, found it stuck; check the flow control"
            ) from error
        except (serial.SerialException, OSError) as error:
            raise TransportClosedError(f"{self.name}: the port is gone ({error})") from error

    def read(self, deadline: Deadline) -> bytes:
        """Return the bytes that are there, waiting for the first; b"" when the deadline passed."""
        try:
            while True:
                if not self._is_far:
                    self._port.timeout = min(_POLL_S, deadline.remaining_s())
                first = self._port.read(1)
                if first:
                    waiting = min(self._port.in_waiting, _CHUNK_BYTES)
                    return bytes(first + self._port.read(waiting)) if waiting else bytes(first)
                if deadline.expired:
                    return b""
        except (serial.SerialException, OSError) as error:
            raise TransportClosedError(f"{self.name}: the port is gone ({error})") from error

    def set_baud(self, baud: int) -> None:
        """Change the speed; raises TargetUnavailableError if the port has no such speed."""
        try:
            self._port.baudrate = baud
        except (serial.SerialException, OSError, ValueError) as error:
            raise TargetUnavailableError(
                f"{self.name}: expected a port that can do {baud} baud, found one that cannot "
                f"({error}); leave that speed out"
            ) from error
        self.byte_s = _BITS_PER_BYTE / baud

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def _opened(url: str, baud: int) -> Any:
    """Return pyserial's port, open; raises what pyserial does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, in its rfc2217
        return serial.serial_for_url(url, baudrate=baud, timeout=_POLL_S, exclusive=True)


def _unopened(url: str, error: Exception) -> TargetUnavailableError:
    """Return what to say of a port that does not open: who has it, if anybody has."""
    holder = None if "://" in url else port_holder(url)
    if holder is not None:
        return TargetUnavailableError(
            f"{url}: expected a serial port for us alone, found that {holder} has it open "
            f"({error}); end that program"
        )
    if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM):
        return TargetUnavailableError(
            f"{url}: expected a serial port that may be opened, found that it may not ({error}); "
            "`qrig doctor` says what to do for the permissions"
        )
    return TargetUnavailableError(
        f"{url}: expected a serial port, found none that opens ({error}); check the cable, the "
        "name and that no other program uses it"
    )
