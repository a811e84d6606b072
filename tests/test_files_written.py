"""Writing files: what is replaced, what is followed, and what is left alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from odd_places import ODD, state_of
from qrig.errors import UsageError
from qrig.networks.files import output_place, write_bytes, write_file, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("make", ODD)
def test_odd_places_are_refused_and_stay(make: Callable[[Path], Path], tmp_path: Path) -> None:
    place = make(tmp_path)
    before = state_of(tmp_path)
    called = False

    def writer(path: Path) -> None:
        nonlocal called
        called = True

    with pytest.raises(UsageError, match=r": expected a file.*, found .*; ") as caught:
        output_place(place)
    assert str(caught.value).startswith(f"{place}: ")
    with pytest.raises(UsageError, match="expected a file"):
        write_file(place, writer)
    with pytest.raises(UsageError, match="expected a file"):
        write_text(place, "text")
    with pytest.raises(UsageError, match="expected a file"):
        write_bytes(place, b"bytes")
    assert not called
    assert state_of(tmp_path) == before


def test_a_new_file_and_one_to_replace(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    assert output_place(place) == place
    write_text(place, "ä\n")
    assert place.read_bytes() == b"\xc3\xa4\n"
    write_bytes(place, b"new")
    assert place.read_bytes() == b"new"
    assert names(tmp_path) == ["a.json"]


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    target, link, second = tmp_path / "target", tmp_path / "folder" / "link", tmp_path / "second"
    link.parent.mkdir()
    link.symlink_to("../target")
    second.symlink_to(link)
    for name, text in ((second, "made"), (link, "replaced")):  # the target is new at first
        assert output_place(name) == target
        write_text(name, text)
        assert target.read_text() == text
        assert not target.is_symlink()
        assert link.readlink() == Path("../target")
        assert second.readlink() == link
    assert names(tmp_path) == ["folder", "second", "target"]
    assert names(link.parent) == ["link"]


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root could write everywhere
    with pytest.raises(UsageError, match=r"folder that can be written, found that .* cannot be"):
        output_place(tmp_path / "a")


@pytest.mark.parametrize("name", ["nu\0ll", "x" * 300, "."])
def test_names_no_file_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a file"):
        output_place(tmp_path / name)
