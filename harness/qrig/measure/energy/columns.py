"""The columns of energy in a layer's row; measured and modelled energy are never in one column."""

from __future__ import annotations

from collections.abc import Mapping

from qrig.measure.energy.layers import MeasuredEnergy
from qrig.measure.energy.model import EnergyModel

MEASURED_COLUMNS = ("current_ua", "energy_uj", "energy_source", "energy_rse")
"""Mean current over the layer's windows, energy of one execution, meter, relative error."""

MODELLED_COLUMNS = ("model_energy_uj", "model_energy_source")
"""Model cycles times energy of a cycle, and where that comes from."""

Value = float | str | None


def measured_columns(measured: MeasuredEnergy | None, layer: str) -> dict[str, Value]:
    """Return the measured columns of `layer`; what is not there is None."""
    found = None if measured is None else measured.layers.get(layer)
    if measured is None or found is None:
        return dict.fromkeys(MEASURED_COLUMNS)
    return {
        "current_ua": found.current_ua,
        "energy_uj": found.energy_uj,
        "energy_source": measured.source,
        "energy_rse": found.rse,
    }


def modelled_columns(
    model: EnergyModel | None, columns: Mapping[str, float], suffix: str
) -> dict[str, Value]:
    """Return the modelled columns of a layer; `columns` are its timing models' columns.

    `suffix` is that of the core whose cycles count: "m4" or "m7".
    """
    cycles = columns.get(f"model_cycles_{suffix}")
    if model is None or cycles is None:
        return dict.fromkeys(MODELLED_COLUMNS)
    return {"model_energy_uj": model.energy_uj(cycles), "model_energy_source": str(model)}
