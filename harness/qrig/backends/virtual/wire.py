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
    Stream,
    encode_request,
)

_WAITING_BYTES = 1 << 16

ANSWER_S = 10.0
"""How long the process may take for one transfer."""


class Wire:
    """Transfers to and from a board's process.

    Writes wait until something is read, or until `flush`: then all go at once.
    """

    def __init__(
        self, connection: socket.socket, faults: Faults, last_words: Callable[[], str]
    ) -> None:
        """Use `connection`; `last_words` tells how the process ended."""
        connection.settimeout(ANSWER_S)
        self._connection = connection
        self._stream = Stream(connection)
        self._faults = faults
        self._last_words = last_words
        self._lock = threading.RLock()
        self._waiting: list[_Transfer] = []
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
        if not self.is_unplugged:
            self.transfers += 1
        if self.is_unplugged:
            raise exceptions.ProbeDisconnected("the virtual probe was unplugged")
        if self.transfers == self._faults.transfer_error:
            raise exceptions.TransferError("the virtual probe lost a transfer")
        if self.transfers == self._faults.transfer_timeout:
            raise exceptions.TransferTimeoutError("the virtual probe's transfer timed out")

    def read(self, address: int, size: int, count: int) -> bytes:
        """Return `count` units of `size` bytes; raises pyOCD's errors."""
        self.tick()
        step = MAX_BYTES // size
        requests = [
            Request(Operation.READ, address + size * first, size, min(step, count - first))
            for first in range(0, count, step)
        ]
        return b"".join([self._resolve(self._enqueue(request)) for request in requests])

    def read_later(self, address: int, size: int) -> Callable[[], bytes]:
        """Return what returns one unit of `size` bytes; both raise pyOCD's errors."""
        self.tick()
        transfer = self._enqueue(Request(Operation.READ, address, size, 1))
        return lambda: self._resolve(transfer)

    def write(self, address: int, size: int, data: bytes) -> None:
        """Write units of `size` bytes; raises pyOCD's errors, also those of writes before."""
        self.tick()
        for first in range(0, len(data), MAX_BYTES):
            part = data[first : first + MAX_BYTES]
            self._enqueue(Request(Operation.WRITE, address + first, size, 0, part))

    def hold_reset(self, *, held: bool) -> None:
        """Pull the reset pin or let it go; raises pyOCD's errors."""
        self.tick()
        self._resolve(self._enqueue(Request(Operation.RESET, int(held))))

    def power_cycle(self) -> None:
        """Take the board's power and give it back; raises ProbeDisconnected."""
        self._resolve(self._enqueue(Request(Operation.POWER)))

    def flush(self) -> None:
        """Have done all that waits; raises pyOCD's errors."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if not waiting:
                return
            try:
                self._connection.sendall(b"".join(transfer.message for transfer in waiting))
                for transfer in waiting:
                    transfer.answer = self._stream.receive_answer()
            except OSError as error:
                raise exceptions.ProbeDisconnected(
                    f"the process of the virtual board does not answer ({error}); "
                    f"{self._last_words()}"
                ) from error
        for transfer in waiting:
            transfer.check()

    def _enqueue(self, request: Request) -> _Transfer:
        transfer = _Transfer(request)
        with self._lock:
            self._waiting.append(transfer)
            is_much = sum(len(each.message) for each in self._waiting) > _WAITING_BYTES
        if is_much:
            self.flush()
        return transfer

    def _resolve(self, transfer: _Transfer) -> bytes:
        """Return what a transfer has read, once it is done."""
        if transfer.answer is None:
            self.flush()
        return transfer.check()


class _Transfer:
    """A request on its way, and its answer."""

    def __init__(self, request: Request) -> None:
        self.message = encode_request(request)
        self.answer: tuple[int, int, bytes] | None = None
        self._size = request.size

    def check(self) -> bytes:
        """Return the data of the answer; raises TransferFaultError."""
        if self.answer is None:
            raise exceptions.TransferError("the virtual probe lost a transfer")
        status, address, data = self.answer
        if status == FAULT:
            raise exceptions.TransferFaultError(
                "the chip refused a transfer", fault_address=address, length=self._size
            )
        return data
