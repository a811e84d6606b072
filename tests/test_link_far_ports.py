"""Serial ports of other machines: rfc2217:// with its negotiation, and socket:// without."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from serial.rfc2217 import PortManager

from qrig.backends.process import ChildProcess
from qrig.deadline import Deadline
from qrig.errors import TargetUnavailableError, TransportClosedError
from qrig.link import open_session
from qrig.link.inference import RemoteNetwork
from qrig.link.transports.serial_port import SerialTransport
from tiny_deployment import is_right, start, tiny_pixels

_POLL_S = 0.01
_MARGIN_S = 10.0


@contextmanager
def _serving(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Serve one client until the end; yields the port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client:
                    serve(client, over)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=_MARGIN_S)
        assert not thread.is_alive()


def _pass(one: socket.socket, other: socket.socket, over: threading.Event) -> None:
    """Pass bytes between two sockets."""
    while not over.is_set():
        for ready in select.select([one, other], [], [], _POLL_S)[0]:
            data = ready.recv(4096)
            if not data:
                return
            (other if ready is one else one).sendall(data)


class _Wire:
    """What PortManager writes its answers to."""

    def __init__(self, client: socket.socket) -> None:
        self.write = client.sendall


class _Port:
    """The far end's serial port, as PortManager sets it."""

    baudrate, bytesize, parity, stopbits = 9_600, 8, "N", 1
    xonxoff = rtscts = dtr = rts = cts = dsr = ri = cd = False

    def reset_input_buffer(self) -> None:
        """Forget nothing."""

    reset_output_buffer = reset_input_buffer


def _manage(firmware: socket.socket, port: _Port) -> Callable[..., None]:
    """Serve a firmware as a port by RFC 2217."""

    def serve(client: socket.socket, over: threading.Event) -> None:
        manager: Any = PortManager(port, _Wire(client))  # type: ignore[arg-type]
        while not over.is_set():
            for ready in select.select([client, firmware], [], [], _POLL_S)[0]:
                data = ready.recv(4096)
                if not data:
                    return
                if ready is client:
                    firmware.sendall(b"".join(manager.filter(data)))
                else:
                    client.sendall(b"".join(manager.escape(data)))

    return serve


@pytest.fixture
def firmware() -> Iterator[ChildProcess]:
    running = start()
    try:
        yield running
    finally:
        running.stop()


def _runs(url: str) -> None:
    """Run the tiny network behind a port, and change the port's speed."""
    transport = SerialTransport(url, (115_200,), answer_s=2.0)
    session = open_session(transport, timeout_s=60.0)
    pixels = tiny_pixels(1)
    trace = RemoteNetwork(session).run(pixels, tensors=True)
    assert is_right(trace, pixels)
    transport.set_baud(921_600)
    assert RemoteNetwork(session).status()[0] == 1
    session.close()


def test_a_port_with_negotiation(firmware: ChildProcess) -> None:
    managed = _Port()
    with _serving(_manage(firmware.stream.socket, managed)) as port:
        _runs(f"rfc2217://127.0.0.1:{port}")
    assert managed.baudrate == 921_600


def test_a_port_without(firmware: ChildProcess) -> None:
    with _serving(lambda client, over: _pass(client, firmware.stream.socket, over)) as port:
        _runs(f"socket://127.0.0.1:{port}")


@pytest.mark.parametrize("scheme", ["rfc2217", "socket"])
def test_nobody_there_is_told_at_once(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    deadline = Deadline.after(_MARGIN_S)
    with pytest.raises(TargetUnavailableError, match=f"{scheme}://127.0.0.1:{port}: expected"):
        SerialTransport(f"{scheme}://127.0.0.1:{port}", (115_200,))
    assert not deadline.expired


def test_a_server_that_hangs_up_is_a_port_that_is_gone() -> None:
    with _serving(lambda client, over: None) as port:
        transport = SerialTransport(f"socket://127.0.0.1:{port}", (115_200,))
        with pytest.raises(TransportClosedError, match="the port is gone"):
            transport.read(Deadline.after(_MARGIN_S))
        transport.close()
