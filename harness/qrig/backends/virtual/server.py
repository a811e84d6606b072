"""The loop of a virtual board's process: requests of the probe, bytes of the port, the core.

The core executes until the watcher interrupts it. A debugger that asks again and again whether the
core has stopped is made to wait a moment for that: a flash algorithm is not disturbed.
"""

from __future__ import annotations

import select
import socket
import time
from typing import Any

from qrig.backends.virtual.core.engine import NoMemoryError
from qrig.backends.virtual.line import received
from qrig.backends.virtual.machine import Machine
from qrig.backends.virtual.messages import (
    FAULT,
    OK,
    Operation,
    Request,
    Stream,
    encode_answer,
)
from qrig.backends.virtual.peripherals.debug_control import POLLED
from qrig.backends.virtual.terminal import Terminal
from qrig.backends.virtual.watcher import Watcher

_GRACE_S = 0.05
_BRIEF = 20_000  # instructions: a firmware that has been woken often sleeps again before that
_BACKLOG_BYTES = 1 << 14
_BITS = 10
_LONG_S = 3600.0
_FLUSH_S = 0.01


class Server:
    """Serves one connection until it is closed."""

    def __init__(self, machine: Machine, terminal: Terminal, connection: socket.socket) -> None:
        """Prepare to serve."""
        self._machine = machine
        self._core = machine.chip.core
        self._terminal = terminal
        self._connection = connection
        self._stream = Stream(connection)
        self._watcher = Watcher(self._interrupt)
        self._backlog = bytearray()
        self._fed_s = 0.0

    def serve(self) -> None:
        """Serve until the other side is gone; raises OSError, ValueError."""
        while True:
            ready = self._proceed()
            if self._connection in ready and not self._serve_requests():
                return
            if self._terminal.has_unsent:
                self._terminal.flush()
            if self._terminal in ready and len(self._backlog) < _BACKLOG_BYTES:
                self._fed_s = self._fed_s if self._backlog else time.monotonic()
                self._backlog += self._terminal.read()
            if self._backlog:
                self._feed()

    def _serve_requests(self) -> bool:
        """Do all that was asked for at once; returns whether the other side is still there."""
        answers: list[bytes] = []
        while not answers or self._stream.has_more:
            request = self._stream.receive_request()
            if request is None:
                return False
            answers.append(self._answer(request))
        self._connection.sendall(b"".join(answers))
        return True

    def _proceed(self) -> list[Any]:
        """Let the core execute, or wait, until there is something to do; returns what is there."""
        machine = self._machine
        if self._core.is_halted and not self._terminal.has_unsent:
            return [self._connection]  # bytes of the port can wait for the core
        due_s = None if self._core.is_halted else machine.until_event_s()
        if self._terminal.has_unsent:
            due_s = min(due_s or _LONG_S, _FLUSH_S)
        if self._backlog:
            due_s = min(due_s or _LONG_S, self._byte_s() * machine.uart.burst_bytes)
        sources: list[Any] = [self._connection]
        if len(self._backlog) < _BACKLOG_BYTES:
            sources.append(self._terminal)
        if machine.is_running:
            self._execute(tuple(source.fileno() for source in sources), due_s)
            due_s = 0.0
        start = time.monotonic()
        ready, _, _ = select.select(sources, (), (), due_s)
        if not self._core.is_halted and due_s != 0:
            machine.chip.clock.sleep(time.monotonic() - start)
        return ready

    def _interrupt(self) -> None:
        self._core.interrupted = True

    def _execute(self, descriptors: tuple[int, ...], limit_s: float | None) -> None:
        """Execute until something comes, or `limit_s` have passed."""
        self._core.interrupted = False
        self._core.run_briefly(_BRIEF)
        if not self._machine.is_running:
            return
        self._watcher.arm(descriptors, limit_s)
        self._core.run()

    def _answer(self, request: Request) -> bytes:
        machine = self._machine
        is_poll = request.operation == Operation.READ and request.address == POLLED
        if is_poll and machine.is_running and self._core.is_in_algorithm:
            self._execute((), _GRACE_S)
        data = b""
        try:
            if request.operation == Operation.READ:
                data = machine.read(request.address, request.size, request.count)
            elif request.operation == Operation.WRITE:
                machine.write(request.address, request.size, request.data)
            elif request.operation == Operation.RESET:
                machine.hold_reset(held=bool(request.address))
            else:
                machine.power_up()
        except NoMemoryError as error:
            return encode_answer(FAULT, address=error.args[0])
        return encode_answer(OK, data)

    def _byte_s(self) -> float:
        return _BITS / max(self._terminal.baud, 1)

    def _feed(self) -> None:
        """Move bytes from the port to the chip, as fast as the line is, or the firmware asleep."""
        count = self._machine.uart.burst_bytes
        if not self._core.is_asleep:
            elapsed_s = time.monotonic() - self._fed_s
            count = min(count, int(elapsed_s / self._byte_s()))
        if count:
            self._fed_s = time.monotonic()
            data = bytes(self._backlog[:count])
            del self._backlog[:count]
            self._machine.receive(*received(data, self._terminal.baud, self._machine.uart.baud))
