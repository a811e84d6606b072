"""The lock of a board, with real processes: who has it is said, who dies loses it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qrig.boards.lock import BoardLock, Holder, acquire_first
from qrig.deadline import Deadline
from qrig.errors import BoardBusyError

_START_S = 20.0
_FREE_S = 1.0  # a board is taken over within this time

_HOLDS = """
import subprocess, sys
from pathlib import Path
from qrig.boards.lock import BoardLock
from qrig.deadline import Deadline

lock = BoardLock(Path(sys.argv[1]), "board", "toy@probe:one", "an old run")
lock.acquire(Deadline.after(20), lambda name, holder: None)
child = None
if "child" in sys.argv:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid if child else 0, flush=True)
sys.stdin.read(1)
lock.release()
print("released", flush=True)
sys.stdin.read()
"""


def lock_in(folder: Path, key: str = "board", why: str = "a test") -> BoardLock:
    return BoardLock(folder, key, f"toy@probe:{key}", why)


def ignore(name: str, holder: Holder) -> None:
    """Tell nobody."""


@contextmanager
def _holder(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a process that holds the lock; yields it and the process it has started, 0 if none."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(folder), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    child = 0
    try:
        child = int(process.stdout.readline())
        yield process, child
    finally:
        process.kill()
        process.wait(timeout=_START_S)
        process.stdin.close()
        process.stdout.close()
        if child:
            os.kill(child, signal.SIGKILL)


def test_a_free_board_is_ours_until_we_let_go(tmp_path: Path) -> None:
    lock, other = lock_in(tmp_path), lock_in(tmp_path)
    assert not lock.is_taken()
    with lock:
        assert lock.try_acquire()
        assert lock.try_acquire()
        assert lock.is_held
        assert other.is_taken()
        assert not other.try_acquire()
        holder = other.holder()
        assert holder is not None
        assert (holder.pid, holder.why) == (os.getpid(), "a test")
        assert "@" in holder.who
    assert not other.is_taken()
    assert other.holder() is None
    assert other.try_acquire()
    lock.release()
    assert other.is_held
    other.release()


def test_who_waits_is_told_who_holds_it_and_why_and_since_when(tmp_path: Path) -> None:
    told: list[tuple[str, Holder]] = []
    with _holder(tmp_path) as (process, _):
        with pytest.raises(BoardBusyError) as caught:
            lock_in(tmp_path).acquire(
                Deadline.after(0.2), lambda name, holder: told.append((name, holder))
            )
        assert [(name, holder.pid) for name, holder in told] == [("toy@probe:board", process.pid)]
        for text in (str(caught.value), str(told[0][1])):
            assert f"process {process.pid}" in text
            assert "an old run" in text
            assert told[0][1].since in text
        assert "within 0.2 s" in str(caught.value)


def test_two_who_wait_get_the_board_one_after_the_other(tmp_path: Path) -> None:
    with _holder(tmp_path) as (first, _), _waiter(tmp_path) as second, _waiter(tmp_path) as third:
        assert first.stdin
        first.stdin.write("x")
        first.stdin.flush()
        queue = [second, third]
        winners = []
        deadline = Deadline.after(_START_S)
        while queue and not deadline.expired:
            for process in queue:
                if _holds(tmp_path, process.pid):
                    winners.append(process.pid)
                    queue.remove(process)
                    assert process.stdin
                    process.stdin.write("x")
                    process.stdin.flush()
                    break
            time.sleep(0.01)
        assert sorted(winners) == sorted((second.pid, third.pid))


@contextmanager
def _waiter(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that waits for the lock, and lets go of it when it is written to."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=_START_S)
        process.stdin.close()


def _holds(folder: Path, pid: int) -> bool:
    lock = lock_in(folder)
    holder = lock.holder()
    return lock.is_taken() and holder is not None and holder.pid == pid


def test_a_killed_holder_leaves_the_board_free(tmp_path: Path) -> None:
    with _holder(tmp_path, "child") as (process, child):
        assert child
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=_START_S)
        os.kill(child, 0)  # what it has started lives on, without the lock
        assert (tmp_path / "board.holder.json").exists()
        lock = lock_in(tmp_path)
        assert lock.holder() is None
        lock.acquire(Deadline.after(_FREE_S), ignore)
        holder = lock.holder()
        assert holder is not None
        assert holder.pid == os.getpid()
        lock.release()


def test_a_record_without_a_lock_means_nothing(tmp_path: Path) -> None:
    stale = {"pid": os.getpid(), "who": "me", "why": "long ago", "since": "then"}
    (tmp_path / "board.holder.json").write_text(json.dumps(stale))
    lock = lock_in(tmp_path)
    assert not lock.is_taken()
    assert lock.try_acquire()
    lock.release()
    assert not (tmp_path / "board.holder.json").exists()


@pytest.mark.parametrize(
    "record",
    [b"", b"{", b"[]", b"{}", b'{"pid": "7"}', b"\xff" * 9, b"[" * 9000, b'{"pid": 1, "who": 2}'],
)
def test_a_broken_record_does_not_stop_anybody(tmp_path: Path, record: bytes) -> None:
    with lock_in(tmp_path) as lock:
        assert lock.try_acquire()
        (tmp_path / "board.holder.json").write_bytes(record)
        with pytest.raises(BoardBusyError, match="an unknown process"):
            lock_in(tmp_path).acquire(Deadline.after(0.05), ignore)


def test_a_record_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    record = {"pid": os.getpid(), "who": "a\x1b[31m", "why": "b\n" * 999, "since": "c"}
    (tmp_path / "board.holder.json").write_text(json.dumps(record))
    holder = lock_in(tmp_path).holder()
    assert holder is not None
    assert str(holder).isprintable()
    assert len(str(holder)) < 1000


def test_the_first_free_board_of_several_is_taken(tmp_path: Path) -> None:
    with lock_in(tmp_path, "one") as one, lock_in(tmp_path, "two") as two:
        assert one.try_acquire()
        again = [lock_in(tmp_path, key) for key in ("one", "two", "three")]
        assert acquire_first(again, Deadline.after(0.0), ignore) is again[1]
        assert not two.try_acquire()
        assert acquire_first(again[::2], Deadline.after(0.0), ignore) is again[2]
        waiting = [lock_in(tmp_path, key) for key in ("one", "two", "three")]
        with pytest.raises(BoardBusyError, match=r"probe:one by .*probe:two by .*probe:three by"):
            acquire_first(waiting, Deadline.after(0.05), ignore)
        again[1].release()
        assert acquire_first(waiting, Deadline.after(_FREE_S), ignore) is waiting[1]
        for lock in (*again, *waiting):
            lock.release()
