"""Starting Renode: what is missing, what goes wrong, and what is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fake_renode import BOARD, FakeRenode
from qrig.backends.renode import RenodeBackend, running
from qrig.backends.renode.folder import RunFolder, remove_abandoned
from qrig.backends.renode.program import find_renode
from qrig.boards import find_board
from qrig.errors import ProbeError, TargetUnavailableError
from qrig.profiles import ProfileRequest

_REGISTERS = {
    "sysbus.cpu GetRegister 15": ["0x8000108"],
    "sysbus.cpu GetRegister 14": ["0x8000043"],
    "sysbus.cpu GetRegister 13": ["0x20000F00"],
    **{f"sysbus.cpu GetRegister {n}": [f"0x{n:X}"] for n in range(12, -1, -1)},
    "sysbus.cpu XProgramStatusRegister": ["0x61000000"],
    "sysbus ReadDoubleWord": ["0x00000400"],
    "sysbus.cpu IsHalted": ["False"],
    "sysbus ReadBytes 0x20000f00 1024": ["[", ", ".join(["0xA5"] * 1024), "]"],
}


@pytest.fixture
def renode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRenode:
    return FakeRenode(tmp_path, monkeypatch)


def _reason(board: str = BOARD) -> str | None:
    return RenodeBackend().unavailable(find_board(board))


def test_renode_is_found_by_variable_and_by_path(
    renode: FakeRenode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _reason() is None
    assert RenodeBackend().stamp() == {"renode_version": "1.16.1", "renode_mips": "250"}
    monkeypatch.setenv("RENODE", str(renode.program.parent))
    assert find_renode() == renode.program
    monkeypatch.delenv("RENODE")
    monkeypatch.setenv("PATH", f"{renode.program.parent}:{os.environ['PATH']}")
    assert find_renode() == renode.program


def test_what_is_missing_is_said(
    tmp_path: Path, renode: FakeRenode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no [renode] table" in (_reason("mps2-an386") or "")
    monkeypatch.setenv("RENODE", str(tmp_path / "nowhere"))
    assert f"RENODE is {tmp_path / 'nowhere'}, which is no program" in (_reason() or "")
    monkeypatch.delenv("RENODE")
    monkeypatch.setenv("PATH", "")
    assert _reason() == "Renode is not installed: set RENODE or put renode on PATH"
    with pytest.raises(TargetUnavailableError, match=r"found that Renode is not installed"):
        renode.start()


@pytest.mark.parametrize("version", ["Renode v1.15.3.1234", "Renode v1.9.0", "who knows"])
def test_an_old_renode_is_refused(renode: FakeRenode, version: str) -> None:
    renode.behaves(version=version)
    assert "install 1.16.1 or newer" in (_reason() or "")


def test_a_newer_renode_is_taken(renode: FakeRenode) -> None:
    renode.behaves(version="Renode v2.0.0")
    assert _reason() is None


def test_profiles_are_refused(renode: FakeRenode) -> None:
    assert "@qemu" in (RenodeBackend().unprofiled() or "")
    with pytest.raises(TargetUnavailableError, match="found Renode; take one @qemu"):
        renode.start(ProfileRequest())


def test_a_start_and_an_end(renode: FakeRenode, tmp_path: Path) -> None:
    child = tmp_path / "child"
    renode.behaves(child=str(child))
    run = renode.start()
    assert run.stream.name == f"{BOARD}@renode"
    assert run.instructions(12) == 12
    assert run.cycles(12) is None
    assert run.unique_id is None
    assert "line 99" in run.last_words()
    assert "line 79" not in run.last_words()
    with pytest.raises(TargetUnavailableError, match="take one @qemu"):
        run.profile()
    run.stop()
    run.stop()
    assert renode.left() == []
    assert _is_gone(run.pid)
    assert _is_gone(int(child.read_text()))


def test_a_stopped_core_is_read(renode: FakeRenode) -> None:
    renode.behaves(answers=_REGISTERS)
    run = renode.start()
    try:
        state = run.halt()
    finally:
        run.stop()
    assert state.registers["pc"] == 0x0800_0108
    assert state.registers["lr"] == 0x0800_0043
    assert state.registers["r12"] == 12
    assert state.registers["cfsr"] == 0x400
    assert state.stack == 1024 * b"\xa5"
    assert not state.locked_up


def test_a_stack_outside_of_memory_is_not_read(renode: FakeRenode) -> None:
    renode.behaves(answers=_REGISTERS | {"sysbus.cpu GetRegister 13": ["0x1FFFFFF0"]})
    run = renode.start()
    try:
        assert run.halt().stack == b""
    finally:
        run.stop()


def test_registers_that_are_no_numbers_are_an_error(renode: FakeRenode) -> None:
    renode.behaves(answers={"sysbus.cpu GetRegister": ["R0"]})
    run = renode.start()
    try:
        with pytest.raises(ProbeError, match="a number for each of 21 registers"):
            run.halt()
    finally:
        run.stop()


@pytest.mark.parametrize("where", ["logFile", "$elf", "emulation", "start"])
def test_a_renode_that_ends_while_it_starts(renode: FakeRenode, where: str) -> None:
    renode.behaves(dies=where)
    with pytest.raises(TargetUnavailableError) as caught:
        renode.start()
    assert "it ended with code 7" in str(caught.value)
    assert "OutOfMemoryException" in str(caught.value)
    assert ("line 99" in str(caught.value)) == (where != "logFile"), "the log's tail is there"
    assert renode.left() == []


@pytest.mark.parametrize("where", ["logFile", "$elf", "emulation", "start"])
def test_a_renode_that_hangs_while_it_starts(
    renode: FakeRenode, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "START_S", 2.0)
    child = tmp_path / "child"
    renode.behaves(silent=where, child=str(child))
    with pytest.raises(TargetUnavailableError, match=r"within 2 s, found no answer; it is still"):
        renode.start()
    assert renode.left() == []
    assert _is_gone(int(child.read_text())), "it ends with all that it started"


def test_models_that_do_not_compile_are_said(renode: FakeRenode) -> None:
    renode.behaves(refuses={"include": "There were compilation errors: CS1002"})
    with pytest.raises(TargetUnavailableError, match="CS1002"):
        renode.start()
    assert renode.left() == []


def test_a_line_that_another_program_connects_is_refused(renode: FakeRenode) -> None:
    renode.behaves(**{"token": 16 * "0"})
    with pytest.raises(TargetUnavailableError, match="found that another program connects"):
        renode.start()


def test_a_line_that_says_too_little_is_refused(
    renode: FakeRenode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "START_S", 2.0)
    renode.behaves(**{"token": "0"})
    with pytest.raises(TargetUnavailableError, match=r"within 2 s, found"):
        renode.start()
    assert renode.left() == []


def test_folders_of_runs_that_were_killed_are_removed(renode: FakeRenode) -> None:
    alive = RunFolder()
    code = (
        "import os, signal, tempfile, sys; tempfile.tempdir = sys.argv[1]\n"
        "from qrig.backends.renode.folder import RunFolder\n"
        "(RunFolder().path / 'renode.log').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(renode.temporary)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(renode.left()) == 2
    remove_abandoned()
    assert renode.left() == [alive.path.name]
    alive.remove()
    alive.remove()
    assert renode.left() == []


def test_a_renode_ends_with_the_run_that_is_killed(renode: FakeRenode, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = (
        "import os, signal, sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from pathlib import Path; from fake_renode import BOARD, PaperFirmware\n"
        "from qrig.backends.renode import RenodeBackend; from qrig.boards import find_board\n"
        "run = RenodeBackend().start(PaperFirmware(find_board(BOARD), Path(sys.argv[2])))\n"
        "Path(sys.argv[2]).write_text(str(run.pid)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", code, str(renode.temporary), str(pid)]
    killed = subprocess.run(command, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert _is_gone(int(pid.read_text()))
    renode.start().stop()
    assert renode.left() == [], "the next run cleans up"


def _is_gone(pid: int) -> bool:
    """Whether a process ends within moments; a zombie has."""
    limit = time.monotonic() + 10.0
    while time.monotonic() < limit:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
