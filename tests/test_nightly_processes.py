"""Cells in processes of their own: how they end, what is left of them, which run at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from night_cells import calls, command, is_gone, night_of, pretended, verdicts
from qrig.deadline import Deadline
from qrig.reports.store import RunWriter
from qrig.runs.nightly.cell import NightCell
from qrig.runs.nightly.marked import MARK, end_marked
from qrig.runs.nightly.note import Note, read_note
from qrig.runs.nightly.process import CellProcess
from qrig.runs.nightly.result import CellResult
from qrig.runs.nightly.run import nightly
from qrig.runs.nightly.work import work


def _end(folder: Path, network: str, base: Path | None = None, limit_s: int = 60) -> CellResult:
    """Run a cell to its end."""
    note = folder / "a.note"
    cell = pretended(network, limit_s=limit_s)
    process = CellProcess(
        cell, command(cell, folder, note, base), note, folder / "a.log", f"{folder}/"
    )
    try:
        deadline = Deadline.after(60)
        while not deadline.expired:
            result = process.poll()
            if result is not None:
                return result
    finally:
        process.stop()
    pytest.fail("the cell did not end")


def test_a_cell_that_ends_well_says_so(tmp_path: Path) -> None:
    result = _end(tmp_path, "good")
    assert (result.outcome, result.verdict) == ("bit-exact", "no comparable baseline")
    assert result.run is not None
    assert (tmp_path / result.run).is_dir()
    assert not (tmp_path / "a.note").exists()


def test_a_cell_has_the_verdict_of_its_comparison(tmp_path: Path) -> None:
    result = _end(tmp_path, "worse", base=tmp_path)
    assert (result.outcome, result.verdict) == ("bit-exact", "worse")
    assert result.findings == ("conv2: instructions 100 to 110",)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("crash", "Segmentation fault"),
        ("killed", "want of memory"),
        ("silent", "ended with code 0 and said nothing"),
        ("broken", "ended with code 1; it said:\nwhat broke"),
        ("nonsense", "ended with code 0"),
        ("refused", "expected a board, found none"),
    ],
)
def test_a_cell_that_does_not_end_well_has_failed(tmp_path: Path, network: str, said: str) -> None:
    result = _end(tmp_path, network)
    assert (result.outcome, result.verdict) == ("failed", "failed")
    assert said in result.findings[0]


def test_results_stay_when_the_comparison_breaks(tmp_path: Path) -> None:
    result = _end(tmp_path, "half", base=tmp_path)
    assert (result.outcome, result.verdict) == ("bit-exact", "no comparable baseline")
    assert "the comparison broke" in result.findings[0]


def test_a_cell_that_hangs_is_ended_with_all_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qrig.runs.nightly.process.GRACE_S", 0.2)
    result = _end(tmp_path, "hang", limit_s=2)
    assert result.verdict == "failed"
    assert "expected the cell to end within 2 s" in result.findings[0]
    assert result.run == "half-done"
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert all(is_gone(pid, 0) for pid in pids)


def test_a_cell_whose_time_is_over_may_keep_what_it_has(tmp_path: Path) -> None:
    result = _end(tmp_path, "interrupted", limit_s=2)
    assert result.verdict == "failed"
    assert (tmp_path / "kept").exists()


def test_what_a_cell_leaves_behind_is_ended(tmp_path: Path) -> None:
    assert _end(tmp_path, "forking").outcome == "bit-exact"
    assert is_gone(int((tmp_path / "pids").read_text()), 0)


def test_only_processes_with_the_mark_are_ended(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours = subprocess.Popen(sleep, env={**os.environ, MARK: f"{tmp_path}/1/"})
    theirs = subprocess.Popen(sleep, env={**os.environ, MARK: f"{tmp_path}-other/1/"})
    try:
        assert end_marked(f"{tmp_path}/", Deadline.after(30))
        assert theirs.poll() is None
        assert ours.wait(30) == -signal.SIGKILL
    finally:
        for process in (ours, theirs):
            process.kill()
            process.wait()


def test_a_cell_that_cannot_be_started_is_the_only_one_that_fails(tmp_path: Path) -> None:
    def sometimes(cell: NightCell, runs: Path, note: Path, base: Path | None) -> list[str]:
        usual = command(cell, runs, note, base)
        return ["x" * 10_000_000] if cell.network == "broken" else usual

    cells = (pretended("broken"), pretended("good"))
    result = nightly(cells, tmp_path, jobs=1, command=sometimes)
    assert verdicts(result) == {"broken": "failed", "good": "no comparable baseline"}


def test_as_many_cells_run_at_once_as_there_are_jobs(tmp_path: Path) -> None:
    result = night_of(tmp_path, "left", "right", jobs=2)
    assert set(verdicts(result).values()) == {"no comparable baseline"}


def test_one_job_is_one_cell_at_a_time(tmp_path: Path) -> None:
    networks = [f"alone{number}" for number in range(3)]
    result = night_of(tmp_path, *networks, jobs=1)
    assert set(verdicts(result).values()) == {"no comparable baseline"}
    assert calls(tmp_path) == networks


def test_a_board_is_used_by_one_cell_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qrig.runs.nightly.cell.EXCLUSIVE", ("qemu",))
    places = ("mps2-an386@qemu", "mps2-an386@qemu:left", "mps2-an386@qemu")
    cells = tuple(pretended(f"alone{n}", place) for n, place in enumerate(places))
    others = (pretended("left", "mps2-an500@qemu"), pretended("right", "mps2-an386@qemu:r"))
    result = nightly((*cells, *others), tmp_path, jobs=5, command=command)
    assert set(verdicts(result).values()) == {"no comparable baseline"}


def test_two_boards_of_one_kind_are_used_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qrig.runs.nightly.cell.EXCLUSIVE", ("qemu",))
    cells = (pretended("left", "mps2-an386@qemu:a"), pretended("right", "mps2-an386@qemu:b"))
    result = nightly(cells, tmp_path, jobs=2, command=command)
    assert set(verdicts(result).values()) == {"no comparable baseline"}


def test_emulators_are_used_freely() -> None:
    assert pretended("good", "mps2-an386@qemu").board_in_use is None
    assert pretended("good", "nucleo-f746@probe:left").board_in_use == "nucleo-f746@probe:left"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"outcome": 1}', '{"findings": "x"}', '{"x": 1}'])
def test_a_note_that_is_broken_says_nothing(tmp_path: Path, text: str) -> None:
    assert read_note(tmp_path / "none") == Note()
    (tmp_path / "note").write_text(text)
    assert read_note(tmp_path / "note") == Note()


def test_too_little_memory_is_a_failure_of_the_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(name: str, dialect: str) -> None:
        raise MemoryError

    monkeypatch.setattr("qrig.runs.nightly.work.load_network", greedy)
    work(pretended("lenet-mnist"), tmp_path, tmp_path / "note", None)
    note = read_note(tmp_path / "note")
    assert note.outcome == "failed"
    assert "memory" in note.problem


def test_bad_input_is_a_failure_of_the_cell(tmp_path: Path) -> None:
    work(pretended(str(tmp_path / "none")), tmp_path, tmp_path / "note", None)
    note = read_note(tmp_path / "note")
    assert note.outcome == "failed"
    assert "expected a network" in note.problem


def test_the_run_of_a_cell_is_known_while_it_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"

    def dying(cells: object, folder: Path, **options: object) -> None:
        writer = RunWriter(folder, "20260101-000000-abcd")
        progress = options["progress"]
        assert callable(progress)
        progress("cell", 1, 2)
        assert read_note(tmp_path / "note") == Note(run="20260101-000000-abcd")
        writer.close()
        raise MemoryError

    monkeypatch.setattr("qrig.runs.nightly.work.prepare", lambda networks, targets: ())
    monkeypatch.setattr("qrig.runs.nightly.work.bench", dying)
    work(pretended("lenet-mnist"), runs, tmp_path / "note", None)
    assert read_note(tmp_path / "note").run == "20260101-000000-abcd"
