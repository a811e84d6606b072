"""The pseudo-terminal that the USART of a virtual board is connected to.

A program opens its other side as it opens a serial port. The speed that it sets there counts: a
board that runs at another one is not understood, in either direction.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import struct
import termios
import tty

from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.line import received

_BACKLOG_BYTES = 1 << 14
_CHUNK_BYTES = 1 << 12
_TCGETS2 = 0x802C_542A  # of Linux, asm-generic/ioctls.h: speeds as numbers
_TERMIOS2 = struct.Struct("4I20x2I")


class Terminal:
    """The master's side; nothing ever waits for whoever reads the other, what is too much is lost.

    `baud` is asked of the terminal, as set by whoever has it open.
    """

    def __init__(self, faults: Faults) -> None:
        """Open it; raises OSError."""
        self._master, self._slave = pty.openpty()  # ours stays open: the master never hangs up
        tty.setraw(self._slave, termios.TCSANOW)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self._queue, self._queue_baud = bytearray(), 0.0
        self._unsent = bytearray()
        self._to_board = _Noise(faults.rx_drop, faults.rx_garble)
        self._from_board = _Noise(faults.tx_drop, faults.tx_garble)

    def fileno(self) -> int:
        """Return what can be waited for: bytes to read."""
        return self._master

    @property
    def baud(self) -> int:
        """The speed that the terminal is set to."""
        answer = fcntl.ioctl(self._slave, _TCGETS2, bytes(_TERMIOS2.size))
        return int(_TERMIOS2.unpack(answer)[5])

    def read(self) -> bytes:
        """Return bytes that were written to the terminal, b"" if there are none."""
        try:
            data = os.read(self._master, _CHUNK_BYTES)
        except BlockingIOError:
            return b""
        return self._to_board.apply(data)

    def send(self, data: bytes, baud: float) -> None:
        """Take bytes from a board that sends at `baud`; `flush` passes them on."""
        if baud != self._queue_baud:
            self._arrive()
            self._queue_baud = baud
        self._queue += data

    def flush(self) -> None:
        """Pass on what there is room for."""
        if self._queue:
            self._arrive()
        while self._unsent:
            try:
                count = os.write(self._master, self._unsent)
            except BlockingIOError:
                break
            del self._unsent[:count]
        del self._unsent[: max(0, len(self._unsent) - _BACKLOG_BYTES)]

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait for room."""
        return bool(self._unsent)

    def _arrive(self) -> None:
        """Have the other side hear the bytes of the queue, at its speed."""
        heard, _ = received(bytes(self._queue), self._queue_baud, self.baud)
        self._unsent += self._from_board.apply(heard)
        self._queue.clear()


class _Noise:
    """Loses one byte in `drop`, and turns a bit of one in `garble`, at random; None for none.

    What happens is the same every time.
    """

    def __init__(self, drop: int | None, garble: int | None) -> None:
        self._drop, self._garble = drop, garble
        self._random = random.Random(0)  # noqa: S311  # no secret

    def apply(self, data: bytes) -> bytes:
        """Return what is left of bytes."""
        if self._drop is None and self._garble is None:
            return data
        kept = bytearray()
        for byte in data:
            if self._drop is not None and not self._random.randrange(self._drop):
                continue
            is_hit = self._garble is not None and not self._random.randrange(self._garble)
            kept.append(byte ^ is_hit << self._random.randrange(8))
        return bytes(kept)
