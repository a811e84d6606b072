"""A profiled run as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from qrig.runs.profile_run import ProfileRun

SCHEMA = "qrig-profile-report/1"
"""The `schema` of the document."""

_TABLES = ("layers", "functions", "loops")
_CELL = ("target", "network")


def profile_document(result: ProfileRun) -> dict[str, Any]:
    """Return `result` as a document; numbers that are not available are null.

    One entry per network and target with its layers, functions and loops, in the columns of
    `qrig.measure.profile_columns`, and the sums over its layers.
    """
    return {
        "schema": SCHEMA,
        "run_id": result.run["run_id"],
        "folder": str(result.folder),
        "verdict": result.run["verdict"],
        "models": result.run["models"],
        "placements": result.run["placements"],
        "notices": [*result.notices, *result.unknown],
        "cells": [_cell(result, names) for names in _cells(result)],
    }


def _cells(result: ProfileRun) -> list[tuple[str, str]]:
    rows = result.rows[list(_CELL)].drop_duplicates()
    return [(str(target), str(network)) for target, network in rows.itertuples(index=False)]


def _cell(result: ProfileRun, names: tuple[str, str]) -> dict[str, Any]:
    rows = _of_cell(result.rows, names)
    document: dict[str, Any] = {
        **dict(zip(_CELL, names, strict=True)),
        "input": str(rows["input"].iloc[0]),
    }
    if not result.tables:
        counted = rows[["layer_index", "layer", "type", "mac", "computed_with", "instructions"]]
        own = counted[counted["computed_with"].isna()]
        return document | {"total": _sums(own), "layers": _records(counted)}
    return document | cell_of_tables(result.tables, names)


def cell_of_tables(tables: Mapping[str, pd.DataFrame], names: tuple[str, str]) -> dict[str, Any]:
    """Return the sums, layers, functions and loops of one (target, network)."""
    parts = {name: _of_cell(tables[name], names) for name in _TABLES}
    return {
        "total": _sums(parts["layers"]),
        **{name: _records(table.drop(columns=list(_CELL))) for name, table in parts.items()},
    }


def _of_cell(table: pd.DataFrame, names: tuple[str, str]) -> pd.DataFrame:
    return table[(table["target"] == names[0]) & (table["network"] == names[1])]


def _sums(layers: pd.DataFrame) -> dict[str, Any]:
    """Return the sums of the columns; null where a layer's number is missing."""
    numbers = layers.drop(columns="layer_index").select_dtypes("number")
    return dict(_records(numbers.sum(skipna=False).to_frame().T)[0])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=3))
    return records
