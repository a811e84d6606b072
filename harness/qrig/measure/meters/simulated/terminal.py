"""A simulated instrument on a pseudo-terminal, which drivers open like a serial port."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from types import TracebackType
from typing import Protocol

from qrig.measure.meters.simulated.faults import Line

_POLL_S = 0.01
_CHUNK_BYTES = 4096
_JOIN_S = 10.0


class SerialTwin(Protocol):
    """An instrument as bytes in and bytes out."""

    line: Line

    @property
    def is_done(self) -> bool:
        """Whether a measurement was started and all of it has been sent."""

    def receive(self, data: bytes) -> bytes:
        """Take what the program sent; return what is answered at once."""

    def produce(self) -> bytes:
        """Return the next bytes of a measurement, b"" if none is under way."""


class Terminal:
    """Serves a twin on a pseudo-terminal; use it in a `with` statement, then open `path`."""

    def __init__(self, twin: SerialTwin) -> None:
        """Prepare to serve `twin`."""
        self.twin = twin
        self.path = ""
        self._over = threading.Event()
        self._master = -1
        self._slave = -1
        self._is_sending = False
        self._thread = threading.Thread(target=self._serve, name="simulated meter", daemon=True)

    @property
    def is_done(self) -> bool:
        """Whether a measurement was started and all of it is there to be read."""
        return self.twin.is_done and not self._is_sending

    def __enter__(self) -> Terminal:
        """Make the pseudo-terminal and begin to answer."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop answering and take the terminal away."""
        self._over.set()
        self._thread.join(_JOIN_S)
        self._hang_up()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the other side has gone
            while not self._over.is_set() and not self.twin.line.has_hung_up:
                self._step()
        if self.twin.line.has_hung_up:
            self._hang_up()

    def _step(self) -> None:
        if select.select([self._master], [], [], 0)[0]:
            self._send(self.twin.receive(os.read(self._master, _CHUNK_BYTES)))
        self._is_sending = True
        data = self.twin.produce()
        self._send(self.twin.line.pass_on(data))
        self._is_sending = False
        if not data:
            select.select([self._master], [], [], _POLL_S)

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self._over.is_set():
            if select.select([], [self._master], [], _POLL_S)[1]:
                with contextlib.suppress(BlockingIOError):
                    view = view[os.write(self._master, view[:_CHUNK_BYTES]) :]

    def _hang_up(self) -> None:
        master, slave, self._master, self._slave = self._master, self._slave, -1, -1
        for descriptor in (master, slave):
            if descriptor >= 0:
                os.close(descriptor)
