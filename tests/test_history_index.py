"""The index of runs: what a row says, when it is believed, and runs that have none."""

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from made_runs import LAYERS, QEMU, MadeCell, run_document, write_run
from qrig.errors import FileFormatError, UsageError
from qrig.measure.rows import COLUMNS, MODEL_COLUMNS
from qrig.reports.history import Choice
from qrig.reports.index import INDEX, IndexRow, Unreadable, make_row, read_row, read_rows, write_row
from qrig.reports.index_cells import CELL_COLUMNS
from qrig.reports.store import RunWriter, load_run
from qrig.runs.history import check_index, history

RUN = "20260131-200000-aaaa"


def rows_of(runs: Path) -> list[IndexRow]:
    return [row for row in read_rows(runs) if isinstance(row, IndexRow)]


def test_a_finished_run_has_a_row(tmp_path: Path) -> None:
    cell = MadeCell(
        lambda layer, index: {
            "instructions": LAYERS[layer] + index,
            "model_cycles_m7": 1.5 * LAYERS[layer] if index == 0 else None,
            "energy_uj": 2.0,
            "energy_source": "js220 1",
        },
        sizes={"flash_bytes": 60_000, "ram_bytes": 9_000},
    )
    folder = write_run(tmp_path, RUN, cell)
    assert [path.name for path in (tmp_path / INDEX).iterdir()] == [f"{RUN}.json"]
    row = read_row(folder)
    assert row.indexed
    assert row.finished
    assert row.run["status"] == "complete"
    assert row.run["git_revision"] == "91b4b3925ea3"
    (found,) = row.cells
    assert set(found) == set(CELL_COLUMNS)
    assert found["instructions"] == sum(LAYERS.values()) + len(LAYERS)
    assert found["model_cycles_m7"] == 1.5 * sum(LAYERS.values())
    assert found["energy_uj"] == 8.0
    assert found["cycles"] is None
    assert (found["inputs"], found["layers"]) == (3, 4)
    assert (found["flash_bytes"], found["correct"], found["labelled"]) == (60_000, 2, 3)
    assert (found["core"], found["build_id"]) == ("cortex-m7", "0a03")
    assert (found["target"], found["network"], found["verdict"]) == (QEMU, "lenet", "bit-exact")


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        (["bit-exact", "differs"], "differs"),
        (["not-traced", "bit-exact"], "bit-exact"),
        (["not-traced", "not-traced"], "not-traced"),
    ],
)
def test_verdicts_of_cells(tmp_path: Path, verdicts: list[str], verdict: str) -> None:
    cell = MadeCell(lambda layer, index: {"verdict": verdicts[index]}, inputs=2)
    (found,) = read_row(write_run(tmp_path, RUN, cell)).cells
    assert found["verdict"] == verdict
    assert found["instructions"] is None


def test_a_run_that_goes_on_has_none_but_can_be_read(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, RUN)
    writer.save_run({**run_document(MadeCell()), "status": "running"})
    writer.append(MadeCell(inputs=2).rows())
    (row,) = rows_of(tmp_path)
    assert not row.indexed
    assert not row.finished
    assert row.cells[0]["instructions"] == sum(LAYERS.values())
    assert row.cells[0]["inputs"] == 2
    assert history(tmp_path, Choice()).cells[0]["status"] == "running"
    assert not (tmp_path / INDEX).exists()
    writer.close()


def test_the_row_comes_with_the_table_and_the_final_status(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, RUN)
    writer.append(MadeCell().rows())
    writer.save_run({"status": "failed"})
    assert not (tmp_path / INDEX).exists()
    writer.finish()
    writer.save_run({"status": "running"})
    assert not (tmp_path / INDEX).exists()
    writer.save_run({"status": "failed"})
    assert read_row(writer.folder).run["status"] == "failed"
    assert read_row(writer.folder).indexed


def test_rows_that_do_not_agree_with_the_files_are_not_believed(tmp_path: Path) -> None:
    folder = write_run(tmp_path, RUN, MadeCell())
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "status": "failed"}))
    assert read_row(folder).run["status"] == "failed"
    assert not read_row(folder).indexed
    assert any("files of the run are others" in text for text in check_index(tmp_path))
    history(tmp_path, Choice())  # mends it
    assert read_row(folder).indexed
    assert list(check_index(tmp_path)) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"schema": "qrig-index/9"}', '{"schema": "qrig-index/1", "run": 1}'],
)
def test_damaged_rows_are_not_believed(tmp_path: Path, text: str) -> None:
    folder = write_run(tmp_path, RUN, MadeCell())
    (tmp_path / INDEX / f"{RUN}.json").write_text(text)
    row = read_row(folder)
    assert not row.indexed
    assert row.cells[0]["instructions"] == sum(LAYERS.values())
    assert any("not a row" in one for one in check_index(tmp_path))


