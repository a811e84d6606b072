"""Two made-up cells compared, and numbers that are noisy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from made_runs import LAYERS, MadeCell, Numbers, run_data
from qrig.reports.compare_result import LayerChange, RunsComparison
from qrig.reports.compare_runs import CompareOptions, compare_data


def compare(base: MadeCell, new: MadeCell, **options: Any) -> RunsComparison:
    return compare_data([run_data("a", base)], [run_data("b", new)], CompareOptions(**options))


def changes_of(found: RunsComparison, measure: str | None = None) -> dict[str, LayerChange]:
    (cell,) = found.cells
    return {one.layer: one for one in cell.layers if measure in (None, one.measure)}


def measured(
    seed: int, factors: Mapping[str, float], spread: float = 0.002, column: str = "cycles"
) -> Numbers:
    """Return noisy numbers of which some layers' are multiplied."""
    random = np.random.default_rng(seed)
    sizes = {"energy_uj": 1e-3}

    def numbers(layer: str, index: int) -> dict[str, Any]:
        value = LAYERS[layer] * factors.get(layer, 1.0) * np.exp(random.normal(0, spread))
        whole = round(value) if column == "cycles" else value * sizes[column]
        return {column: whole} | ({"energy_source": "js220 1234"} if column == "energy_uj" else {})

    return numbers
