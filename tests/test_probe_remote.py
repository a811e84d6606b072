"""Probes of other machines: used by the same fields; every wait for their server has an end."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from probe_firmware import ProbeFirmware, address_of, build_probe_firmware
from probed_boards import flash_holds
from qrig.backends.probe import ProbeBackend, remote_socket
from qrig.backends.probe.remote_socket import RemoteSocket
from qrig.boards import find_board
from qrig.errors import ProbeError

F746 = "nucleo-f746"


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


@contextmanager
def _machine(port: int) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Start another machine; yields it, the device of its serial line, and its chip's number."""
    script = Path(__file__).with_name("probe_server.py")
    with subprocess.Popen(
        [sys.executable, script, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        device, unique_id = process.stdout.readline().split()
        yield process, device, unique_id
        process.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def firmware(tmp_path: Path) -> ProbeFirmware:
    return build_probe_firmware(find_board(F746), tmp_path, data_bytes=4000)


def test_a_remote_board_is_used_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, firmware: ProbeFirmware
) -> None:
    pytest.importorskip("pyocd")
    pytest.importorskip("unicorn")
    monkeypatch.setenv("QRIG_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("QRIG_LAB", str(tmp_path / "lab.toml"))
    port = _free_port()
    with _machine(port) as (process, device, unique_id):
        (tmp_path / "lab.toml").write_text(
            'schema = "qrig-lab/1"\n\n[[boards]]\nname = "far"\n'
            f'board = "{F746}"\nprobe = "remote:127.0.0.1:{port}"\nport = "{device}"\n'
            f'unique_id = "{unique_id}"\nattached = true\n'
        )
        assert ProbeBackend().unavailable(firmware.board) is None
        for flashed in ({"flashed": 1}, {}):
            running = ProbeBackend("far").start(firmware)
            assert running.effort.counts == flashed
            assert (running.stream.url, running.unique_id) == (device, unique_id)
            state = running.halt()
            assert state is not None
            assert state.registers["pc"] < address_of(firmware, "fault")
            running.stop()
        assert flash_holds(firmware.elf, F746)
        process.kill()
        process.wait(timeout=60)
        with pytest.raises(ProbeError, match="the probe is gone"):
            ProbeBackend("far").start(firmware)
