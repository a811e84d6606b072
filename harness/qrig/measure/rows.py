"""One row per layer: the columns of every results table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from qrig.measure.compare import Comparison
from qrig.networks.graph import Shape

SCHEMA_VERSION = 4
"""The version of the columns; every file of results carries it. 2 added the model columns, 3
`computed_with`, 4 those of energy."""

MODEL_COLUMNS = (
    "model_cycles_m4",
    "model_cycles_m7",
    "model_latency_us_m4",
    "model_latency_us_m7",
)
"""Estimates of the timing models, of inputs that were profiled; the stamp names their boards."""

ENERGY_COLUMNS = {
    "current_ua": "Float64",
    "energy_uj": "Float64",
    "energy_source": "string",
    "energy_rse": "Float64",
    "model_energy_uj": "Float64",
    "model_energy_source": "string",
}
"""What a power meter measured of a layer and which one, and what the energy model says of it."""

COLUMNS = {
    "schema_version": "int64",
    "run_id": "string",
    "target": "string",
    "board": "string",
    "backend": "string",
    "core": "string",
    "network": "string",
    "input": "string",
    "input_index": "int64",
    "label": "Int64",
    "layer_index": "int64",
    "layer": "string",
    "type": "string",
    "shape": "string",
    "mac": "int64",
    "computed_with": "string",
    "instructions": "Int64",
    "cycles": "Int64",
    "latency_us": "Float64",
    **dict.fromkeys(MODEL_COLUMNS, "Float64"),
    **ENERGY_COLUMNS,
    "crc32_target": "string",
    "crc32_host": "string",
    "verdict": "string",
    "differing": "Int64",
    "first_difference": "string",
}
"""Columns and their pandas types. A number that is not available is missing, never zero."""


@frozen
class LayerResult:
    """One layer of one inference; `instructions` come from emulators, `cycles` from silicon.

    A layer that is computed together with an earlier one has no counts of its own: the layer that
    `computed_with` names has them all. `model` holds the columns of MODEL_COLUMNS, as far as they
    are known, `energy` those of ENERGY_COLUMNS.
    """

    name: str
    type: str
    shape: Shape
    mac: int
    instructions: int | None
    cycles: int | None
    comparison: Comparison
    model: Mapping[str, float] = field(factory=dict)
    energy: Mapping[str, float | str | None] = field(factory=dict)
    computed_with: str | None = None


def rows_of(
    layers: tuple[LayerResult, ...], common: dict[str, Any], clock_hz: int
) -> list[dict[str, Any]]:
    """Return the rows of one inference; `common` holds the columns all of them share."""
    return [
        {
            **common,
            "schema_version": SCHEMA_VERSION,
            "layer_index": index,
            "layer": layer.name,
            "type": layer.type,
            "shape": str(layer.shape),
            "mac": layer.mac,
            "computed_with": layer.computed_with,
            "instructions": layer.instructions,
            "cycles": layer.cycles,
            "latency_us": layer.cycles * 1e6 / clock_hz if layer.cycles is not None else None,
            **{name: layer.model.get(name) for name in MODEL_COLUMNS},
            **{name: layer.energy.get(name) for name in ENERGY_COLUMNS},
            "crc32_target": layer.comparison.crc32_target,
            "crc32_host": layer.comparison.crc32_host,
            "verdict": layer.comparison.verdict,
            "differing": layer.comparison.differing,
            "first_difference": layer.comparison.first_difference,
        }
        for index, layer in enumerate(layers)
    ]
