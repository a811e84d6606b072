"""What the index keeps of each network on each target of a run: verdict, costs, sizes, stamp."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from qrig.errors import FileFormatError
from qrig.reports.run_files import JOURNAL, TABLE, whole_lines

if TYPE_CHECKING:
    import pyarrow as pa

MEASURES: Final = {
    "instructions": "Int64",
    "model_cycles_m4": "Float64",
    "model_cycles_m7": "Float64",
    "cycles": "Int64",
    "latency_us": "Float64",
    "energy_uj": "Float64",
    "model_energy_uj": "Float64",
}
"""What an inference costs: the sum over its layers, median over the inputs counted completely."""

FOOTPRINT: Final = {"flash_bytes": "Int64", "ram_bytes": "Int64"}
"""What the deployment takes of the board's memories, as far as the run says."""

STAMP: Final = ("core", "build_id", "compiler", "kernel_library", "network_sha256", "board_serial")
"""What is kept of a cell's stamp."""

CELL_COLUMNS: Final = {
    **dict.fromkeys(("target", "network", "verdict"), "string"),
    **dict.fromkeys(("inputs", "layers"), "Int64"),
    **MEASURES,
    "energy_source": "string",
    **FOOTPRINT,
    **dict.fromkeys(("correct", "labelled"), "Int64"),
    **dict.fromkeys(STAMP, "string"),
}
"""The columns of a cell and their pandas types; what is not known is missing."""

_KEYS: Final = ("target", "network", "input_index")


def cells_of(folder: Path, run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells of the run in `folder`, whose run.json is `run`, as they were measured.

    Raises FileFormatError if its rows cannot be read.
    """
    try:
        measured = list(_measured(_table(folder)))
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"{folder}: expected the rows of a run, found them damaged ({error}); run it again"
        ) from error
    for cell in measured:
        footprint = _of_cell(run.get("footprints"), cell)
        accuracy = _of_cell(run.get("accuracy"), cell)
        stamp = _of_cell(run.get("stamps"), cell)
        yield {
            **dict.fromkeys(CELL_COLUMNS),
            **cell,
            **_known(footprint, FOOTPRINT),
            **_known(accuracy, ("correct", "labelled")),
            **_known(stamp, STAMP),
        }


def is_cell(cell: Mapping[str, Any]) -> bool:
    """Say whether what is there of a cell has the types of CELL_COLUMNS."""
    return all(
        cell.get(name) is None or is_of_kind(cell[name], kind)
        for name, kind in CELL_COLUMNS.items()
    )


def is_of_kind(value: Any, kind: str) -> bool:
    """Say whether a value of JSON fits a column: "string", "Int64" or "Float64"."""
    if kind == "string":
        return is_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if kind == "Int64":
        return isinstance(value, int) and abs(value) < 1 << 63
    return math.isfinite(value)


def is_text(value: Any) -> bool:
    """Say whether a value is text that can be written as UTF-8 (JSON has halves of characters)."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _known(entry: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return what an entry of run.json says; what cannot be, is not known."""
    values = {name: entry.get(name) for name in names}
    return {
        name: value if is_of_kind(value, CELL_COLUMNS[name]) else None
        for name, value in values.items()
    }


def _of_cell(entries: Any, cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the entry of run.json that is of the network and target of `cell`."""
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and all(
            entry.get(name) == cell[name] for name in ("target", "network")
        ):
            return entry
    return {}


def _table(folder: Path) -> pa.Table:
    """Read the columns that cells are made of; those of a newer schema may be absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = [*_KEYS, "layer_index", "verdict", *MEASURES, "energy_source"]
    path = folder / TABLE
    if path.is_file():
        file = pq.ParquetFile(path)
        there = set(file.schema_arrow.names)
        return file.read([name for name in wanted if name in there], use_threads=False)
    types: dict[str, pa.DataType] = {
        "Int64": pa.int64(),
        "Float64": pa.float64(),
        "string": pa.string(),
    }
    kinds = {**CELL_COLUMNS, "input_index": "Int64", "layer_index": "Int64"}
    schema = pa.schema({name: types[kinds[name]] for name in wanted})
    rows = [{name: row.get(name) for name in wanted} for row in whole_lines(folder / JOURNAL)]
    return pa.Table.from_pylist(rows, schema)


def _measured(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield a cell for every target and network of `table`, with what was measured."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for word in ("differs", "bit-exact"):
        table = table.append_column(word, pc.equal(table["verdict"], pa.scalar(word)).cast("int64"))
    measures = [name for name in MEASURES if name in table.column_names]
    steps: list[Any] = [(name, "sum") for name in (*measures, "differs", "bit-exact")]
    steps += [(name, "count") for name in (*measures, "layer_index")]
    steps += [("layer_index", "count_distinct")]
    steps += [("energy_source", "max")] if "energy_source" in table.column_names else []
    grouped = table.group_by(list(_KEYS), use_threads=False).aggregate(steps)
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in grouped.to_pylist():
        cells.setdefault((one["target"], one["network"]), []).append(one)
    for (target, network), inputs in cells.items():
        found = {name: _per_inference(inputs, name) for name in measures}
        whole = {name: kind for name, kind in MEASURES.items() if kind == "Int64"}
        yield {
            "target": target,
            "network": network,
            "verdict": _verdict(inputs),
            "inputs": len(inputs),
            "layers": max(one["layer_index_count_distinct"] for one in inputs),
            **{
                name: round(value) if value is not None and name in whole else value
                for name, value in found.items()
            },
            "energy_source": next(
                (one["energy_source_max"] for one in inputs if one.get("energy_source_max")), None
            ),
        }


def _verdict(inputs: list[dict[str, Any]]) -> str:
    if any(one["differs_sum"] for one in inputs):
        return "differs"
    return "bit-exact" if any(one["bit-exact_sum"] for one in inputs) else "not-traced"


def _per_inference(inputs: list[dict[str, Any]], measure: str) -> float | None:
    """Return the median over the inputs of which the most layers were counted; None without any.

    An input that was measured several times under one number counts as the mean of these.
    """
    sums: dict[float, list[float]] = {}
    for one in inputs:
        times = one["layer_index_count"] / one["layer_index_count_distinct"]
        if one[f"{measure}_count"]:
            sums.setdefault(one[f"{measure}_count"] / times, []).append(
                one[f"{measure}_sum"] / times
            )
    return float(median(sums[max(sums)])) if sums else None
