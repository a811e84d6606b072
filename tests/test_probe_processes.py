"""Runs that meet at one board, are killed, are interrupted, or have a board each."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("pyocd")
pytest.importorskip("unicorn")

from full_runs import FULL_RUN
from probe_firmware import ProbeFirmware, build_probe_firmware
from probed_boards import flash_holds, state_of, virtual
from qrig.backends.probe import Hooks
from qrig.boards import find_board
from qrig.boards.lock import BoardLock
from qrig.boards.state_folder import instances_root
from qrig.deadline import Deadline

F746 = "nucleo-f746"
_START_S = 60.0
_FREE_S = 1.0  # after a run was killed, the next gets the board within this time
_INTERRUPTED_S = 2.0  # an interrupted run has let go of the board within this time
_TESTS = Path(__file__).parent

Start = Callable[..., "Run"]


class Run:
    """A process that runs a firmware on a virtual board."""

    def __init__(self, firmware: ProbeFirmware, instance: str, *words: str) -> None:
        script = _TESTS / "probe_process.py"
        self.process = subprocess.Popen(
            [sys.executable, script, firmware.elf, firmware.build_id, instance, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def until(self, word: str) -> list[str]:
        """Return the next line that begins with `word`, in words."""
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(word):
                return line.split()
        raise AssertionError(f"it ended without {word!r}")

    def end(self) -> int:
        """End it as a user would, and return its exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(timeout=_START_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=_START_S)
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QRIG_STATE", str(tmp_path))


@pytest.fixture
def start() -> Iterator[Start]:
    """Start runs; all are killed at the end."""
    runs: list[Run] = []

    def started(firmware: ProbeFirmware, instance: str = "1", *words: str) -> Run:
        runs.append(Run(firmware, instance, *words))
        return runs[-1]

    yield started
    for run in runs:
        run.kill()


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> ProbeFirmware:
    return build_probe_firmware(find_board(F746), tmp_path_factory.mktemp("firmware"))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool], deadline: Deadline) -> bool:
    while not condition():
        if deadline.expired:
            return False
        time.sleep(0.01)
    return True


def lock_of(instance: str = "1") -> BoardLock:
    return BoardLock(instances_root(), f"virtual-{F746}-{instance}", "a board", "a test")


@contextmanager
def running(firmware: ProbeFirmware, wait_s: float) -> Iterator[None]:
    board = virtual(hooks=Hooks(wait_s=wait_s)).start(firmware)
    try:
        yield
    finally:
        board.stop()


def test_the_second_run_waits_for_the_first(start: Start, firmware: ProbeFirmware) -> None:
    first = start(firmware)
    first.until("running")
    second = start(firmware)
    _, name, pid, *why = second.until("waiting")
    assert (name, pid) == (f"{F746}@virtual:1", str(first.process.pid))
    assert " ".join(why) == "a test of 1"
    assert first.end() == 0
    second.until("running")
    assert second.end() == 0


def test_who_waits_too_long_is_told_who_has_the_board(
    start: Start, firmware: ProbeFirmware
) -> None:
    first = start(firmware)
    first.until("running")
    second = start(firmware, "1", "wait=0.3")
    said = " ".join(second.until("failed"))
    assert second.end() == 3
    assert "BoardBusyError" in said
    for words in (f"process {first.process.pid}", "'a test of 1'", "since 2", "within 0.3 s"):
        assert words in said
    assert first.end() == 0


def test_a_killed_run_frees_its_board_at_once(start: Start, firmware: ProbeFirmware) -> None:
    first = start(firmware)
    board = int(first.until("running")[1])
    assert is_alive(board)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(timeout=_START_S)
    with running(firmware, wait_s=_FREE_S):
        pass
    assert wait_until(lambda: not is_alive(board), Deadline.after(_START_S))


def test_a_run_killed_while_it_flashes_leaves_no_half_firmware(
    start: Start, firmware: ProbeFirmware
) -> None:
    first = start(firmware, "1", "slow")
    first.until("writing")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(timeout=_START_S)
    dirty = state_of(F746).dirty
    assert dirty is not None
    assert firmware.build_id in dirty.why
    with running(firmware, wait_s=_FREE_S):
        assert flash_holds(firmware.elf, F746)
    assert state_of(F746).dirty is None


def test_an_interrupted_run_lets_go_of_its_board(start: Start, firmware: ProbeFirmware) -> None:
    first = start(firmware, "1", "slow")
    first.until("writing")
    first.process.send_signal(signal.SIGINT)
    deadline = Deadline.after(_INTERRUPTED_S)
    assert wait_until(lambda: not lock_of().is_taken(), deadline)
    assert state_of(F746).dirty is not None
    assert first.process.wait(timeout=_START_S) != 0
    with running(firmware, wait_s=_FREE_S):
        assert flash_holds(firmware.elf, F746)


@pytest.mark.parametrize("times", [1, pytest.param(50, marks=FULL_RUN)])
def test_two_boards_of_a_kind_are_no_bar_to_each_other(
    start: Start, firmware: ProbeFirmware, times: int
) -> None:
    for _ in range(times):
        pair = [start(firmware, name, "wait=0.1") for name in ("left", "right")]
        boards = {run.until("running")[1] for run in pair}
        assert len(boards) == 2
        assert [run.end() for run in pair] == [0, 0]
    for name in ("left", "right"):
        assert flash_holds(firmware.elf, F746, name)
