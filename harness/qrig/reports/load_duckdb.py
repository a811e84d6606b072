"""The files of many runs read by DuckDB, where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from qrig.errors import UsageError
from qrig.measure.rows import COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FILE: Final = "file of the run"
_TYPES: Final = {"string": "varchar", "Float64": "double", "Int64": "bigint", "int64": "bigint"}


def read_tables(names: Mapping[Path, str], equal: Mapping[str, str]) -> pd.DataFrame | None:
    """Return the rows of parquet files whose columns are `equal`, file by file.

    `names` has the value of `run_id` for each file; columns that a file lacks are missing. None if
    DuckDB is not installed or a file is damaged.
    """
    try:
        import duckdb
    except ImportError:
        return None
    paths = {str(path): name for path, name in names.items()}
    conditions = " and ".join(f"{name} = ?" for name in equal) or "true"
    question = (
        f"select * from read_parquet(?, union_by_name=true, filename='{_FILE}') "  # noqa: S608  # see below
        f"where {conditions}"  # names are columns of ours, values are parameters
    )
    try:
        with _connection() as connection:
            found = connection.execute(question, [list(paths), *equal.values()])
            rows: pd.DataFrame = found.df()
    except duckdb.Error:
        return None
    rows["run_id"] = rows.pop(_FILE).map(paths)
    return rows


def answer(
    sql: str, names: Mapping[Path, str], others: pd.DataFrame, cells: pd.DataFrame
) -> pd.DataFrame:
    """Return what DuckDB answers to `sql` about the tables `layers` and `cells`.

    `layers` are the rows of the files in `names` and those of `others`. Raises UsageError if DuckDB
    is not installed or does not take the question.
    """
    try:
        import duckdb
    except ImportError as error:
        raise UsageError(
            "expected DuckDB for questions in SQL, found it is not installed; pip install "
            "'qrig[history]'"
        ) from error
    try:
        with _connection() as connection:
            _make_layers(connection, names, others)
            connection.register("cells", cells)
            connection.execute("set enable_external_access = false")
            found: pd.DataFrame = connection.execute(sql).df()
    except duckdb.Error as error:
        raise UsageError(
            f"expected SQL about the tables layers and cells, found that DuckDB does not take it "
            f"({str(error).splitlines()[0]}); mend the question"
        ) from error
    return found


def _make_layers(
    connection: DuckDBPyConnection, names: Mapping[Path, str], others: pd.DataFrame
) -> None:
    """Make the table of layers from files and from rows."""
    columns = ", ".join(f"{name} {_TYPES[kind]}" for name, kind in COLUMNS.items())
    connection.execute(f"create table layers ({columns})")
    if names:
        source = "read_parquet(?, union_by_name=true)"
        paths = [str(path) for path in names]
        rows = connection.execute(f"describe select * from {source}", [paths]).fetchall()  # noqa: S608  # our own text
        shared = ", ".join(name for name, *_ in rows if name in COLUMNS)
        connection.execute(
            f"insert into layers by name select {shared} from {source}",  # noqa: S608  # our columns
            [paths],
        )
    if len(others):
        connection.register("others", others)
        connection.execute("insert into layers by name select * from others")


def _connection() -> DuckDBPyConnection:
    """Return a database in memory that fetches nothing from elsewhere."""
    import duckdb

    return duckdb.connect(config={"autoinstall_known_extensions": "false"})
