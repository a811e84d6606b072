"""A serial port, played by a pseudo-terminal: speeds, noise, silence, and no port at all."""

import os
import random
import select
import socket
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qrig.deadline import Deadline
from qrig.errors import LinkTimeoutError, TargetUnavailableError, TransportClosedError
from qrig.link import open_session
from qrig.link.inference import RemoteNetwork
from qrig.link.session import OPEN_TIMEOUT_S
from qrig.link.transports.serial_port import DEFAULT_BAUDS, SerialTransport
from tiny_deployment import is_right, start, tiny_pixels

_POLL_S = 0.01
_MARGIN_S = 5.0
_OUTPUT_SPEED = 5  # index in what tcgetattr returns

Board = Callable[[int, int], None]
"""Serves the master side of a terminal until the event is set; the second is the slave side."""


@contextmanager
def _terminal() -> Iterator[tuple[int, int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        yield master, slave, os.ttyname(slave)
    finally:
        os.close(slave)
        os.close(master)


@contextmanager
def _in_background(step: Callable[[], None]) -> Iterator[None]:
    """Call `step` again and again in a thread."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            step()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=_MARGIN_S)
        assert not thread.is_alive()


class _BoardAt:
    """Passes bytes between a terminal and a firmware, at one speed; at others they are noise."""

    def __init__(self, master: int, slave: int, firmware: socket.socket, speed: int) -> None:
        self._master, self._slave, self._firmware, self._speed = master, slave, firmware, speed
        self._numbers = random.Random(speed)  # repeatable on purpose
        self.speeds_seen: list[int] = []

    def __call__(self) -> None:
        sources = [self._master, self._firmware.fileno()]
        ready = select.select(sources, [], [], _POLL_S)[0]
        speed = termios.tcgetattr(self._slave)[_OUTPUT_SPEED]
        if speed not in self.speeds_seen:
            self.speeds_seen.append(speed)
        if self._master in ready:
            data = os.read(self._master, 4096)
            self._firmware.sendall(self._garbled(data, speed))
        if sources[1] in ready:
            data = self._firmware.recv(4096)
            os.write(self._master, self._garbled(data, speed))

    def _garbled(self, data: bytes, speed: int) -> bytes:
        return data if speed == self._speed else self._numbers.randbytes(len(data))


def test_a_session_opens_at_the_boards_speed() -> None:
    running = start()
    try:
        with _terminal() as (master, slave, name):
            played = _BoardAt(master, slave, running.stream.socket, termios.B115200)
            with _in_background(played):
                transport = SerialTransport(name)
                session = open_session(transport, timeout_s=3.0)
                assert session.banner.network == "tiny"
                assert transport.byte_s == pytest.approx(10 / 115_200)
                pixels = tiny_pixels(3)
                trace = RemoteNetwork(session).run(pixels, tensors=True)
                session.close()
        assert is_right(trace, pixels)
        tried = (termios.B921600, termios.B460800, termios.B230400, termios.B115200)
        assert tuple(speed for speed in played.speeds_seen if speed in tried) == tried
    finally:
        running.stop()


def _noise(master: int, alphabet: bytes) -> Callable[[], None]:
    numbers = random.Random(4)  # repeatable on purpose
    os.set_blocking(master, False)

    def step() -> None:
        if select.select([], [master], [], _POLL_S)[1]:
            os.write(master, bytes(numbers.choices(alphabet, k=64)))
        if select.select([master], [], [], 0)[0]:
            os.read(master, 4096)

    return step


@pytest.mark.parametrize("alphabet", [bytes(range(256)), bytes(range(1, 256)), b"\0\1"])
def test_noise_alone_is_named_with_what_to_check(alphabet: bytes) -> None:
    with _terminal() as (master, _, name), _in_background(_noise(master, alphabet)):
        transport = SerialTransport(name)
        began = time.monotonic()
        with pytest.raises(LinkTimeoutError) as caught:
            open_session(transport, timeout_s=1.0)
        assert time.monotonic() - began < 1.0 + _MARGIN_S
        transport.close()
    message = str(caught.value)
    assert "noise" in message
    for word in (name, "RX", "TX", *map(str, DEFAULT_BAUDS)):
        assert word in message


def test_silence_is_named_with_what_to_check() -> None:
    assert OPEN_TIMEOUT_S <= 5.0
    with _terminal() as (_, _, name):
        transport = SerialTransport(name)
        began = time.monotonic()
        with pytest.raises(LinkTimeoutError) as caught:
            open_session(transport)
        assert time.monotonic() - began < OPEN_TIMEOUT_S + _MARGIN_S
        transport.close()
    message = str(caught.value)
    assert "silence" in message
    for word in (name, "RX", "TX", "other program", *map(str, DEFAULT_BAUDS)):
        assert word in message


def test_a_port_that_vanishes_is_a_closed_transport() -> None:
    master, slave = os.openpty()
    transport = SerialTransport(os.ttyname(slave))
    os.close(slave)
    os.close(master)
    with pytest.raises(TransportClosedError, match="gone"):
        transport.read(Deadline.after(1.0))
    with pytest.raises(TransportClosedError, match="gone"):
        transport.write(b"x", Deadline.after(1.0))
    transport.close()
    transport.close()


def test_a_missing_port_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(TargetUnavailableError, match="check the cable"):
        SerialTransport(str(tmp_path / "ttyNONE"))


def test_a_file_is_no_port(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    with pytest.raises(TargetUnavailableError, match="expected a serial port"):
        SerialTransport(str(path))


def test_a_port_is_ours_alone() -> None:
    with _terminal() as (_, _, name):
        first = SerialTransport(name)
        with pytest.raises(TargetUnavailableError, match="no other program"):
            SerialTransport(name)
        first.close()
        SerialTransport(name).close()


def test_a_speed_the_port_does_not_have_is_an_error_of_ours() -> None:
    with _terminal() as (_, _, name):
        transport = SerialTransport(name)
        with pytest.raises(TargetUnavailableError, match="-5 baud"):
            transport.set_baud(-5)
        transport.close()


def test_reading_ends_at_the_deadline() -> None:
    with _terminal() as (master, _, name):
        transport = SerialTransport(name)
        assert transport.read(Deadline.after(0.05)) == b""
        os.write(master, b"abc")
        assert transport.read(Deadline.after(5.0))[:1] == b"a"
        transport.close()
