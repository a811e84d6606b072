"""Runs that are killed at any moment and disks that fill up: earlier runs stay what they were."""

import random
from pathlib import Path

import pytest

from full_runs import FULL_RUN
from killed_runs import RunStarter, files_of, run_names
from made_runs import MadeCell, write_run
from qrig.errors import UsageError
from qrig.reports.history import Choice
from qrig.reports.index import INDEX, Unreadable, read_rows
from qrig.reports.store import RunWriter, load_run
from qrig.runs.history import check_index, history
from small_disks import fill, small_disk, small_files

SAMPLES = 40


def finished(folder: Path) -> set[str]:
    """Return the runs that have ended well; every run there is can be read."""
    rows = list(read_rows(folder))
    assert not [row for row in rows if isinstance(row, Unreadable)]
    return {row.run_id for row in rows if not isinstance(row, Unreadable) and row.finished}


@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=FULL_RUN)])
def test_killed_runs_leave_the_others_as_they_were(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    kept: dict[str, dict[str, bytes]] = {}
    states = set()
    with RunStarter(tmp_path, SAMPLES) as starter:
        starter.whole_run()
        seconds = min(starter.whole_run() for _ in range(3))
        for _ in range(kills):
            starter.killed_run(chance.uniform(0, seconds * 1.1))
            for name in finished(tmp_path):
                found = files_of(tmp_path / name)
                assert kept.setdefault(name, found).items() <= found.items()
                rows, run = load_run(tmp_path / name)
                assert run["status"] == "complete"
                assert rows["input_index"].nunique() == SAMPLES
            latest = [*run_names(tmp_path)][-1]
            states.add("finished" if latest in kept else "cut short")
        starter.whole_run()
    assert "cut short" in states
    assert history(tmp_path, Choice()).unreadable == ()
    assert list(check_index(tmp_path)) == []
    indexed = {path.stem for path in (tmp_path / INDEX).glob("[!.]*.json")}
    assert indexed == finished(tmp_path)


def test_a_killed_run_keeps_what_it_had(tmp_path: Path) -> None:
    with RunStarter(tmp_path, 2000) as starter:
        starter.killed_run(0.8)
    runs = [name for name in run_names(tmp_path) if (tmp_path / name / "run.json").is_file()]
    cells = history(tmp_path, Choice()).cells
    for name in runs:
        rows, run = load_run(tmp_path / name)
        assert run["status"] in ("running", "complete")
        assert len(rows) == 0 or name in {cell["run_id"] for cell in cells}


def check_runs(folder: Path, kept: dict[str, dict[str, bytes]]) -> None:
    """Hold that the runs in `kept` are what they were, all can be read, and the index agrees."""
    for name, files in kept.items():
        assert files_of(folder / name) == files
    assert set(kept) <= finished(folder)
    wrong = [text for text in check_index(folder) if "the index lacks this run" not in text]
    assert wrong == []


@pytest.mark.parametrize(
    "steps", [(0, 8, 24, 64, 96, 192), pytest.param(range(0, 200, 2), marks=FULL_RUN)]
)
def test_a_disk_that_fills_up(tmp_path: Path, steps: tuple[int, ...] | range) -> None:
    kept: dict[str, dict[str, bytes]] = {}
    refusals: list[str] = []
    with small_disk(tmp_path / "disk", 65536) as disk:
        for number in range(3):
            run = write_run(disk, f"20260101-00000{number}-aaaa", MadeCell())
            kept[run.name] = files_of(run)
        for free_kb in steps:
            filler = fill(disk, free_kb)
            name = f"20260102-000{free_kb:03d}-bbbb"
            try:
                run = write_run(disk, name, MadeCell(inputs=20))
                kept[run.name] = files_of(run)
            except UsageError as error:
                refusals.append(str(error))
            check_runs(disk, kept)
            filler.unlink()
            check_runs(disk, kept)
        run = write_run(disk, "20260103-000000-cccc", MadeCell())
        check_runs(disk, {**kept, run.name: files_of(run)})
    assert 0 < len(refusals) < len(steps)
    assert all("No space left on device" in text for text in refusals)


@pytest.mark.parametrize("limit_bytes", [0, 100, 2000, 5000, 20_000])
def test_files_that_cannot_grow(tmp_path: Path, limit_bytes: int) -> None:
    """As a full disk does it to one file after the other, where nothing may be mounted."""
    before = write_run(tmp_path, "20260101-000000-aaaa", MadeCell())
    kept = {before.name: files_of(before)}
    with small_files(limit_bytes), pytest.raises(UsageError, match="expected"):
        write_run(tmp_path, "20260102-000000-bbbb", MadeCell(inputs=300))
    check_runs(tmp_path, kept)
    write_run(tmp_path, "20260103-000000-cccc", MadeCell())
    check_runs(tmp_path, kept)


def test_rows_that_the_disk_did_not_take_are_no_rows(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, "20260101-000000-aaaa")
    writer.save_run({"status": "running"})
    rows = MadeCell(inputs=30).rows()
    writer.append(rows[:4])
    with small_files(6000), pytest.raises(UsageError, match="disk that takes the results"):
        writer.append(rows[4:])
    kept, _ = load_run(writer.folder)
    assert list(kept["layer"][:4]) == ["conv1", "pool1", "conv2", "ip1"]
    assert 4 <= len(kept) < len(rows)
    assert len(writer.finish()) == len(rows)  # there is room again
    assert len(load_run(writer.folder)[0]) == len(rows)


def test_a_run_cut_short_before_it_says_anything_is_none(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, "20260101-000000-aaaa")
    writer.close()
    write_run(tmp_path, "20260102-000000-bbbb", MadeCell())
    assert finished(tmp_path) == {"20260102-000000-bbbb"}
    assert list(check_index(tmp_path)) == []
