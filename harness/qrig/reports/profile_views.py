"""The tables of a profile as people read them, made of cells for a terminal or a page alike.

Every number of a timing model says so in its heading. A column in which nothing is known, and
that of instructions unknown to the models where there are none, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from qrig.reports.grids import Cell, Grid
from qrig.reports.profile_cells import MEASURE_WORDS, MEASURES, CellProfile, Row, total
from qrig.reports.tables import cell_text, printable

__all__ = [
    "TOP",
    "cost_grid",
    "costliest_loops",
    "function_grid",
    "loop_grid",
    "loop_record",
    "number_text",
    "per_text",
    "place_text",
    "placement_grid",
    "work_grid",
]

TOP: Final = 12
"""How many functions and loops of a network are shown."""

_COST: Final = [
    *("layer", "instructions", "instructions_per_mac", "model_cycles_m4"),
    *("model_cycles_m7", "share", "model_latency_us_m4", "model_latency_us_m7"),
]
_WORK: Final = [
    *("layer", "mac", "loads", "stores", "mix_smlad", "branches_taken", "mispredicted"),
    *("misaligned", "mix_unknown"),
]
_PLACEMENT: Final = ["layer", "placement_m4", "spread_m4", "placement_m7", "spread_m7"]
_FUNCTIONS: Final = [
    *("function", "calls", "instructions", "model_cycles_m4", "model_cycles_m7", "share"),
]
_LOOPS: Final = [
    *("loop", "iterations", "cycles_per_iteration_m4", "cycles_per_iteration_m7", "share"),
    *("mca_per_iteration_m7", "mca_difference"),
]
_HEADINGS: Final[Mapping[str, str]] = {
    "branches_taken": "branches taken",
    "cycles_per_iteration_m4": "model cycles M4/iter.",
    "cycles_per_iteration_m7": "model cycles M7/iter.",
    "instructions_per_mac": "instr/MAC",
    "mac": "MAC",
    "mca_difference": "model to llvm-mca",
    "mca_per_iteration_m7": "llvm-mca M7/iter.",
    "mix_smlad": "SMLAD",
    "mix_unknown": "unknown to models",
    "model_cycles_m4": "model cycles M4",
    "model_cycles_m7": "model cycles M7",
    "model_latency_us_m4": "model µs M4",
    "model_latency_us_m7": "model µs M7",
    "placement_m4": "model cycles M4",
    "placement_m7": "model cycles M7",
    "spread_m4": "spread M4",
    "spread_m7": "spread M7",
}
_TEXTS: Final = ("layer", "function", "loop")
_SUMMED: Final = (
    *("mac", "instructions", "calls", "loads", "stores", "mix_smlad", "mix_unknown"),
    *("branches_taken", "mispredicted", "misaligned", *MEASURES.values()),
    *("model_latency_us_m4", "model_latency_us_m7"),
)


def cost_grid(cell: CellProfile, *, wide: bool = True) -> Grid:
    """Lay out what each layer costs: instructions, model cycles, latency; if `wide`, its share."""
    columns = [name for name in _COST if wide or name != "share"]
    return _layer_grid(cell, columns, "Cost", last="inference")


def work_grid(cell: CellProfile, *, wide: bool = True) -> Grid:
    """Lay out what each layer does: MAC, accesses, branches; if `wide`, those mispredicted."""
    columns = [name for name in _WORK if wide or name != "mispredicted"]
    return _layer_grid(cell, columns, "Work", last="inference")


def placement_grid(cell: CellProfile) -> Grid | None:
    """Lay out the range of model cycles over placements of the code; None if there is only one."""
    ends = ("m4_min", "m7_min")
    if not any(row.get(f"model_cycles_{end}") is not None for row in cell.layers for end in ends):
        return None
    return _layer_grid(cell, _PLACEMENT, "Placement", last="")


def function_grid(cell: CellProfile, count: int = TOP) -> Grid:
    """Lay out the `count` costliest functions of a network over all its layers, and the rest."""
    merged: dict[str, list[Row]] = {}
    for row in cell.functions:
        merged.setdefault(row["function"], []).append(row)
    column = MEASURES[cell.measure]
    records = [{"function": name, **_sums(rows)} for name, rows in merged.items()]
    records.sort(key=lambda one: (-(one[column] or 0), -one["instructions"], one["function"]))
    if len(records) > count + 1:
        others = f"{len(records) - count} others"
        records[count:] = [{"function": others, **_sums(records[count:])}]
    _add_shares(records, cell)
    return _grid(cell, _FUNCTIONS, records, {}, f"Functions of {_cell_name(cell)}")


def loop_grid(cell: CellProfile, count: int = TOP) -> Grid:
    """Lay out the `count` costliest innermost loops of a network."""
    records = [loop_record(cell, row) for row in costliest_loops(cell, count)]
    return _grid(cell, _LOOPS, records, {}, f"Loops of {_cell_name(cell)}")


def costliest_loops(cell: CellProfile, count: int) -> list[Row]:
    """Return the `count` loops with the most of `cell.measure`, costliest first."""
    column = MEASURES[cell.measure]
    ranked = sorted(
        cell.loops,
        key=lambda row: (
            *(-(row[column] or 0), -row["instructions"], row["layer_index"]),
            *(row["function"], row["start"]),
        ),
    )
    return ranked[:count]


def loop_record(cell: CellProfile, row: Row) -> dict[str, Any]:
    """Work out a loop's numbers per iteration, llvm-mca's beside the model's, and its share."""
    iterations = row["iterations"]
    record: dict[str, Any] = {
        "loop": row["function"],
        "below": ", ".join(filter(None, (row["layer"], place_text(row["file"], row["line"])))),
        "iterations": iterations,
        "cycles_per_iteration_m4": _ratio(row["model_cycles_m4"], iterations),
        "cycles_per_iteration_m7": _ratio(row["model_cycles_m7"], iterations),
        "mca_per_iteration_m7": _ratio(row["mca_cycles_m7"], iterations),
        "mca_difference": None,
        "share": _ratio(row[MEASURES[cell.measure]], cell.whole(cell.measure)),
    }
    ratio = _ratio(row["model_cycles_m7"], row["mca_cycles_m7"])
    if ratio is not None:
        record["mca_difference"] = ratio - 1
    return record


