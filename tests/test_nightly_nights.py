"""Nights: what they end with, what they are compared with, how they are resumed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from night_cells import calls, is_gone, is_there, night_of, pretended, verdicts
from qrig.errors import FileFormatError, UsageError
from qrig.runs.nightly.night import find_night, last_good, nights, only_night, unfinished_night
from qrig.runs.nightly.verdict import EXIT_CODES, worst


@pytest.mark.parametrize(
    ("networks", "verdict", "code"),
    [
        (["good", "better"], "same", 0),
        (["better"], "better", 0),
        (["good", "unknown"], "no comparable baseline", 4),
        (["good", "unknown", "crash"], "failed", 3),
        (["good", "unknown", "crash", "worse"], "worse", 1),
        (["worse", "differs", "crash", "good"], "differs", 1),
    ],
)
def test_a_night_ends_as_its_worst_cell(
    tmp_path: Path, networks: list[str], verdict: str, code: int
) -> None:
    night_of(tmp_path, *networks)
    find_night(tmp_path, "last").accept()
    second = night_of(tmp_path, *networks)
    assert (second.summary["verdict"], second.exit_code) == (verdict, code)


def test_every_verdict_has_a_code_and_a_rank() -> None:
    assert worst(EXIT_CODES) == "differs"
    assert worst(["better", "same", "no comparable baseline", "failed"]) == "failed"
    assert worst([]) == "same"


def test_the_first_night_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    result = night_of(tmp_path, "good")
    assert result.exit_code == 4
    (cell,) = result.summary["cells"]
    assert cell["findings"] == ["there is no good night before this one"]
    assert result.summary["baseline"] is None


def test_a_night_is_compared_with_the_last_good_one(tmp_path: Path) -> None:
    good = night_of(tmp_path, "good", "good1")
    bad = night_of(tmp_path, "good", "good1", "crash")
    result = night_of(tmp_path, "good", "good1", "good2")
    assert not bad.summary["good"]
    assert result.summary["baseline"] == good.summary["night"]
    assert verdicts(result) == {
        "good": "same", "good1": "same", "good2": "no comparable baseline",
    }  # fmt: skip
    runs = {cell["name"]: cell["run"] for cell in good.summary["cells"]}
    for cell in result.summary["cells"][:2]:
        assert cell["base_run"] == runs[cell["name"]]
    assert result.summary["cells"][2]["findings"] == [
        f"night {good.summary['night']} has no such cell"
    ]


def test_a_worse_night_is_no_baseline_until_it_is_accepted(tmp_path: Path) -> None:
    good = night_of(tmp_path, "good", "worse").summary["night"]
    worse = night_of(tmp_path, "good", "worse").summary["night"]
    assert last_good(tmp_path).night == good
    find_night(tmp_path, worse).accept()
    assert last_good(tmp_path).night == worse


def test_what_differs_is_never_a_baseline(tmp_path: Path) -> None:
    night_of(tmp_path, "good", "differs")
    assert last_good(tmp_path).night is None
    find_night(tmp_path, "last").accept()
    assert list(last_good(tmp_path).runs) == ["good on mps2-an386@qemu"]


def test_a_night_may_be_compared_with_that_of_another_folder(tmp_path: Path) -> None:
    there = night_of(tmp_path / "there", "good").summary["night"]
    result = night_of(tmp_path / "here", "good", baseline=tmp_path / "there")
    assert result.summary["baseline"] == there
    assert result.exit_code == 0
    assert night_of(tmp_path / "here", "good", baseline=tmp_path / "none").exit_code == 4


def test_a_baseline_whose_run_is_gone_is_none(tmp_path: Path) -> None:
    first = night_of(tmp_path, "good")
    (cell,) = first.summary["cells"]
    (tmp_path / cell["run"]).rename(tmp_path / "elsewhere")
    second = night_of(tmp_path, "good")
    assert second.exit_code == 4
    assert "is gone" in second.summary["cells"][0]["findings"][0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"good": true}', '{"good": true, "cells": [1]}'])
def test_a_night_with_a_broken_summary_is_passed_over(tmp_path: Path, text: str) -> None:
    good = night_of(tmp_path, "good").summary["night"]
    broken = night_of(tmp_path, "good")
    (broken.folder / "summary.json").write_text(text)
    assert last_good(tmp_path).night == good


def _interrupt_after(count: int) -> Callable[[str], None]:
    """Return what presses Ctrl-C when so many cells have ended."""
    return _interrupt_at(f"[{count}/")


def _interrupt_at(start: str) -> Callable[[str], None]:
    """Return what presses Ctrl-C when a line that begins so is told."""

    def tell(line: str) -> None:
        if line.startswith(start):
            raise KeyboardInterrupt

    return tell


def test_ctrl_c_keeps_what_is_done_and_interrupts_what_is_at_work(tmp_path: Path) -> None:
    networks = ("good", "interrupted", "good1")

    def tell(line: str) -> None:
        if line.startswith("[1/") and is_there(tmp_path / "at-work"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, *networks, tell=tell)
    assert (tmp_path / "kept").exists()
    night = find_night(tmp_path, "last")
    summary = json.loads((night.folder / "summary.json").read_text())
    assert [cell["verdict"] for cell in summary["cells"]] == [
        "no comparable baseline", "not run", "not run",
    ]  # fmt: skip
    assert (summary["complete"], summary["good"], summary["exit_code"]) == (False, False, 130)
    assert last_good(tmp_path).night is None


def test_an_interrupted_night_goes_on_where_it_was(tmp_path: Path) -> None:
    networks = ("good", "crash", "good1", "good2")
    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, *networks, jobs=1, tell=_interrupt_after(2))
    told: list[str] = []
    result = night_of(tmp_path, *networks, jobs=1, tell=told.append)
    assert calls(tmp_path) == ["good", "crash", "good1", "good2"]
    assert "resumed: 2 are done" in told[0]
    assert len(list(nights(tmp_path))) == 1
    assert result.summary["complete"]
    assert verdicts(result)["crash"] == "failed"


@pytest.mark.parametrize("revision", ["4f1c2d3e4a5b", "4f1c2d3e4a5b-dirty", None])
def test_a_night_of_changed_code_says_so_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str | None
) -> None:
    monkeypatch.setattr("qrig.runs.nightly.night.git_revision", lambda: revision)
    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, "good", "good1", jobs=1, tell=_interrupt_after(1))
    told: list[str] = []
    night_of(tmp_path, "good", "good1", jobs=1, tell=told.append)
    assert ("use --fresh" in told[0]) == (revision is not None and "dirty" in revision)


def test_a_finished_night_is_followed_by_a_new_one(tmp_path: Path) -> None:
    night_of(tmp_path, "good")
    night_of(tmp_path, "good")
    assert calls(tmp_path) == ["good", "good"]
    assert len(list(nights(tmp_path))) == 2


def test_a_new_night_is_begun_when_asked_for(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, "good", "good1", jobs=1, tell=_interrupt_after(1))
    night_of(tmp_path, "good", "good1", fresh=True)
    assert len(list(nights(tmp_path))) == 2


def _rewrite(tmp_path: Path, **changes: Any) -> None:
    """Change the plan of the last night."""
    path = find_night(tmp_path, "last").folder / "night.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "resumed"),
    [
        ({}, True),
        ({"started": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}, True),
        ({"started": (datetime.now(UTC) - timedelta(hours=21)).isoformat()}, False),
        ({"revision": "another"}, False),
        ({"version": "0"}, False),
        ({"cells": []}, False),
    ],
)
def test_only_tonights_night_of_this_code_is_resumed(
    tmp_path: Path, changes: dict[str, Any], resumed: bool
) -> None:
    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, "good", "good1", jobs=1, tell=_interrupt_after(1))
    _rewrite(tmp_path, **changes)
    found = unfinished_night(tmp_path, (pretended("good"), pretended("good1")))
    assert (found is not None) == resumed


def test_any_night_is_resumed_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, "good", "good1", jobs=1, tell=_interrupt_after(1))
    name = find_night(tmp_path, "last").id
    _rewrite(tmp_path, revision="another", started="2020-01-01T00:00:00+00:00")
    result = night_of(tmp_path, resume=name)
    assert verdicts(result) == dict.fromkeys(("good", "good1"), "no comparable baseline")
    assert calls(tmp_path) == ["good", "good1"]


def test_a_resumed_night_keeps_its_baseline(tmp_path: Path) -> None:
    first = night_of(tmp_path, "good", "good1").summary["night"]
    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, "good", "good1", jobs=1, tell=_interrupt_after(1))
    night_of(tmp_path, "good", "good1", fresh=True)
    interrupted = [night.id for night in nights(tmp_path)][1]
    assert night_of(tmp_path, resume=interrupted).summary["baseline"] == first


def test_a_cell_whose_result_is_damaged_is_run_again(tmp_path: Path) -> None:
    night_of(tmp_path, "good", "good1", jobs=1)
    night = find_night(tmp_path, "last")
    night.path(night.cells[1], ".json").write_text("{")
    night_of(tmp_path, resume="last")
    assert calls(tmp_path) == ["good", "good1", "good1"]


@pytest.mark.parametrize("text", ["", "none", "../x", "20260101-000000-aaaa"])
def test_a_night_that_is_not_there_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="expected a night"):
        find_night(tmp_path, text)
    with pytest.raises(UsageError, match="expected a night"):
        find_night(tmp_path, "last")


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "qrig-night/2"},
        {"started": "yesterday"},
        {"started": "2026-01-01T00:00:00"},
        {"cells": [1]},
        {"cells": None},
        {"baseline": []},
    ],
)
def test_a_broken_plan_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    name = night_of(tmp_path, "good").summary["night"]
    _rewrite(tmp_path, **changes)
    with pytest.raises(FileFormatError, match="--fresh"):
        find_night(tmp_path, name)
    assert list(nights(tmp_path)) == []


def test_an_unfinished_night_is_not_accepted(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, "good", "good1", jobs=1, tell=_interrupt_after(1))
    with pytest.raises(UsageError, match="--resume"):
        find_night(tmp_path, "last").accept()


def test_one_night_at_a_time(tmp_path: Path) -> None:
    with only_night(tmp_path):
        pass
    with (
        FileLock(tmp_path / "nightly" / ".lock"),
        pytest.raises(UsageError, match="no other night"),
    ):
        night_of(tmp_path, "good")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--runs"):
        night_of(tmp_path / "file", "good")


DRIVER = """
import sys
from pathlib import Path
from night_cells import night_of
night_of(Path(sys.argv[1]), "good", "hang", "good1")
"""


def test_a_night_that_is_killed_leaves_nothing_at_work_and_is_resumed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    night = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path)], env=environment)
    try:
        assert is_there(tmp_path / "pids")
        results = tmp_path.glob("nightly/*/cells/003-*.json")
        plan = next(tmp_path.glob("nightly/2*"))
        assert is_there(next(results, plan / "cells" / "003-good1-on-mps2-an386-qemu.json"))
    finally:
        night.kill()
        night.wait()
    worker, child = map(int, (tmp_path / "pids").read_text().split())
    assert is_gone(worker)
    cells = tuple(map(pretended, ("good", "hang", "good1")))
    found = unfinished_night(tmp_path, cells)
    assert found is not None
    assert sorted(found.results()) == ["good on mps2-an386@qemu", "good1 on mps2-an386@qemu"]
    with pytest.raises(KeyboardInterrupt):
        night_of(tmp_path, "good", "hang", "good1", tell=_interrupt_at("compared"))
    assert is_gone(child)
