"""What `qrig doctor` says of the folders qrig writes to."""

from pathlib import Path

import pytest

from qrig.runs.doctor_checks import storage


def test_folders_that_can_be_written_are_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QRIG_CACHE", "QRIG_RUNS", "QRIG_STATE"):
        monkeypatch.setenv(name, str(tmp_path / "deep" / name))
    monkeypatch.setattr(storage, "PLENTY_BYTES", 1)
    found = list(storage.check_storage())
    assert [finding.verdict for finding in found] == ["good"] * 3
    assert str(tmp_path / "deep" / "QRIG_CACHE") in found[0].found
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize(
    ("variable", "index", "forbids"),
    [("QRIG_CACHE", 0, True), ("QRIG_RUNS", 1, True), ("QRIG_STATE", 2, False)],
)
def test_a_folder_that_cannot_be_made_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, index: int, forbids: bool
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(variable, str(tmp_path / "file" / "folder"))
    found = list(storage.check_storage())[index]
    assert (found.verdict, found.forbids) == ("missing", forbids)
    assert found.fix == (f"export {variable}=/a/folder/of/yours",)


def test_a_folder_on_a_file_system_without_writing_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QRIG_CACHE", "/proc/qrig/cache")
    found = next(storage.check_storage())
    assert (found.verdict, found.forbids) == ("missing", True)
    assert "/proc/qrig/cache" in found.found


def test_a_disk_that_is_nearly_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PLENTY_BYTES", 1 << 60)
    assert next(storage.check_storage()).verdict == "warning"
    monkeypatch.setattr(storage, "LEAST_BYTES", 1 << 59)
    found = next(storage.check_storage())
    assert (found.verdict, found.forbids) == ("missing", True)
    assert "GiB free" in found.found
