"""A comparison of runs as JSON."""

from __future__ import annotations

from typing import Any

import attrs

from qrig.reports.compare_result import CellComparison, RunsComparison, StampDifference

__all__ = ["comparison_document"]


def comparison_document(found: RunsComparison) -> dict[str, Any]:
    """Return a comparison as what JSON can hold; what is not known is None."""
    return {
        "schema": "qrig-comparison/1",
        "verdict": found.verdict,
        "exit_code": found.exit_code,
        "base": list(found.base),
        "new": list(found.new),
        "findings": list(found.findings),
        "reasons": list(found.reasons),
        "notes": list(found.notes),
        "cells": [_cell(cell) for cell in found.cells],
    }


def _cell(cell: CellComparison) -> dict[str, Any]:
    return {
        "target": cell.target,
        "network": cell.network,
        "core": cell.core,
        "verdict": cell.verdict,
        "reasons": list(cell.reasons),
        "notes": list(cell.notes),
        "stamp_differences": [_difference(one) for one in cell.differences],
        "sizes": {
            name: {"base": base, "new": new} for name, (base, new) in sorted(cell.sizes.items())
        },
        "layers": [attrs.asdict(change) for change in cell.layers],
    }


def _difference(one: StampDifference) -> dict[str, Any]:
    return {"key": one.key, "base": one.base, "new": one.new, "allowed": one.allowed}
