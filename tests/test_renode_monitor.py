"""Renode's command line: answers, refusals, and what never comes."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qrig.backends.renode import monitor as module
from qrig.backends.renode.monitor import Monitor, monitor_path
from qrig.deadline import Deadline
from qrig.errors import ProbeError, TargetUnavailableError
from renode_console import Console

Serve = Callable[[socket.socket], None]


def _console(**behaviour: object) -> Serve:
    def serve(stream: socket.socket) -> None:
        console = Console(dict(behaviour), lambda text: stream.sendall(text.encode()))
        console.start()
        for line in stream.makefile("r"):
            console.take(line.rstrip("\n"))

    return serve


@contextmanager
def _monitor(serve: Serve) -> Iterator[Monitor]:
    ours, theirs = socket.socketpair()

    def body() -> None:
        with theirs:
            try:
                serve(theirs)
            except OSError:
                return  # the test has ended

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    with ours:
        yield Monitor("paper@renode", ours, lambda: "its last words")
    thread.join(5.0)
    assert not thread.is_alive()


def _soon() -> Deadline:
    return Deadline.after(10.0)


def test_a_silent_command_prints_nothing_and_others_their_lines() -> None:
    answers = {"sysbus Read": ["0x00000001"], "version": ["Renode", "", "1.16.1"]}
    with _monitor(_console(answers=answers)) as monitor:
        assert monitor.run('mach create "x"', _soon()) == []
        assert monitor.run("sysbus ReadDoubleWord 0x0", _soon()) == ["0x00000001"]
        assert monitor.run("version", _soon()) == ["Renode", "", "1.16.1"]
        assert monitor.run("sysbus Read 1; sysbus Read 2", _soon()) == 2 * ["0x00000001"]


def test_an_answer_in_pieces_is_put_together() -> None:
    def serve(stream: socket.socket) -> None:
        received = b""
        while received.count(b"\n") < 2:
            received += stream.recv(100)
        said = b'(x) a; echo "done 1"\n\rfirst\r\r\ndone 1\r\r\n(x) echo "end 1"\n\rend 1\r\r\n'
        for index in range(len(said)):
            stream.sendall(said[index : index + 1])

    with _monitor(serve) as monitor:
        assert monitor.run("a", _soon()) == ["first"]


def test_what_it_refuses_is_in_the_error() -> None:
    refuses = {"sysbus Foo": "sysbus does not provide a field, method or property Foo."}
    with _monitor(_console(refuses=refuses)) as monitor:
        with pytest.raises(ProbeError) as caught:
            monitor.run("sysbus Foo; sysbus Bar", _soon())
        for part in ("paper@renode", "'sysbus Foo; sysbus Bar'", "does not provide", "last words"):
            assert part in str(caught.value)
        assert "end 1" not in str(caught.value)
        assert monitor.run("version", _soon()) == [], "it goes on with the next command"


def test_a_command_that_does_not_end_is_late() -> None:
    with _monitor(_swallow) as monitor:
        began = time.monotonic()
        with pytest.raises(ProbeError, match=r"'pause' within 0\.2 s, found no answer; its last"):
            monitor.run("pause", Deadline.after(0.2))
        assert time.monotonic() - began < 5.0


def test_a_renode_that_reads_nothing_is_late() -> None:
    late = pytest.raises(ProbeError, match=r"within 0\.2 s, found no answer")
    with _monitor(_wait_for_end) as monitor, late:
        monitor.run("x" * (1 << 22), Deadline.after(0.2))


@pytest.mark.parametrize("said", [b"", b"(monitor) pau"])
def test_a_renode_that_ends_is_gone(said: bytes) -> None:
    gone = pytest.raises(ProbeError, match="found that it is gone; its last words")
    with _monitor(lambda stream: stream.sendall(said)) as monitor, gone:
        monitor.run("pause", _soon())


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWER_BYTES", 1 << 18)

    def serve(stream: socket.socket) -> None:
        while True:
            stream.sendall(b"all work and no play\r\r\n" * 100)

    cut_off = pytest.raises(ProbeError, match="found that it does not end")
    with _monitor(serve) as monitor, cut_off:
        monitor.run("help", _soon())


def test_one_command_is_one_line() -> None:
    with _monitor(_console()) as monitor, pytest.raises(ValueError, match="expected one line"):
        monitor.run("mach create\nquit", _soon())


def test_paths_as_the_monitor_takes_them() -> None:
    assert monitor_path(Path("/a/b c/d.elf")) == r"@/a/b\ c/d.elf"
    assert monitor_path(Path("x.elf")) == f"@{Path.cwd() / 'x.elf'}".replace(" ", r"\ ")


@pytest.mark.parametrize("name", ["a;b", "a\nb", "a\tb", "a\x1bb"])
def test_paths_it_cannot_take_are_refused(name: str) -> None:
    with pytest.raises(TargetUnavailableError, match="without semicolons"):
        monitor_path(Path(name))


def _swallow(stream: socket.socket) -> None:
    while stream.recv(1000):
        pass


def _wait_for_end(stream: socket.socket) -> None:
    """Read nothing until the other end is closed, which an empty peek tells at last."""
    while stream.fileno() >= 0:
        time.sleep(0.05)
        stream.sendall(b".")
