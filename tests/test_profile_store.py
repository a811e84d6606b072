"""The tables of a profile on the disk, whole or refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from profile_tables import HOSTILE, M7_TARGET, convolution, make_tables
from qrig.errors import FileFormatError, UsageError
from qrig.measure.profile_columns import PROFILE_TABLES
from qrig.measure.rows import SCHEMA_VERSION
from qrig.reports.profile_store import has_profile, load_tables, path_of, write_tables


def test_tables_come_back_as_they_were(tmp_path: Path) -> None:
    tables = make_tables(spread=0.1)
    tables["layers"].loc[0, "layer"] = HOSTILE
    assert not has_profile(tmp_path)
    write_tables(tmp_path, tables)
    assert has_profile(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(f"profile-{name}.parquet" for name in PROFILE_TABLES)
    for name, frame in load_tables(tmp_path).items():
        pd.testing.assert_frame_equal(frame, tables[name])


def test_missing_values_stay_missing(tmp_path: Path) -> None:
    write_tables(tmp_path, make_tables(memory=False))
    tables = load_tables(tmp_path)
    layers = tables["layers"]
    assert layers["loads"].isna().all()
    unknown = layers[layers["layer"] == "prob"]
    assert unknown["model_cycles_m7"].isna().all()
    assert layers["model_cycles_m7"].notna().any()
    for name, schema in PROFILE_TABLES.items():
        assert dict(tables[name].dtypes.astype("string")) == schema


def test_an_empty_profile_is_a_profile(tmp_path: Path) -> None:
    write_tables(tmp_path, make_tables({}))
    assert all(frame.empty for frame in load_tables(tmp_path).values())


def test_the_schema_is_in_the_file(tmp_path: Path) -> None:
    write_tables(tmp_path, make_tables())
    metadata = pq.read_schema(path_of(tmp_path, "loops")).metadata or {}
    assert metadata[b"qrig.schema_version"] == b"%d" % SCHEMA_VERSION


def test_no_profile_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="`qrig profile`"):
        load_tables(tmp_path)


@pytest.mark.parametrize("name", PROFILE_TABLES)
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "noise"])
def test_a_damaged_table_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    write_tables(tmp_path, make_tables())
    path = path_of(tmp_path, name)
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        cut = whole[: len(whole) // 2]
        path.write_bytes({"empty": b"", "cut": cut, "noise": b"\xff" * 99}[damage])
    with pytest.raises(FileFormatError, match="`qrig profile`"):
        load_tables(tmp_path)


def rewrite(folder: Path, name: str, frame: pd.DataFrame, version: bytes = b"1") -> None:
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"qrig.schema_version": version}
    pq.write_table(table.replace_schema_metadata(metadata), path_of(folder, name))


def test_wrong_columns_are_refused(tmp_path: Path) -> None:
    tables = make_tables()
    write_tables(tmp_path, tables)
    loops = tables["loops"]
    rewrite(tmp_path, "loops", loops.drop(columns=["start", "line"]))
    with pytest.raises(FileFormatError, match="without the columns start, line"):
        load_tables(tmp_path)
    rewrite(tmp_path, "loops", loops.assign(start="zero"))
    with pytest.raises(FileFormatError, match=r"loops of a profiled run.*again"):
        load_tables(tmp_path)
    rewrite(tmp_path, "loops", loops.assign(layer=pd.Series(dtype="string")))
    with pytest.raises(FileFormatError, match="rows without a layer"):
        load_tables(tmp_path)
    rewrite(tmp_path, "loops", loops.assign(later=1))
    pd.testing.assert_frame_equal(load_tables(tmp_path)["loops"], loops)


def test_schemas(tmp_path: Path) -> None:
    tables = make_tables()
    write_tables(tmp_path, tables)
    rewrite(tmp_path, "layers", tables["layers"], b"%d" % (SCHEMA_VERSION + 1))
    with pytest.raises(FileFormatError, match="newer qrig"):
        load_tables(tmp_path)
    rewrite(tmp_path, "layers", tables["layers"], b"new")
    with pytest.raises(FileFormatError, match="none that can be read"):
        load_tables(tmp_path)


def test_a_profile_that_is_replaced_is_never_half_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tables(tmp_path, make_tables())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match="No space"):
        write_tables(tmp_path, make_tables({(M7_TARGET, "new"): [convolution()]}))
    assert not has_profile(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_tables_that_are_wrong_are_not_written(tmp_path: Path) -> None:
    tables = make_tables()
    write_tables(tmp_path, tables)
    with pytest.raises(ValueError, match="function"):
        write_tables(tmp_path, {**tables, "loops": tables["loops"].drop(columns="function")})
    with pytest.raises(KeyError):
        write_tables(tmp_path, {"layers": tables["layers"]})
    assert has_profile(tmp_path)
