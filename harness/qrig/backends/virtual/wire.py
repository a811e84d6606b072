"""The way from virtual probes of one board to its process, with the faults of probe and cable.

Transfers are counted over all sessions: a probe that was unplugged stays so.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from pyocd.core import exceptions

from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.messages import (
    FAULT,
    MAX_BYTES,
    Operation,
    Request,
    receive_answer,
    send_request,
)

ANSWER_S = 10.0
"""How long the process may take for one transfer."""


class Wire:
    """Transfers to and from a board's process, one at a time."""

    def __init__(self, connection: socket.socket, faults: Faults, last_words: Callable[[], str]):
        """Use `connection`; `last_words` tells how the process ended."""
        self._connection = connection
        self._connection.settimeout(ANSWER_S)
        self._faults = faults
        self._last_words = last_words
        self._lock = threading.Lock()
        self._connections = 0
        self.transfers = 0

    @property
    def is_unplugged(self) -> bool:
        """Whether the probe is gone."""
        at = self._faults.unplug
        return at is not None and self.transfers >= at

    def connect(self) -> bool:
        """Count a connection to the chip; returns whether it works."""
        self._connections += 1
        return self._connections > self._faults.connect_fails

    def tick(self) -> None:
        """Count a transfer; raises the pyOCD error of the fault that is due."""
        if self.is_unplugged:
            raise exceptions.ProbeDisconnected("the virtual probe was unplugged")
        self.transfers += 1
        if self.is_unplugged:
            raise exceptions.ProbeDisconnected("the virtual probe was unplugged")
        if self.transfers == self._faults.transfer_error:
            raise exceptions.TransferError("the virtual probe lost a transfer")
        if self.transfers == self._faults.transfer_timeout:
            raise exceptions.TransferTimeoutError("the virtual probe's transfer timed out")

    def read(self, address: int, size: int, count: int) -> bytes:
        """Return `count` units of `size` bytes; raises TransferFaultError, ProbeDisconnected."""
        self.tick()
        step = MAX_BYTES // size
        parts = [
            self._ask(
                Request(Operation.READ, address + size * first, size, min(step, count - first))
            )
            for first in range(0, count, step)
        ]
        return b"".join(parts)

    def write(self, address: int, size: int, data: bytes) -> None:
        """Write units of `size` bytes; raises TransferFaultError, ProbeDisconnected."""
        self.tick()
        for first in range(0, len(data), MAX_BYTES):
            part = data[first : first + MAX_BYTES]
            self._ask(Request(Operation.WRITE, address + first, size, 0, part))

    def hold_reset(self, *, held: bool) -> None:
        """Pull the reset pin or let it go; raises ProbeDisconnected."""
        self.tick()
        self._ask(Request(Operation.RESET, int(held)))

    def power_cycle(self) -> None:
        """Take the board's power and give it back; raises ProbeDisconnected."""
        self._ask(Request(Operation.POWER))

    def _ask(self, request: Request) -> bytes:
        with self._lock:
            try:
                send_request(self._connection, request)
                status, address, data = receive_answer(self._connection)
            except OSError as error:
                raise exceptions.ProbeDisconnected(
                    f"the process of the virtual board does not answer ({error}); "
                    f"{self._last_words()}"
                ) from error
        if status == FAULT:
            raise exceptions.TransferFaultError(
                "the chip refused a transfer", fault_address=address, length=request.size
            )
        return data
