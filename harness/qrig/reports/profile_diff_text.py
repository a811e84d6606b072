"""The comparison of two profiled runs for a terminal, as plain text, and as JSON."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from qrig.reports.grids import Cell, Grid
from qrig.reports.profile_cells import MEASURE_WORDS, MEASURES
from qrig.reports.profile_diff import (
    CellDiff,
    Change,
    FunctionDiff,
    LayerDiff,
    LoopDiff,
    ProfileDiff,
)
from qrig.reports.profile_diff_why import layer_sentence, loop_words, percent_text
from qrig.reports.profile_notes import model_notes
from qrig.reports.profile_terminal import Renderable, render_grid
from qrig.reports.profile_views import number_text
from qrig.reports.tables import printable

__all__ = ["diff_document", "diff_grid", "diff_tables", "diff_text", "explanations"]

_SHOWN: Final = ("instructions", "m4", "m7")
_TONES: Final = {"slower": "bad", "faster": "good"}


def diff_tables(diff: ProfileDiff, models: Mapping[str, str]) -> Iterator[Renderable]:
    """Yield a comparison as renderables of rich: per network a table of layers, then the reasons.

    `models` says what "m4" and "m7" stand for; it is named before any number.
    """
    for name, text in model_notes(models):
        yield Text(f"{name}: model of {text}", style="dim")
    for cell in diff.cells:
        name = printable(f"{cell.network} on {cell.target}")
        title = f"{name}: {cell.verdict} by {MEASURE_WORDS[cell.measure]}"
        if cell.left_out[cell.measure]:
            title += f", without {', '.join(cell.left_out[cell.measure])}"
        yield render_grid(diff_grid(cell, diff.threshold_percent), title)
        for sentence in explanations(cell, diff.threshold_percent):
            yield Padding(Text(sentence), (0, 0, 0, 2))
        for words, layers in (
            ("before", cell.layers_only_before),
            ("after", cell.layers_only_after),
        ):
            if layers:
                yield Text(f"  layers only in the run {words}: {printable(', '.join(layers))}")
    for words, cells in (("before", diff.only_before), ("after", diff.only_after)):
        for target, network in cells:
            yield Text(printable(f"only in the run {words}: {network} on {target}"))
    yield Text(f"verdict: {diff.verdict}", style="bold")


def diff_text(diff: ProfileDiff, models: Mapping[str, str], width: int = 100) -> str:
    """Write a comparison as plain text, `width` columns wide."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, color_system=None, force_terminal=False, legacy_windows=False
    )
    for part in diff_tables(diff, models):
        console.print(part, highlight=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def explanations(cell: CellDiff, threshold_percent: float) -> list[str]:
    """Say why each layer changed, in the measure it is judged by.

    A layer that is the same in that measure but not in another is explained in the other.
    """
    sentences = []
    for layer in cell.layers:
        for measure in dict.fromkeys([layer.measure, *MEASURES]):
            if layer.changes[measure].verdict(threshold_percent) in _TONES:
                sentences.append(layer_sentence(layer, measure))
                break
    return sentences


def diff_grid(cell: CellDiff, threshold_percent: float) -> Grid:
    """Lay out the layers of a network: each measure before and how it changed, and the verdict."""
    headings = [Cell("layer"), Cell("verdict")]
    for measure in _SHOWN:
        words = MEASURE_WORDS[measure]
        headings += [Cell(f"{words} before", True), Cell("change", True)]
    headings.append(Cell("after", True))
    rows = [
        [
            Cell(printable(layer.layer), before=str(layer.layer_index)),
            _verdict(layer.changes[layer.measure], threshold_percent),
            *_numbers(layer.changes),
        ]
        for layer in cell.layers
    ]
    last = _verdict(cell.changes[cell.measure], threshold_percent)
    foot = [Cell("inference"), last, *_numbers(cell.changes)]
    network, target = printable(cell.network), printable(cell.target)
    label = f"Changes of {network} on {target}"
    return Grid(label, headings, rows, foot, title=network, subtitle=target)


def _numbers(changes: Mapping[str, Change]) -> Iterator[Cell]:
    """Write every measure before and its change, and the last one after."""
    for measure in _SHOWN:
        change = changes[measure]
        yield Cell(number_text(change.before), True)
        yield Cell(percent_text(change.percent) if change.delta else _same(change), True)
    yield Cell(number_text(changes[_SHOWN[-1]].after), True)


def _same(change: Change) -> str:
    return "=" if change.delta == 0 else ""


def _verdict(change: Change, threshold_percent: float) -> Cell:
    word = change.verdict(threshold_percent)
    return Cell(word, tone=_TONES.get(word, "quiet"))


def diff_document(diff: ProfileDiff) -> dict[str, Any]:
    """Return a comparison as what JSON can hold, without functions and loops that did not change.

    `parts` that are left over ("outside_loops", "other_functions", "other" effects) are there, so
    that the numbers add up at every step; what is not known is None.
    """
    return {
        "schema": "qrig-profile-diff/1",
        "verdict": diff.verdict,
        "threshold_percent": diff.threshold_percent,
        "only_before": [_cell_name(*cell) for cell in diff.only_before],
        "only_after": [_cell_name(*cell) for cell in diff.only_after],
        "cells": [
            {
                **_cell_name(cell.target, cell.network),
                "verdict": cell.verdict,
                "measure": cell.measure,
                "changes": _changes(cell.changes),
                "left_out": {name: list(layers) for name, layers in cell.left_out.items()},
                "why": explanations(cell, diff.threshold_percent),
                "layers": [_layer(layer, diff.threshold_percent) for layer in cell.layers],
                "layers_only_before": list(cell.layers_only_before),
                "layers_only_after": list(cell.layers_only_after),
            }
            for cell in diff.cells
        ],
    }


def _cell_name(target: str, network: str) -> dict[str, str]:
    return {"target": target, "network": network}


def _layer(layer: LayerDiff, threshold_percent: float) -> dict[str, Any]:
    measure = layer.measure
    return {
        "layer": layer.layer,
        "layer_index": layer.layer_index,
        "verdict": layer.changes[measure].verdict(threshold_percent),
        "measure": measure,
        "changes": _changes(layer.changes),
        "functions": [_function(one, measure) for one in layer.functions if _moved(one.changes)],
        "other_functions": dict(layer.other_functions),
    }


def _function(function: FunctionDiff, measure: str) -> dict[str, Any]:
    return {
        "function": function.function,
        "found": function.found,
        "changes": _changes(function.changes),
        "loops": [_loop(loop, measure) for loop in function.loops if _moved(loop.changes)],
        "outside_loops": dict(function.outside_loops),
    }


def _loop(loop: LoopDiff, measure: str) -> dict[str, Any]:
    """Write a loop; instructions and stalls per iteration only if both runs have it."""
    document: dict[str, Any] = {
        "place": loop.place,
        "why": loop_words(loop, measure),
        "iterations": {"before": loop.iterations.before, "after": loop.iterations.after},
        "changes": _changes(loop.changes),
    }
    if loop.before is not None and loop.after is not None:
        document["instructions_per_iteration"] = loop.classes()
        stalls = {name: loop.stalls(name) for name in MEASURES if name != "instructions"}
        document["stalls_per_iteration"] = stalls
        document["effects"] = {
            name: None if causes is None else dict(causes) for name, causes in loop.effects.items()
        }
    return document


def _moved(changes: Mapping[str, Change]) -> bool:
    """Say whether any measure changed, or is not known."""
    return any(change.delta != 0 for change in changes.values())


def _changes(changes: Mapping[str, Change]) -> dict[str, Any]:
    return {
        name: {"before": one.before, "after": one.after, "change_percent": one.percent}
        for name, one in changes.items()
    }
