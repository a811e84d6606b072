"""Which run a run is compared with, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hand_made import hand_made
from made_runs import LAYERS, M4, QEMU, MadeCell, scaled, write_run
from qrig.reports.previous import previous_runs
from qrig.reports.previous_verdict import Versus, compared_with_previous
from qrig.reports.store import load_run
from qrig.runs.bench import bench, prepare
from qrig.runs.targets import find_targets

DAYS = ("2026-01-31T20:00:00+00:00", "2026-02-01T20:00:00+00:00")


def found_for(folder: Path) -> dict[tuple[str, str], str]:
    rows, run = load_run(folder)
    return {pair: data.name for pair, data in previous_runs(folder, rows, run).items()}


def versus_of(folder: Path) -> Versus | None:
    rows, run = load_run(folder)
    return compared_with_previous(rows, run, previous_runs(folder, rows, run))


def test_it_is_the_latest_before_this_one(tmp_path: Path) -> None:
    first, second, third = (write_run(tmp_path, name, MadeCell()) for name in ("r1", "r2", "r3"))
    assert found_for(first) == {}
    assert found_for(second) == {(QEMU, "lenet"): "r1"}
    assert found_for(third) == {(QEMU, "lenet"): "r2"}


def test_a_run_that_did_not_end_well_is_passed_over(tmp_path: Path) -> None:
    write_run(tmp_path, "r1", MadeCell())
    write_run(tmp_path, "r2", MadeCell(), status="failed", error="the board fell silent")
    write_run(tmp_path, "r3", MadeCell(), status="interrupted")
    damaged = write_run(tmp_path, "r4", MadeCell())
    (damaged / "run.json").write_text("{", encoding="utf-8")
    assert found_for(write_run(tmp_path, "r5", MadeCell())) == {(QEMU, "lenet"): "r1"}


def test_a_run_that_began_later_is_not_before(tmp_path: Path) -> None:
    write_run(tmp_path, "r1", MadeCell(), started=DAYS[1])
    assert found_for(write_run(tmp_path, "r2", MadeCell(), started=DAYS[0])) == {}


UNLIKE: Mapping[str, MadeCell] = {
    "compiler": MadeCell(stamp={"compiler": "arm-none-eabi-gcc 13.2.1"}),
    "flags": MadeCell(stamp={"compiler_flags": "-O3"}),
    "clock": MadeCell(stamp={"clock_hz": 168_000_000}),
    "board": MadeCell(stamp={"board_serial": "0027"}),
    "deployment": MadeCell(stamp={"deployment": "network"}),
    "choices": MadeCell(stamp={"kernel_choices": {"conv2": "library"}}),
    "semantics": MadeCell(stamp={"semantics": {"pooling": "c", "truncate": False}}),
    "network": MadeCell(network="other"),
    "target": MadeCell(target=M4),
    "fewer inputs": MadeCell(inputs=2),
}


@pytest.mark.parametrize("what", UNLIKE)
def test_unlike_runs_are_passed_over(tmp_path: Path, what: str) -> None:
    write_run(tmp_path, "r1", MadeCell())
    write_run(tmp_path, "r2", UNLIKE[what])
    assert found_for(write_run(tmp_path, "r3", MadeCell())) == {(QEMU, "lenet"): "r1"}


def test_code_and_revision_may_differ(tmp_path: Path) -> None:
    other = {"build_id": "ffff", "git_revision": "0123", "qrig_version": "9", "kernel_sha256": "aa"}
    write_run(tmp_path, "r1", MadeCell(stamp=other))
    assert found_for(write_run(tmp_path, "r2", MadeCell())) == {(QEMU, "lenet"): "r1"}


def test_each_cell_has_its_own_and_only_the_inputs_of_both(tmp_path: Path) -> None:
    write_run(tmp_path, "r1", MadeCell(target=M4, core="cortex-m4", inputs=9))
    write_run(tmp_path, "r2", MadeCell())
    new = write_run(tmp_path, "r3", MadeCell(), MadeCell(target=M4, core="cortex-m4"))
    assert found_for(new) == {(QEMU, "lenet"): "r2", (M4, "lenet"): "r1"}
    rows, run = load_run(new)
    before = previous_runs(new, rows, run)[(M4, "lenet")].rows
    assert set(before["target"]) == {M4}
    assert sorted(before["input"].unique()) == ["0.png", "1.png", "2.png"]


def test_no_stamp_no_comparison(tmp_path: Path) -> None:
    write_run(tmp_path, "r1", MadeCell())
    assert found_for(write_run(tmp_path, "r2", MadeCell(), stamps=[])) == {}


def test_without_an_index_the_runs_are_found_by_their_folders(tmp_path: Path) -> None:
    write_run(tmp_path, "r1", MadeCell())
    new = write_run(tmp_path, "r2", MadeCell())
    for row in (tmp_path / "index").glob("*.json"):
        row.unlink()
    assert found_for(new) == {(QEMU, "lenet"): "r1"}


SENTENCES: Mapping[str, tuple[dict[str, float], str, str]] = {
    "same": ({}, "Same", "as run r1: no layer costs 0.5 % more or less than before."),
    "worse": (
        {"conv2": 1.05},
        "Worse",
        "than run r1: lenet on mps2-an500@qemu, conv2 +5.00 % instructions: kernel sliding 4 (the "
        "whole inference +3.33 %).",
    ),
    "better": (
        {"conv1": 0.97, "ip1": 0.9},
        "Better",
        "than run r1: lenet on mps2-an500@qemu, ip1 -10.00 % instructions (the whole inference "
        "-1.83 %); and 1 more.",
    ),
    "mixed": ({"conv1": 0.5, "ip1": 1.02}, "Worse", "ip1 +2.00 % instructions"),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_one_sentence_says_it(tmp_path: Path, case: str) -> None:
    factors, word, rest = SENTENCES[case]
    write_run(tmp_path, "r1", MadeCell())
    versus = versus_of(write_run(tmp_path, "r2", MadeCell(scaled(factors))))
    assert versus is not None
    assert versus.word == word
    assert rest in versus.rest
    for layer in LAYERS:
        factor = factors.get(layer, 1.0)
        expected = "bad" if factor > 1.005 else "good" if factor < 0.995 else ""
        assert versus.tone_of((QEMU, "lenet"), layer, "instructions") == expected


def test_what_cannot_be_told_is_not_green(tmp_path: Path) -> None:
    def cycles(layer: str, index: int) -> dict[str, Any]:
        return {"cycles": LAYERS[layer] + index * 9000}

    cell = MadeCell(cycles, target=M4, core="cortex-m4", inputs=2)
    write_run(tmp_path, "r1", cell)
    versus = versus_of(write_run(tmp_path, "r2", cell))
    assert versus is not None
    assert (versus.word, versus.tone) == ("Not comparable", "quiet")
    assert versus.rest.startswith("with run r1: lenet on ")


def test_a_run_that_failed_is_not_compared(tmp_path: Path) -> None:
    write_run(tmp_path, "r1", MadeCell())
    assert versus_of(write_run(tmp_path, "r2", MadeCell(), status="failed", error="x")) is None
    assert versus_of(write_run(tmp_path / "other", "r3", MadeCell())) is None


def test_a_bench_has_the_ghosts_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(("r1", "r2"))
    monkeypatch.setattr("qrig.runs.bench.new_run_id", lambda: next(names))
    cells = prepare([hand_made(1)], find_targets(["mps2-an500@qemu"]))
    for _ in range(2):
        bench(cells, tmp_path, model=False)
    first, second = ((tmp_path / name / "report.html").read_text() for name in ("r1", "r2"))
    assert "There is no earlier run to compare with" in first
    assert '<rect class="ghost"' not in first
    assert "as run r1: no layer costs 0.5 % more or less than before." in second
    assert second.count('<rect class="ghost"') == second.count('<rect class="bar') > 0
