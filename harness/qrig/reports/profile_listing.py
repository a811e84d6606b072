"""The hottest loops of a profile, instruction by instruction, with what each one waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from qrig.measure.profile_columns import MODELS
from qrig.reports.profile_cells import (
    MEASURE_WORDS,
    CellProfile,
    Row,
    layer_key,
)
from qrig.reports.profile_source import ReadSource
from qrig.reports.profile_views import costliest_loops, loop_record, per_text, place_text
from qrig.reports.tables import printable

__all__ = [
    "ListedInstruction",
    "LoopListing",
    "hottest_loops",
    "listing_facts",
    "render_listing",
]

LISTED: Final = 5
"""How many loops of a network are listed."""

_SOURCE_WIDTH: Final = 88


@attrs.frozen
class ListedInstruction:
    """One instruction of a loop; cycles and stalls are of one execution, by model ("m4", "m7").

    `place` is file:line and `source` that line's text, "" if they are not known. `begins` says
    that the source line is another than that of the instruction before, `gap_bytes` how much code
    that was never executed lies between the two.
    """

    address: int
    text: str
    executions: int
    misaligned: int | None
    cycles: Mapping[str, float | None]
    stalls: Mapping[str, float | None]
    reasons: Mapping[str, str]
    place: str
    source: str
    begins: bool
    gap_bytes: int


@attrs.frozen
class LoopListing:
    """One innermost loop; cycles are of one iteration, `share` (0 to 1) of the network's cost."""

    layer: str
    function: str
    place: str
    start: int
    end: int
    iterations: int
    share: float | None
    measure: str
    cycles: Mapping[str, float | None]
    mca_cycles_m7: float | None
    mca_difference: float | None
    instructions: Sequence[ListedInstruction]


def hottest_loops(
    cell: CellProfile, count: int = LISTED, read_source: ReadSource | None = None
) -> list[LoopListing]:
    """Return the `count` costliest loops with their instructions.

    Lines of C come from `read_source`; without it only their places are known.
    """
    code: dict[tuple[int, str, str], list[Row]] = {}
    for row in cell.instructions:
        code.setdefault((*layer_key(row), row["function"]), []).append(row)
    listings = []
    for loop in costliest_loops(cell, count):
        inside = [
            row
            for row in code.get((*layer_key(loop), loop["function"]), ())
            if loop["start"] <= row["address"] < loop["end"]
        ]
        inside.sort(key=lambda row: row["address"])
        listings.append(_listing(cell, loop, list(_listed(inside, read_source))))
    return listings


def listing_facts(listing: LoopListing) -> list[tuple[str, str]]:
    """List what stands above a loop: name and text of each number that is known."""
    share = "" if listing.share is None else f"{listing.share:.1%}"
    facts = [("iterations", f"{listing.iterations:,}")]
    facts.append((f"of the network's {MEASURE_WORDS[listing.measure]}", share))
    facts += [
        (f"{MEASURE_WORDS[model]} per iteration", per_text(listing.cycles[model]))
        for model in MODELS
    ]
    mca = per_text(listing.mca_cycles_m7)
    if listing.mca_difference is not None:
        mca += f" (the model is {listing.mca_difference:+.1%} from it)"
    facts.append(("llvm-mca M7 cycles per iteration", mca))
    return [(name, text) for name, text in facts if text]


def render_listing(listing: LoopListing) -> str:
    """Write a loop as plain text: its numbers, then source lines above their instructions."""
    head = " ".join(filter(None, [listing.function, listing.place]))
    lines = [printable(f"{listing.layer}: {head}")]
    lines += [f"  {text} {name}" for name, text in listing_facts(listing)]
    widths = {model: any(one.reasons[model] for one in listing.instructions) for model in MODELS}
    models = "".join(f"{model.upper():>8}" for model in MODELS)
    lines.append(f"  {'executions':>12}{models}   {'address':>8}  instruction; stalls by cause")
    for one in listing.instructions:
        if one.gap_bytes:
            lines.append(f"  {f'{one.gap_bytes} bytes not executed':>41}")
        if one.begins and one.place:
            lines.append(f"  ; {one.place}  {one.source.strip()}".rstrip()[:_SOURCE_WIDTH])
        cycles = "".join(f"{per_text(one.cycles[model]):>8}" for model in MODELS)
        stalls = "".join(_stall_text(one, model) for model in MODELS if widths[model])
        code = f"{one.address:>8x}  {one.text:<30}"
        lines.append(f"  {one.executions:>12,}{cycles}   {code}{stalls}".rstrip())
    return "\n".join(lines) + "\n"


def _stall_text(one: ListedInstruction, model: str) -> str:
    """Write what an instruction waits for in one model, "" if for nothing."""
    reasons = one.reasons[model]
    return f"  {model.upper()}: {reasons}" if reasons else ""


def _listing(cell: CellProfile, loop: Row, inside: Sequence[ListedInstruction]) -> LoopListing:
    """Put together one loop."""
    record = loop_record(cell, loop)
    return LoopListing(
        layer=loop["layer"],
        function=loop["function"],
        place=place_text(loop["file"], loop["line"]),
        start=loop["start"],
        end=loop["end"],
        iterations=loop["iterations"],
        share=record["share"],
        measure=cell.measure,
        cycles={model: record[f"cycles_per_iteration_{model}"] for model in MODELS},
        mca_cycles_m7=record["mca_per_iteration_m7"],
        mca_difference=record["mca_difference"],
        instructions=inside,
    )


def _listed(rows: Sequence[Row], read_source: ReadSource | None) -> Iterator[ListedInstruction]:
    """Make the lines of a listing of instructions sorted by address."""
    before: Row | None = None
    for row in rows:
        place = (row["file"], row["line"])
        behind = row["address"] if before is None else before["address"] + before["size_bytes"]
        yield ListedInstruction(
            address=row["address"],
            text=printable(" ".join(row["text"].split())),
            executions=row["executions"],
            misaligned=row["misaligned"],
            cycles={model: _each(row, f"model_cycles_{model}") for model in MODELS},
            stalls={model: _each(row, f"stalls_{model}") for model in MODELS},
            reasons={model: printable(row[f"stall_reasons_{model}"] or "") for model in MODELS},
            place=place_text(*place),
            source=_source(*place, read_source),
            begins=before is None or place != (before["file"], before["line"]),
            gap_bytes=max(row["address"] - behind, 0),
        )
        before = row


def _each(row: Row, column: str) -> float | None:
    """Divide a number by the executions of its instruction."""
    value, executions = row[column], row["executions"]
    return None if value is None or not executions else float(value / executions)


def _source(file: str | None, line: int | None, read_source: ReadSource | None) -> str:
    """Take one line of a source file, "" if it is not to be had."""
    if not file or line is None or read_source is None:
        return ""
    lines = read_source(file)
    if lines is None or not 1 <= line <= len(lines):
        return ""
    return printable(lines[line - 1].expandtabs(4).rstrip())
