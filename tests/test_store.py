"""The store of results: journal, table, atomic files, older and newer runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from qrig.errors import FileFormatError, UsageError
from qrig.measure.rows import COLUMNS, SCHEMA_VERSION
from qrig.reports.store import RunWriter, find_run, load_run, new_run_id


def _row(index: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    numbers = {"schema_version": SCHEMA_VERSION, "input_index": 0, "layer_index": index, "mac": 0}
    return row | numbers | {"layer": f"layer{index}", "verdict": "bit-exact"}


def test_rows_are_readable_before_the_run_ends(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, new_run_id())
    writer.save_run({"status": "running"})
    writer.append([_row(0), _row(1)])
    rows, run = load_run(writer.folder)
    assert list(rows["layer"]) == ["layer0", "layer1"]
    assert run["status"] == "running"
    assert rows["instructions"].isna().all()
    writer.close()


def test_a_line_cut_short_costs_only_itself(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, new_run_id())
    writer.save_run({"status": "running"})
    writer.append([_row(0), _row(1)])
    writer.close()
    journal = writer.folder / "layers.jsonl"
    journal.write_text(journal.read_text()[:-20])
    rows, _ = load_run(writer.folder)
    assert list(rows["layer"]) == ["layer0"]


def test_the_table_replaces_the_journal(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, new_run_id())
    writer.save_run({"status": "complete"})
    writer.append([_row(0)])
    frame = writer.finish()
    rows, _ = load_run(writer.folder)
    assert rows.equals(frame)
    assert sorted(path.name for path in writer.folder.iterdir()) == ["layers.parquet", "run.json"]


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1}))
    with pytest.raises(FileFormatError, match="newer qrig"):
        load_run(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema_version": "1"}', "{}"])
def test_a_damaged_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(FileFormatError):
        load_run(tmp_path)


def test_damaged_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema_version": 1}))
    (tmp_path / "layers.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(FileFormatError, match="damaged"):
        load_run(tmp_path)


def test_finding_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="qrig bench"):
        find_run(tmp_path, None)
    for run_id in ("20260101-000000-aaaa", "20260102-000000-bbbb"):
        writer = RunWriter(tmp_path, run_id)
        writer.save_run({})
        writer.close()
    assert find_run(tmp_path, None).name == "20260102-000000-bbbb"
    assert find_run(tmp_path, "last").name == "20260102-000000-bbbb"
    assert find_run(tmp_path, "20260101-000000-aaaa").name == "20260101-000000-aaaa"
    with pytest.raises(UsageError, match="nothing"):
        find_run(tmp_path, "nothing")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--runs"):
        RunWriter(tmp_path / "file", "run")
