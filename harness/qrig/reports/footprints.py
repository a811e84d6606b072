"""What a deployment takes of its board's memories, as a page shows it: sections, memory plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from qrig.reports.grids import Cell, Grid
from qrig.reports.memory_drawing import memory_drawing
from qrig.reports.stamps import one_line
from qrig.reports.tables import cell_text, heading

__all__ = ["footprint_view"]

_MEMORIES: Final = ("flash", "ram")
_SECTIONS: Final = ("name", "region", "size_bytes")
_BUFFERS: Final = ("name", "offset_bytes", "size_bytes", "first_stage", "last_stage")
_HEADINGS: Final = {
    "offset_bytes": "offset, bytes",
    "size_bytes": "size, bytes",
    "first_stage": "needed from",
    "last_stage": "to",
}


def footprint_view(
    entry: Mapping[str, Any], stages: Sequence[str] = (), prefix: str = ""
) -> dict[str, Any]:
    """Prepare one deployment: its memories with their shares, its sections and its memory plan.

    The plan is drawn if `stages` names the network's stages in order; ids begin with `prefix`.
    """
    plan = entry.get("memory_plan") or {}
    sections = entry.get("sections") or ()
    network, target = one_line(entry.get("network")), one_line(entry.get("target"))
    return {
        "network": network,
        "target": target,
        "drawing": memory_drawing(plan, stages, f"Memory plan of {network} on {target}", prefix),
        "memories": [_memory(name, entry) for name in _MEMORIES if f"{name}_bytes" in entry],
        "sections": _grid("Sections", sections, _SECTIONS, {}),
        "plan": _plan_grid(plan),
        "plan_text": _plan_text(plan),
    }


def _memory(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    used, total = entry[f"{name}_bytes"], entry.get(f"{name}_total_bytes")
    share = used / total if total else None
    return {
        "name": "RAM" if name == "ram" else name,
        "used": _size(used),
        "total": _size(total) if total else "",
        "share": share,
        "percent": f"{share:.1%}" if share is not None else "",
    }


def _plan_text(plan: Mapping[str, Any]) -> str:
    """Put the plan against the sum of its buffers."""
    total, naive = plan.get("total_bytes"), plan.get("naive_bytes")
    if not total or not naive:
        return ""
    return (
        f"Memory plan: {cell_text(total)} bytes, {total / naive:.1%} of the {cell_text(naive)} "
        "that its buffers would take side by side"
    )


def _plan_grid(plan: Mapping[str, Any]) -> Grid | None:
    """Lay out every buffer of a memory plan with the stages that need it."""
    grid = _grid("Memory plan", plan.get("buffers") or (), _BUFFERS, _HEADINGS)
    if grid is None:
        return None
    sums = [
        *(Cell("together, sharing an arena"), Cell("", True)),
        *(Cell(cell_text(plan.get("total_bytes")), True), Cell(""), Cell("")),
    ]
    return Grid(grid.label, grid.headings, grid.rows, sums)


def _grid(
    label: str,
    entries: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    names: Mapping[str, str],
) -> Grid | None:
    if not entries:
        return None
    kinds = [(name, name.endswith("_bytes")) for name in columns]
    headings = [Cell(names.get(name, heading(name)), number) for name, number in kinds]
    rows = [
        [Cell(cell_text(entry.get(name)), number) for name, number in kinds] for entry in entries
    ]
    return Grid(label, headings, rows)


def _size(size_bytes: float) -> str:
    """Write a size in bytes, KiB or MiB."""
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:,.1f}".removesuffix(".0") + f" {unit}"
    return f"{size_bytes:,.0f} bytes"
