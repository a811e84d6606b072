"""What is remembered of a board: marks survive, a broken file counts as half-written flash."""

import json
from pathlib import Path

import pytest

from qrig.boards.instance_state import InstanceState, StateFile, peek_state
from qrig.boards.state_folder import instance_key, instances_root, state_root
from qrig.errors import TargetUnavailableError


def opened(folder: Path, notices: list[str] | None = None) -> StateFile:
    return StateFile(folder, "board", ([] if notices is None else notices).append)


def test_nothing_is_known_of_a_new_board(tmp_path: Path) -> None:
    notices: list[str] = []
    assert opened(tmp_path / "new", notices).state == InstanceState()
    assert notices == []
    assert not (tmp_path / "new").exists()


def test_flash_is_dirty_from_before_the_first_erase_until_it_is_verified(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.mark_flashed("a" * 16, "1" * 24)
    file.mark_dirty("b was being written")
    found = opened(tmp_path).state
    assert found.dirty is not None
    assert found.dirty.why == "b was being written"
    assert found.dirty.since.endswith("+00:00")
    assert found.build is None
    file.mark_flashed("b" * 16, "2" * 24)
    assert opened(tmp_path).state == InstanceState(build="b" * 16, unique_id="2" * 24)


def test_a_wedged_board_stays_so_until_it_is_proved_well(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.mark_wedged("it said nothing")
    file.mark_dirty("c")
    file.mark_flashed("c" * 16, None)
    wedged = peek_state(tmp_path, "board").wedged
    assert wedged is not None
    assert str(wedged).startswith("it said nothing (since 2")
    file.mark_well()
    assert opened(tmp_path).state == InstanceState(build="c" * 16)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 70000,
        b"{}",
        json.dumps({"schema": "qrig-instance/2"}).encode(),
        b'{"schema": "qrig-instance/1", "dirty": 3, "wedged": null, "build": 1, "unique_id": 1}',
    ],
    ids=range(9),
)
def test_a_broken_file_counts_as_half_written_flash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "board.json").write_bytes(content)
    notices: list[str] = []
    file = opened(tmp_path, notices)
    assert file.state.dirty is not None
    assert "broken file" in file.state.dirty.why
    assert len(notices) == 1
    assert "written anew" in notices[0]
    file.mark_flashed("d" * 16, None)
    assert opened(tmp_path).state == InstanceState(build="d" * 16)


def test_every_prefix_of_a_file_is_a_state_or_dirty(tmp_path: Path) -> None:
    opened(tmp_path).mark_wedged("x")
    whole = (tmp_path / "board.json").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "board.json").write_bytes(whole[:length])
        assert opened(tmp_path).state.dirty is not None


def test_a_mark_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = StateFile(tmp_path / "file", "board", lambda text: None)
    with pytest.raises(TargetUnavailableError, match="QRIG_STATE"):
        file.mark_dirty("e")
    assert file.state.dirty is None or "broken" in file.state.dirty.why


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    opened(tmp_path).mark_dirty("f")
    assert [path.name for path in tmp_path.iterdir()] == ["board.json"]


def test_state_lies_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QRIG_STATE", str(tmp_path / "own"))
    assert instances_root() == tmp_path / "own" / "instances"
    monkeypatch.delenv("QRIG_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_root() == tmp_path / "qrig"


def test_every_probe_has_a_file_of_its_own() -> None:
    plain = "066dff515049657187212124"
    assert instance_key(plain) == plain
    assert instance_key(plain.upper()) == plain
    others = ["remote:a:1", "remote:a_1", "remote_a_1", "../../etc", "a/b", ".", "", "x" * 300, "ä"]
    keys = [instance_key(other) for other in others]
    assert len(set(keys)) == len(others)
    for key in keys:
        assert "/" not in key
        assert not key.startswith(".")
        assert len(key) < 100
