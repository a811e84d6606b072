"""`qrig.reports.load` and `query`: all runs as tables, with DuckDB and without it to the same."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import qrig.reports
from made_runs import LAYERS, M7, QEMU, MadeCell, run_document, write_run
from qrig.errors import UsageError
from qrig.measure.rows import COLUMNS
from qrig.reports import load, query
from qrig.reports.history import HISTORY_COLUMNS
from qrig.reports.load_tables import LAYER_COLUMNS
from qrig.reports.store import RunWriter

NAMES = [f"2026010{day}-200000-aaaa" for day in range(1, 5)]


@pytest.fixture(params=["duckdb", "pandas"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "duckdb":
        pytest.importorskip("duckdb")
    else:
        monkeypatch.setitem(sys.modules, "duckdb", None)
    return str(request.param)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """Two finished runs, an older one without energy, and one that goes on."""
    cells = (MadeCell(inputs=2), MadeCell(network="ds-cnn", target=M7, inputs=1))
    for day, name in enumerate(NAMES[:3], start=1):
        write_run(tmp_path, name, *cells, started=f"2026-01-0{day}T20:00:00+00:00")
    old = tmp_path / NAMES[1] / "layers.parquet"
    rows = pd.read_parquet(old)
    rows.drop(columns=[name for name in rows if "energy" in str(name)]).to_parquet(old)
    writer = RunWriter(tmp_path, NAMES[3])
    writer.save_run({**run_document(*cells, started="2026-01-04T20:00:00"), "status": "running"})
    writer.append({**row, "run_id": NAMES[3]} for row in cells[0].rows()[:3])
    yield tmp_path
    writer.close()


def test_all_rows_of_all_runs(runs: Path, engine: str) -> None:
    rows = load(runs=runs)
    assert list(rows.columns) == list(LAYER_COLUMNS) == [
        "run_id",
        "started",
        *list(COLUMNS)[2:],
    ] or (set(rows.columns) == {"started", *COLUMNS})
    assert dict(rows.dtypes.astype("string")) == LAYER_COLUMNS
    counts = rows.groupby("run_id", sort=False).size().to_dict()
    assert counts == {NAMES[0]: 12, NAMES[1]: 12, NAMES[2]: 12, NAMES[3]: 3}
    first = rows[rows["run_id"] == NAMES[0]]
    assert list(first["layer"]) == [*LAYERS] * 3
    assert first["instructions"].sum() == 3 * sum(LAYERS.values())
    assert rows["energy_uj"].isna().all()
    assert str(rows["started"].iloc[0]) == "2026-01-01 20:00:00+00:00"


def test_both_engines_return_the_same(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb")
    wanted: list[dict[str, str]] = [{}, {"network": "ds-cnn"}, {"layer": "conv2", "target": QEMU}]
    with_duckdb = [load(runs=runs, **choice) for choice in wanted]  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for found, choice in zip(with_duckdb, wanted, strict=True):
        pd.testing.assert_frame_equal(found, load(runs=runs, **choice))  # type: ignore[arg-type]


def test_filters(runs: Path, engine: str) -> None:
    assert set(load(runs=runs, network="ds-cnn")["target"]) == {M7}
    assert set(load(runs=runs, target=QEMU)["network"]) == {"lenet"}
    one = load(runs=runs, layer="ip1", network="lenet")
    assert list(one["layer"].unique()) == ["ip1"]
    assert len(one) == 6
    assert list(load(runs=runs, last=1)["run_id"].unique()) == [NAMES[3]]
    assert list(load(runs=runs, since="2026-01-03")["run_id"].unique()) == NAMES[2:]
    assert list(load(runs=runs, ids=[NAMES[1], "x"])["run_id"].unique()) == [NAMES[1]]
    hostile = load(runs=runs, network="x' or 1=1 --")
    assert hostile.empty
    assert list(hostile.columns) == list(LAYER_COLUMNS)


def test_cells(runs: Path) -> None:
    cells = load("cells", runs=runs)
    assert dict(cells.dtypes.astype("string")) == HISTORY_COLUMNS
    assert list(cells["run_id"]) == [name for name in NAMES[:3] for _ in range(2)] + [NAMES[3]]
    assert list(cells["status"])[-1] == "running"
    finished = cells[cells["status"] == "complete"]
    assert set(finished["instructions"]) == {sum(LAYERS.values())}
    assert load("cells", runs=runs, network="ds-cnn")["target"].unique() == [M7]


def test_runs_that_are_damaged_are_left_out(runs: Path, engine: str) -> None:
    path = runs / NAMES[0] / "layers.parquet"
    data = bytearray(path.read_bytes())
    data[200:900] = bytes(700)  # pages; the footer stays
    path.write_bytes(bytes(data))
    rows = load(runs=runs)
    assert NAMES[0] not in set(rows["run_id"])
    assert {NAMES[1], NAMES[2], NAMES[3]} <= set(rows["run_id"])
    path.write_bytes(b"PAR1")
    assert NAMES[0] not in set(load(runs=runs)["run_id"])


def test_no_runs(tmp_path: Path, engine: str) -> None:
    assert load(runs=tmp_path).empty
    assert load("cells", runs=tmp_path / "nothing").empty


@pytest.mark.parametrize(
    ("table", "choice"), [("x", {}), ("cells", {"layer": "conv1"}), ("layers", {"since": "soon"})]
)
def test_filters_that_mean_nothing(tmp_path: Path, table: str, choice: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="expected"):
        load(table, runs=tmp_path, **choice)  # type: ignore[arg-type]


def test_questions_in_sql(runs: Path) -> None:
    pytest.importorskip("duckdb")
    found = query(
        "select run_id, sum(instructions) as all_of_them from layers where network = 'lenet' "
        "group by run_id order by run_id",
        runs=runs,
    )
    assert list(found["run_id"]) == NAMES
    assert list(found["all_of_them"])[:3] == [2 * sum(LAYERS.values())] * 3
    assert query("select count(*) as n from cells", runs=runs)["n"].iloc[0] == 7
    assert query("select energy_uj from layers limit 1", runs=runs)["energy_uj"].isna().all()


@pytest.mark.parametrize(
    "sql", ["select", "drop", "select * from '/etc/passwd'", "select x from y"]
)
def test_questions_that_are_none(runs: Path, sql: str) -> None:
    pytest.importorskip("duckdb")
    with pytest.raises(UsageError, match="mend the question"):
        query(sql, runs=runs)


def test_questions_without_duckdb(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError, match=r"pip install 'qrig\[history\]'"):
        query("select 1", runs=runs)


def test_the_names_of_the_package() -> None:
    assert set(qrig.reports.__all__) == {"load", "query"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        qrig.reports.nothing  # noqa: B018
