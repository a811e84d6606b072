"""A comparison of runs as Markdown, for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from qrig.reports.compare_result import (
    BETTER,
    NO_BASELINE,
    SAME,
    WORSE,
    CellComparison,
    LayerChange,
    RunsComparison,
)
from qrig.reports.compare_text import layer_cells, shown_layers
from qrig.reports.markdown_text import html_text, markdown_table, markdown_text

__all__ = ["comparison_markdown"]

_MARKS: Final = {
    BETTER: "✅ better",
    SAME: "✅ same",
    WORSE: "❌ worse",
    NO_BASELINE: "⚠️ no comparable baseline",
}
_HEADINGS: Final = ("layer", "measure", "before", "after", "change", "interval", "verdict")
_NUMBERS: Final = (False, False, True, True, True, True, False)
_MOST_FINDINGS: Final = 20
_MOST_ROWS: Final = 60


def comparison_markdown(found: RunsComparison) -> str:
    """Render a comparison: the verdict, what changed and why, then the numbers, folded away."""
    names = " and ".join(markdown_text(", ".join(side)) for side in (found.base, found.new))
    lines = [f"## qrig: {_MARKS[found.verdict]}", "", f"{names} compared.", ""]
    findings = found.findings
    lines += [f"- {markdown_text(text)}" for text in findings[:_MOST_FINDINGS]]
    if len(findings) > _MOST_FINDINGS:
        lines.append(f"- and {len(findings) - _MOST_FINDINGS} more")
    if found.cells:
        lines += ["", "| network | target | verdict |", "|---|---|---|"]
        lines += [
            f"| {' | '.join(map(markdown_text, (cell.network, cell.target)))} | "
            f"{_MARKS[cell.verdict]} |"
            for cell in found.cells
        ]
    for cell in found.cells:
        lines += ["", *_details(cell)]
    lines += ["", *(f"{markdown_text(text)}  " for text in found.notes)]
    return "\n".join(lines).rstrip() + "\n"


def _details(cell: CellComparison) -> Iterator[str]:
    """Yield the numbers of a network on a target, folded away unless something is wrong."""
    layers = shown_layers(cell)
    if not layers and not cell.notes:
        return
    opened = " open" if cell.verdict in (WORSE, NO_BASELINE) else ""
    yield f"<details{opened}>"
    yield f"<summary>{html_text(cell.name)}: {cell.verdict}</summary>"
    yield ""
    if layers:
        yield from _table(layers)
    yield from (f"- {markdown_text(text)}" for text in cell.notes)
    yield ""
    yield "</details>"


def _table(layers: Sequence[LayerChange]) -> Iterator[str]:
    shown = [layer_cells(change) for change in layers[:_MOST_ROWS]]
    yield from markdown_table(_HEADINGS, _NUMBERS, shown)
    yield ""
    if len(layers) > _MOST_ROWS:
        yield f"and {len(layers) - _MOST_ROWS} more rows"
        yield ""
