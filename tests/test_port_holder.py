"""Who has a serial port open."""

import os
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qrig.deadline import Deadline
from qrig.errors import TargetUnavailableError
from qrig.link.transports import port_holder as room
from qrig.link.transports.port_holder import intruding_process, port_holder
from qrig.link.transports.serial_port import SerialTransport

_HOLDS = """
import sys, serial
port = serial.Serial(sys.argv[1], exclusive=sys.argv[2] == "alone")
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def _terminal() -> Iterator[str]:
    master, slave = os.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    os.close(slave)
    try:
        yield name
    finally:
        os.close(master)


@contextmanager
def _program(port: str, how: str) -> Iterator[int]:
    """Start a program that has the port open; yields its process number."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, port, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield process.pid
        process.kill()


def test_the_program_that_has_a_port_is_named() -> None:
    with _terminal() as name:
        assert port_holder(name) is None
        with _program(name, "alone") as pid:
            holder = port_holder(name)
            assert holder is not None
            assert holder.pid == pid
            assert "import sys, serial" in holder.command
            assert str(holder).isprintable()
            deadline = Deadline.after(
                1.0 * 5
            )  # promised within one, on a machine without other work
            with pytest.raises(TargetUnavailableError, match=f"process {pid} ") as caught:
                SerialTransport(name, (115_200,))
            assert not deadline.expired
            assert "end that program" in str(caught.value)
        assert port_holder(name) is None


def test_a_program_that_does_not_lock_the_port_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with _terminal() as name, _program(name, "shared") as pid:
        assert intruding_process(name) is None  # it may play the device
        monkeypatch.setattr(room, "_PSEUDO_TERMINALS", ())
        with pytest.raises(TargetUnavailableError, match=f"process {pid} .* take bytes from us"):
            SerialTransport(name, (115_200,))


def test_a_port_that_is_not_there_has_no_holder(tmp_path: Path) -> None:
    assert port_holder(str(tmp_path / "none")) is None
    assert intruding_process(str(tmp_path / "none")) is None
    (tmp_path / "file").touch()
    assert port_holder(str(tmp_path / "file")) is None
