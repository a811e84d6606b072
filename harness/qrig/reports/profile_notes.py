"""What a reader must know before he trusts the numbers of a profile: models, and what they lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from qrig.measure.profile_columns import MODELS
from qrig.reports.profile_cells import CellProfile, missing_layers
from qrig.reports.tables import printable

__all__ = ["model_notes", "unknown_notice"]

_MAX_NAMED: Final = 5


def model_notes(models: Mapping[str, str]) -> list[tuple[str, str]]:
    """List what stands behind the model cycles: the model's short name, and what it models."""
    return [(name.upper(), printable(models[name])) for name in MODELS if models.get(name)]


def unknown_notice(cell: CellProfile) -> str:
    """Say in which layers model cycles are missing and for which instructions; "" if in none."""
    lacking: dict[str, list[str]] = {}
    for name in MODELS:
        layers = _listed(missing_layers(cell, name))
        if layers:
            lacking.setdefault(layers, []).append(name.upper())
    parts = [
        f"No model cycles {' and '.join(names)} for {layers}, and so none for the whole network."
        for layers, names in lacking.items()
    ]
    found: dict[str, int] = {}
    for row in cell.instructions:
        if row["class"] == "unknown":
            word = (row["text"].split() or ["?"])[0]
            found[word] = found.get(word, 0) + row["executions"]
    counts = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    if counts:
        words = _listed([f"{word} ({count:,} times)" for word, count in counts])
        parts.append(f"Instructions without a known cost: {words}.")
    return " ".join(parts)


def _listed(names: Sequence[str]) -> str:
    """Name a few, count the rest."""
    shown = ", ".join(printable(name) for name in names[:_MAX_NAMED])
    rest = len(names) - _MAX_NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