def test_a_run_that_is_gone_is_none(tmp_path: Path) -> None:
    folder = write_run(tmp_path, RUN, MadeCell())
    shutil.rmtree(folder)
    assert list(read_rows(tmp_path)) == []
    assert any("its run is gone" in text for text in check_index(tmp_path))


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "nightly").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / INDEX).mkdir()
    (tmp_path / INDEX / ".qrig-abc.json").write_text("{")
    assert list(read_rows(tmp_path)) == []
    assert list(read_rows(tmp_path / "nothing")) == []
    assert list(check_index(tmp_path)) == []


def test_runs_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    write_run(tmp_path, RUN, MadeCell())
    for name, text in (("newer", '{"schema_version": 99}'), ("broken", "{")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "run.json").write_text('{"schema_version": 3, "status": "complete"}')
    (tmp_path / "rows" / "layers.parquet").write_bytes(b"PAR1 not really")
    unreadable = {row.run_id: row for row in read_rows(tmp_path) if isinstance(row, Unreadable)}
    assert set(unreadable) == {"newer", "broken", "rows"}
    assert "newer qrig" in unreadable["newer"].reason
    assert "damaged" in unreadable["rows"].reason
    assert [row.run_id for row in rows_of(tmp_path)] == [RUN]
    assert len(history(tmp_path, Choice()).unreadable) == 3
    assert len(list(check_index(tmp_path))) >= 3


def test_a_row_of_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError):
        write_row(tmp_path)
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    (tmp_path / "runs" / RUN / "run.json").write_text('{"schema_version": 3}')
    (tmp_path / "runs" / RUN / "layers.jsonl").write_text("")
    (tmp_path / "runs" / INDEX).write_text("a file")
    with pytest.raises(UsageError):
        write_row(tmp_path / "runs" / RUN)


@pytest.mark.parametrize(
    "without", [[], ["computed_with"], ["computed_with", *MODEL_COLUMNS]], ids=["3", "2", "1"]
)
def test_runs_of_older_schemas_without_an_index(tmp_path: Path, without: list[str]) -> None:
    """As they were written before there was an index, energy, or model cycles."""
    folder = write_run(tmp_path, RUN, MadeCell())
    shutil.rmtree(tmp_path / INDEX)
    energy = [name for name in COLUMNS if "energy" in name or name == "current_ua"]
    rows = pd.read_parquet(folder / "layers.parquet").drop(columns=[*energy, *without])
    rows.to_parquet(folder / "layers.parquet")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "schema_version": 3 - bool(without)}))
    (cell,) = history(tmp_path, Choice()).cells
    assert cell["instructions"] == sum(LAYERS.values())
    assert cell["energy_uj"] is None
    assert list(load_run(folder)[0].columns) == list(COLUMNS)
    assert (tmp_path / INDEX / f"{RUN}.json").is_file()
    assert list(check_index(tmp_path)) == []


def test_the_index_is_mended_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, RUN, MadeCell())
    shutil.rmtree(tmp_path / INDEX)

    def refuse(folder: Path) -> Any:
        raise UsageError("a disk that is read-only")

    monkeypatch.setattr("qrig.runs.history.write_row", refuse)
    assert len(history(tmp_path, Choice()).cells) == 1
    assert "the index lacks this run" in next(check_index(tmp_path))


def test_inputs_measured_twice_under_one_number_count_once(tmp_path: Path) -> None:
    cell = MadeCell()
    writer = RunWriter(tmp_path, RUN)
    writer.append([*cell.rows(), *cell.rows()])
    writer.finish()
    writer.save_run(run_document(cell))
    (found,) = read_row(writer.folder).cells
    assert found["instructions"] == sum(LAYERS.values())
    assert found["layers"] == len(LAYERS)


def test_inputs_that_were_cut_short_do_not_count(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, RUN)
    writer.append(MadeCell().rows()[:-2])
    writer.finish()
    writer.save_run(run_document(MadeCell()))
    (found,) = read_row(writer.folder).cells
    assert found["instructions"] == sum(LAYERS.values())
    assert found["inputs"] == 3


def test_many_write_while_others_read(tmp_path: Path) -> None:
    problems: list[str] = []

    def write(name: str) -> None:
        for number in range(6):
            write_run(tmp_path, f"{name}-{number}", MadeCell(inputs=1))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        problems += [
            row.reason
            for row in read_rows(tmp_path)
            if isinstance(row, Unreadable) and "layers" not in row.reason
        ]
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(rows_of(tmp_path)) == 18
    assert all(row.indexed for row in rows_of(tmp_path))
    assert all(make_row(tmp_path / row.run_id).cells == row.cells for row in rows_of(tmp_path))
