"""Probes of other machines: every wait for their server has an end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from qrig.backends.probe import remote_socket
from qrig.backends.probe.remote_socket import RemoteSocket


@contextmanager
def _server(answers: list[bytes]) -> Iterator[int]:
    """Serve one client: every line it sends gets the next of `answers`, then it is hung up on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with suppress(OSError), client, client.makefile("rb") as lines:
                for answer in answers:
                    lines.readline()
                    client.sendall(answer)
                lines.readline()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=5)
        assert not thread.is_alive()


def test_lines_come_whole() -> None:
    with _server([b"one\ntw", b"o\n", b"x" * 200_000 + b"\n"]) as port:
        remote = RemoteSocket("127.0.0.1", port)
        remote.connect()
        for expected in (b"one\n", b"two\n", b"x" * 200_000 + b"\n"):
            remote.write(b"?\n")
            assert remote.readline() == expected
        remote.write(b"?\n")
        with pytest.raises(ConnectionResetError, match="hung up"):
            remote.readline()
        remote.close()
        with pytest.raises(ConnectionResetError):
            remote.write(b"?\n")


def test_a_silent_server_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_socket, "ANSWER_S", 0.1)
    with _server([]) as port:
        remote = RemoteSocket("127.0.0.1", port)
        remote.connect()
        with pytest.raises(TimeoutError, match=r"0\.1 s"):
            remote.readline()
        with pytest.raises(ConnectionResetError, match="not connected"):
            remote.readline()


def test_an_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_socket, "_MAX_LINE_BYTES", 1000)
    with _server([b"x" * 100_000]) as port:
        remote = RemoteSocket("127.0.0.1", port)
        remote.connect()
        remote.write(b"?\n")
        with pytest.raises(TimeoutError, match="does not end"):
            remote.readline()


def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        RemoteSocket("127.0.0.1", port).connect()
