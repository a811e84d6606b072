"""The table of the docs: what happens to each of Caffe's layer types."""

from __future__ import annotations

from qrig.networks.caffe.layer_types import LAYER_TYPES, LayerType, Role
from qrig.networks.deployable import DEPLOYABLE, FOLDABLE

COLUMNS = ("Caffe type", "readable", "foldable", "quantisable", "deployable", "limits")
"""The heads of the table."""


def layer_table() -> list[tuple[str, ...]]:
    """Return one row for each layer type, in the order of `COLUMNS`."""
    return [(name, *_verdicts(entry), entry.limits) for name, entry in LAYER_TYPES.items()]


def layer_table_markdown() -> str:
    """Return the table as lines of Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *layer_table()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _verdicts(entry: LayerType) -> tuple[str, str, str, str]:
    """Return readable, foldable, quantisable, deployable."""
    if entry.role is Role.UNREADABLE:
        return "no", "no", "no", "no"
    if entry.role is Role.INPUT:
        return "yes", "-", "yes", "yes"
    if entry.role is not Role.COMPUTED:
        return "yes", entry.role.value, "-", "-"
    if any(issubclass(layer, FOLDABLE) for layer in entry.becomes):
        return "yes", "yes", "once folded", "once folded"
    computed = "yes" if any(issubclass(layer, DEPLOYABLE) for layer in entry.becomes) else "no"
    return "yes", "no", computed, computed
