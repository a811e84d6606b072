"""The tables of a profiled run on the disk: `profile-<name>.parquet` in the run's folder.

The table of layers is written last and, where an older profile is replaced, taken away first: a
folder that holds it holds a whole profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qrig.errors import FileFormatError
from qrig.measure.profile_columns import PROFILE_TABLES
from qrig.measure.rows import SCHEMA_VERSION
from qrig.networks.files import write_file

__all__ = ["has_profile", "load_tables", "write_tables"]

_VERSION: Final = b"qrig.schema_version"
_KEYS: Final = ("target", "network", "layer", "function", "stack", "text")
_LAST: Final = "layers"


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write every table of `PROFILE_TABLES` into `folder`, which exists, with its column types.

    Raises KeyError or ValueError for a table or column that is absent or of another type, before
    anything is written, and UsageError when `folder` cannot be written.
    """
    typed = {name: _typed(tables[name], schema) for name, schema in PROFILE_TABLES.items()}
    path_of(folder, _LAST).unlink(missing_ok=True)
    for name in sorted(typed, key=lambda name: name == _LAST):
        table = pa.Table.from_pandas(typed[name], preserve_index=False)
        metadata = {**(table.schema.metadata or {}), _VERSION: b"%d" % SCHEMA_VERSION}
        _write(path_of(folder, name), table.replace_schema_metadata(metadata))


def load_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read every table of `PROFILE_TABLES` from `folder`.

    Columns of a newer qrig that this one does not know are left out. Raises FileFormatError if the
    folder holds no profile, or one that is incomplete, damaged or of a newer schema.
    """
    if not has_profile(folder):
        raise FileFormatError(
            f"{folder}: expected the profile of a run, found none; make one with `qrig profile`"
        )
    return {name: _load(path_of(folder, name), name) for name in PROFILE_TABLES}


def has_profile(folder: Path) -> bool:
    """Say whether `folder` holds a profile that was written to its end."""
    return path_of(folder, _LAST).is_file()


def path_of(folder: Path, name: str) -> Path:
    """Say where the table `name` of a run's profile is kept."""
    return folder / f"profile-{name}.parquet"


def _write(path: Path, table: pa.Table) -> None:
    write_file(path, lambda draft: pq.write_table(table, draft))


def _load(path: Path, name: str) -> pd.DataFrame:
    """Read one table; every way in which a file can be wrong ends in one sentence."""
    again = "make the profile again with `qrig profile`"
    try:
        table = pq.read_table(path)
        version = int((table.schema.metadata or {}).get(_VERSION, b""))
        if version <= SCHEMA_VERSION:
            return _typed(table.to_pandas(), PROFILE_TABLES[name])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise FileFormatError(
            f"{path}: expected the {name} of a profiled run, found none that can be read "
            f"({_short(error)}); {again}"
        ) from error
    raise FileFormatError(
        f"{path}: expected a profile of schema {SCHEMA_VERSION} or older, found {version}; read it "
        f"with a newer qrig or {again}"
    )


def _typed(frame: pd.DataFrame, schema: Mapping[str, str]) -> pd.DataFrame:
    """Take the columns of `schema` in its types; raises KeyError or ValueError."""
    absent = [name for name in schema if name not in frame.columns]
    if absent:
        raise ValueError(f"without the columns {', '.join(absent)}")
    types: Mapping[Any, Any] = schema
    typed = frame[list(schema)].astype(types)
    for name in _KEYS:
        if name in schema and bool(typed[name].isna().any()):
            raise ValueError(f"rows without a {name}")
    return typed.reset_index(drop=True)


def _short(error: Exception) -> str:
    """Take the first line of what a library says."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