def place_text(file: str | None, line: int | None) -> str:
    """Write where code comes from: the last part of the path, and the line if it is known."""
    if not file:
        return ""
    name = printable(file.replace("\\", "/").rpartition("/")[2])
    return name if line is None else f"{name}:{line}"


def number_text(value: float | None) -> str:
    """Write a count or a number of cycles: whole from 100 on, blank if it is not known."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else cell_text(value)


def per_text(value: float | None) -> str:
    """Write cycles per iteration or execution to two places, blank if not known."""
    return "" if value is None else f"{value:,.2f}"


def _layer_grid(cell: CellProfile, columns: Sequence[str], kind: str, last: str) -> Grid:
    """Lay out `columns` of every layer, with a row of totals named `last` (none if it is "")."""
    records = [{**row, **_derived(row)} for row in cell.layers]
    foot: dict[str, Any] = {}
    if last and records:
        sums = _sums(records)
        foot = {"layer": last, **_derived(sums), **sums}
    _add_shares(records, cell)
    return _grid(cell, columns, records, foot, f"{kind} of {_cell_name(cell)}")


def _derived(row: Row) -> dict[str, Any]:
    """Work out what a layer's row does not hold itself."""
    halves, words = row.get("misaligned_2"), row.get("misaligned_4")
    derived: dict[str, Any] = {
        "instructions_per_mac": _ratio(row["instructions"], row["mac"]),
        "misaligned": None if halves is None or words is None else halves + words,
    }
    for model in ("m4", "m7"):
        least, most = (row.get(f"model_cycles_{model}_{end}") for end in ("min", "max"))
        ends = None if least is None or most is None else (least, most)
        derived[f"placement_{model}"] = ends
        derived[f"spread_{model}"] = None if ends is None else _ratio(ends[1] - ends[0], ends[0])
    return derived


def _sums(records: Sequence[Row]) -> dict[str, Any]:
    """Sum what can be summed; a sum that lacks a part is not known."""
    names = [name for name in _SUMMED if all(name in record for record in records)]
    return {name: total(records, name) for name in names}


def _add_shares(records: Sequence[dict[str, Any]], cell: CellProfile) -> None:
    """Divide what each record costs by what the whole network does."""
    column, whole = MEASURES[cell.measure], cell.whole(cell.measure)
    for record in records:
        record["share"] = _ratio(record[column], whole)


def _ratio(part: float | None, whole: float | None) -> float | None:
    """Divide, where both are known and there is something to divide by."""
    return None if part is None or not whole else part / whole


def _grid(
    cell: CellProfile, columns: Sequence[str], records: Sequence[Row], foot: Row, label: str
) -> Grid:
    """Lay out those of `columns` that say anything."""
    shown = list(_shown(columns, records))
    headings = [Cell(_heading(name, cell), name not in _TEXTS) for name in shown]
    rows = [[_cell(name, record) for name in shown] for record in records]
    last = [_cell(name, foot) for name in shown] if foot else []
    network, target = printable(cell.network), printable(cell.target)
    return Grid(label, headings, rows, last, title=network, subtitle=target)


def _shown(columns: Sequence[str], records: Sequence[Row]) -> Iterator[str]:
    """Choose the columns that hold any value; a count of the unknown must be more than 0."""
    for name in columns:
        values = [record.get(name) for record in records]
        if name in _TEXTS or any(values if name == "mix_unknown" else map(_known, values)):
            yield name


def _known(value: object) -> bool:
    return value is not None


def _heading(name: str, cell: CellProfile) -> str:
    """Say what a column holds, and of which model."""
    if name == "share":
        return f"share of {MEASURE_WORDS[cell.measure]}"
    return _HEADINGS.get(name, name)


def _cell(name: str, record: Row) -> Cell:
    """Write one value the way its column wants it."""
    value = record.get(name)
    if name in _TEXTS:
        text, below = (printable(str(part or "")) for part in (value, record.get("below")))
        return Cell(text, before=str(record.get("layer_index", "")), below=below)
    if name == "share":
        return Cell("" if value is None else f"{value:.1%}", True, share=value)
    write = _WRITERS.get(name, number_text)
    return Cell("" if value is None else write(value), True)


def _range_text(ends: tuple[float, float]) -> str:
    least, most = map(number_text, ends)
    return least if least == most else f"{least} to {most}"


def _cell_name(cell: CellProfile) -> str:
    return f"{printable(cell.network)} on {printable(cell.target)}"


_WRITERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "cycles_per_iteration_m4": per_text,
    "cycles_per_iteration_m7": per_text,
    "instructions_per_mac": per_text,
    "mca_difference": "{:+.1%}".format,
    "mca_per_iteration_m7": per_text,
    "placement_m4": _range_text,
    "placement_m7": _range_text,
    "spread_m4": "{:.2%}".format,
    "spread_m7": "{:.2%}".format,
}
