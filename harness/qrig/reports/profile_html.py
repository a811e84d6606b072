"""A profile as sections of the HTML report: what `templates/profile.html.j2` lays out.

Plain text leaves here unescaped and is escaped by the template; only drawings are marked as safe,
and they escape the names they hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs
from markupsafe import Markup

from qrig.measure.profile_columns import MODELS
from qrig.reports.figures import INK, MUTED, RULE, inline_svg
from qrig.reports.grids import Grid
from qrig.reports.profile_cells import MEASURE_WORDS, CellProfile, Tables, split_cells
from qrig.reports.profile_icicle import icicle
from qrig.reports.profile_listing import LoopListing, hottest_loops, listing_facts
from qrig.reports.profile_notes import model_notes, unknown_notice
from qrig.reports.profile_plots import mix_plot
from qrig.reports.profile_source import ReadSource
from qrig.reports.profile_views import (
    cost_grid,
    function_grid,
    loop_grid,
    number_text,
    per_text,
    placement_grid,
    work_grid,
)
from qrig.reports.tables import printable

__all__ = ["ProfileSection", "profile_sections"]

_CSS_COLOURS: Final = {INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)"}
_WIDTHS: Final = {"wide": (9.6, 1120.0), "narrow": (3.9, 360.0)}


@attrs.frozen
class Drawing:
    """A plot, once for wide and once for narrow pages."""

    label: str
    note: str
    wide: Markup
    narrow: Markup


@attrs.frozen
class Line:
    """One instruction of a listing, as texts; `place` and `source` begin a source line."""

    executions: str
    cycles: Sequence[str]
    address: str
    text: str
    stalls: Sequence[tuple[str, str]]
    place: str
    source: str
    gap: str


@attrs.frozen
class Listing:
    """One loop: a heading, its numbers by name, and its lines."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    lines: Sequence[Line]


@attrs.frozen
class ProfileSection:
    """What the page says of the profile of one network on one target."""

    network: str
    target: str
    notice: str
    notes: Sequence[tuple[str, str]]
    layers: Sequence[tuple[str, Grid]]
    drawings: Sequence[Drawing]
    functions: Grid | None
    loops: Grid | None
    listings: Sequence[Listing]


def profile_sections(
    tables: Tables, models: Mapping[str, str], read_source: ReadSource | None = None
) -> list[ProfileSection]:
    """Prepare a section for every network and target of a profile, in the order of the summary.

    `models` says what "m4" and "m7" stand for; `read_source` gives the lines of a source file (none
    are shown without it).
    """
    notes = model_notes(models)
    return [
        _section(cell, number, notes, read_source)
        for number, cell in enumerate(split_cells(tables), 1)
    ]


def _section(
    cell: CellProfile, number: int, notes: Sequence[tuple[str, str]], read_source: ReadSource | None
) -> ProfileSection:
    """Prepare one section; `number` keeps the ids of its drawings apart from those of others."""
    layers = [("Cost of one inference", cost_grid(cell)), ("What the layers do", work_grid(cell))]
    placement = placement_grid(cell)
    if placement is not None:
        layers.append(("Over placements of the code", placement))
    return ProfileSection(
        network=printable(cell.network),
        target=printable(cell.target),
        notice=unknown_notice(cell),
        notes=notes,
        layers=layers if cell.layers else (),
        drawings=[drawing for drawing in (_mix(cell, number), _paths(cell)) if drawing],
        functions=function_grid(cell) if cell.functions else None,
        loops=loop_grid(cell) if cell.loops else None,
        listings=[_listing(loop) for loop in hottest_loops(cell, read_source=read_source)],
    )


def _mix(cell: CellProfile, number: int) -> Drawing | None:
    """Draw the mix of instructions; nothing if no layer executed any."""
    if not any(row["instructions"] for row in cell.layers):
        return None
    drawn = {
        width: Markup(  # noqa: S704 - inline_svg escapes the names it holds
            inline_svg(mix_plot(cell, width_in=width_in), f"x{number}{width[0]}-", _CSS_COLOURS)
        )
        for width, (width_in, _) in _WIDTHS.items()
    }
    label = f"Instructions per layer of {printable(cell.network)} by class"
    return Drawing(label, "Executed instructions by class, as the emulator counted them.", **drawn)


def _paths(cell: CellProfile) -> Drawing | None:
    """Draw the call paths; nothing if none has a cost."""
    measure = cell.measure
    drawn = {
        width: Markup(icicle(cell, measure, width=width_px))  # noqa: S704 - it escapes all names
        for width, (_, width_px) in _WIDTHS.items()
    }
    if not drawn["wide"]:
        return None
    words = MEASURE_WORDS[measure]
    label = f"{words} per call path of {printable(cell.network)}"
    note = f"Network, layers and call paths; a box is as wide as its {words}. Point at it for more."
    return Drawing(label, note, **drawn)


def _listing(loop: LoopListing) -> Listing:
    """Put a loop's listing into texts."""
    lines = [
        Line(
            executions=number_text(one.executions),
            cycles=[per_text(one.cycles[model]) for model in MODELS],
            address=f"{one.address:08x}",
            text=one.text,
            stalls=[(model.upper(), one.reasons[model]) for model in MODELS if one.reasons[model]],
            place=one.place if one.begins else "",
            source=one.source.strip() if one.begins else "",
            gap=f"{one.gap_bytes} bytes not executed" if one.gap_bytes else "",
        )
        for one in loop.instructions
    ]
    place = ", ".join(filter(None, (printable(loop.layer), loop.place)))
    return Listing(printable(loop.function), place, listing_facts(loop), lines)
