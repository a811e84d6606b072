"""The list of targets: what is in it, boards in use, and what becomes of it if looking hangs."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from path_programs import let_through
from qrig.backends import find_backend
from qrig.boards import board_names, find_board
from qrig.boards.instance_state import StateFile
from qrig.boards.lock import BoardLock
from qrig.boards.state_folder import instance_key, instances_root
from qrig.deadline import Deadline
from qrig.errors import TargetUnavailableError
from qrig.runs import target_list
from qrig.runs.in_time import collect_in_time
from qrig.runs.target_list import TargetRow, list_targets

LAB = """schema = "qrig-lab/1"
[[boards]]
name = "desk"
board = "nucleo-f746"
probe = "066DFF495056805087072142"
port = "/dev/ttyACM9"

[[boards]]
name = "far"
board = "nucleo-f429"
probe = "remote:bench.example:5555"
port = "rfc2217://bench.example:2217"
"""
PROBE = "066DFF495056805087072142"


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QRIG_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("QRIG_LAB", raising=False)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    place = tmp_path / "qrig" / "lab.toml"
    place.parent.mkdir()
    place.write_text(LAB)
    return place


def rows() -> dict[str, TargetRow]:
    return {row.target: row for row in list_targets(look_s=120).rows}


def test_every_board_at_every_backend_is_listed() -> None:
    expected = [
        f"{name}@{backend}" for name in board_names() for backend in find_board(name).backends
    ]
    found = rows()
    assert list(found) == expected
    for target, row in found.items():
        board = find_board(target.partition("@")[0])
        backend = find_backend(target.partition("@")[2])
        assert (row.core, row.counts) == (board.core, backend.counts)
        assert row.clock_hz == (board.clock_hz or None)
        assert row.reason == backend.unavailable(board)
        assert row.available == (row.reason is None)
        assert row.needs, target


def test_targets_say_what_they_need() -> None:
    found = rows()
    assert found["mps2-an386@qemu"].needs == "qemu-system-arm"
    assert found["nucleo-f746@probe"].needs == (
        "a debug probe on USB and a serial port at PD8/PD9, qrig[probe]"
    )
    assert found["nucleo-f746@virtual"].needs == "qrig[virtual]"
    assert "Renode 1.16.1" in found["nucleo-f746@renode"].needs
    assert "PA2/PA3" in found["stm32f4-discovery@probe"].needs
    assert found["host@native"].clock_hz is None


def test_without_qemu_its_targets_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_through(tmp_path / "bin", ["sh"])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    row = rows()["mps2-an500@qemu"]
    assert not row.available
    assert row.reason is not None
    assert "apt-get install qemu-system-arm" in row.reason


def test_a_board_that_cannot_be_read_does_not_end_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qrig.boards import registry
    from qrig.resources import targets_root

    root = tmp_path / "targets"
    for name, text in (("broken", "schema = 7"), ("host", None)):
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "board.toml").write_text(
            text or (targets_root() / name / "board.toml").read_text()
        )
    monkeypatch.setattr(registry, "targets_root", lambda: root)
    broken, host = list_targets(look_s=120).rows
    assert (broken.target, broken.core, broken.available) == ("broken", None, False)
    assert broken.reason is not None
    assert "broken/board.toml" in broken.reason
    assert host.available


class Hanging:
    """A backend whose hardware never answers."""

    name = "probe"
    counts = "cycles"

    def __init__(self) -> None:
        self.released = threading.Event()

    def unavailable(self, board: object) -> str | None:
        self.released.wait(60)
        return None

    def needs(self, board: object) -> str:
        return "a miracle"


def test_what_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = Hanging()
    monkeypatch.setattr(
        target_list, "find_backend", lambda name: hanging if name == "probe" else find_backend(name)
    )
    deadline = Deadline.after(30)
    try:
        found = {row.target: row for row in list_targets(look_s=3).rows}
    finally:
        hanging.released.set()
    assert not deadline.expired
    late = found["nucleo-f746@probe"]
    assert late.reason == "it is not known: looking for it took longer than 3 s"
    assert found["host@native"].available


def test_a_backend_that_fails_does_not_end_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Hanging):
        def unavailable(self, board: object) -> str | None:
            raise TargetUnavailableError("expected USB, found none")

    monkeypatch.setattr(
        target_list,
        "find_backend",
        lambda name: Failing() if name == "probe" else find_backend(name),
    )
    found = rows()
    assert found["nucleo-f746@probe"].reason == "expected USB, found none"
    assert found["host@native"].available


def test_boards_of_the_lab_are_listed(lab: Path) -> None:
    desk, far = list_targets().instances
    assert (desk.name, desk.board, desk.probe, desk.port) == (
        "desk",
        "nucleo-f746",
        PROBE,
        "/dev/ttyACM9",
    )
    assert (desk.target, desk.condition) == ("nucleo-f746@probe:desk", "free")
    assert (far.probe, far.condition) == ("remote:bench.example:5555", "free")


def test_a_board_in_use_says_who_why_and_since_when(lab: Path) -> None:
    with BoardLock(instances_root(), instance_key(PROBE), "desk", "qrig bench") as lock:
        assert lock.try_acquire()
        desk, far = list_targets().instances
        assert desk.busy == str(lock.holder())
    assert desk.condition.startswith("busy: ")
    assert "'qrig bench' since 20" in desk.condition
    assert far.condition == "free"
    assert list_targets().instances[0].condition == "free"


def test_a_board_says_that_it_is_wedged_and_half_written(lab: Path) -> None:
    state = StateFile(instances_root(), instance_key(PROBE), lambda text: None)
    state.mark_dirty("flashing feedface")
    state.mark_wedged("no answer after a power cycle")
    desk = list_targets().instances[0]
    wedged, half_written = desk.condition.split("; ")
    assert wedged.startswith("wedged: no answer after a power cycle (since 20")
    assert half_written.startswith("half-written flash: flashing feedface (since 20")
    state.mark_well()
    state.mark_flashed("0123456789abcdef", None)
    assert list_targets().instances[0].condition == "free"


def test_a_board_of_no_lab_is_listed_while_something_is_wrong() -> None:
    assert list_targets().instances == ()
    state = StateFile(instances_root(), instance_key(PROBE), lambda text: None)
    state.mark_flashed("0123456789abcdef", None)
    assert list_targets().instances == ()
    state.mark_wedged("nothing helped")
    (found,) = list_targets().instances
    assert (found.name, found.target) == (instance_key(PROBE), None)
    state.mark_well()
    with BoardLock(instances_root(), instance_key(PROBE), "it", "a test") as lock:
        assert lock.try_acquire()
        (found,) = list_targets().instances
    assert found.condition.startswith("busy: ")


def test_a_mistake_in_the_lab_does_not_end_the_list(lab: Path) -> None:
    lab.write_text("schema = 'qrig-lab/2'")
    found = list_targets()
    assert found.lab_mistake is not None
    assert str(lab) in found.lab_mistake
    assert found.instances == ()
    assert found.rows


def test_the_document_has_everything(lab: Path) -> None:
    listed = list_targets(look_s=120)
    document: dict[str, Any] = json.loads(json.dumps(listed.document()))
    assert document["schema"] == "qrig-targets/1"
    assert [row["target"] for row in document["targets"]] == [row.target for row in listed.rows]
    native = next(row for row in document["targets"] if row["target"] == "host@native")
    assert native == {
        "target": "host@native",
        "core": "native",
        "clock_hz": None,
        "counts": "none",
        "needs": "gcc with sanitizers",
        "reason": None,
        "available": True,
    }
    desk = document["instances"][0]
    assert desk["target"] == "nucleo-f746@probe:desk"
    assert desk["state"] == {"dirty": None, "wedged": None, "build": None, "unique_id": None}
    assert document["lab_mistake"] is None


def test_what_comes_in_time_is_collected() -> None:
    released = threading.Event()

    def look() -> Iterator[tuple[str, int]]:
        yield "first", 1
        yield "second", 2
        released.wait(60)
        yield "late", 3

    found = collect_in_time(look, Deadline.after(2))
    released.set()
    assert found == {"first": 1, "second": 2}
    assert collect_in_time(lambda: iter([("only", 1)]), Deadline.after(600)) == {"only": 1}
