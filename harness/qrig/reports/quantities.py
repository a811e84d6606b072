"""What a layer costs, as the page draws it: measured, counted and modelled, never mixed."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from qrig.measure.energy.columns import MEASURED_COLUMNS, MODELLED_COLUMNS

__all__ = ["QUANTITIES", "Quantity"]


@frozen
class Quantity:
    """A column of rows to draw: how it is called, its unit, and what its numbers are.

    `aside` is a column that says the same in other words, with its unit. `measure` is what
    `qrig compare` judges in its place, `source` the column that says where the numbers are from,
    with `joint` between the note and that. `kind` is measured, counted or modelled.
    """

    column: str
    title: str
    unit: str
    kind: str
    note: str
    aside: str | None = None
    aside_unit: str = ""
    measure: str = ""
    source: str | None = None
    joint: str = ":"

    @property
    def words(self) -> str:
        """How it is called in a table of totals, with its unit."""
        words = self.title[0].lower() + self.title[1:]
        unit = self.unit.removeprefix("model ")
        return words if unit in words else f"{words}, {unit}"

    @property
    def core(self) -> str:
        """The suffix of the modelled core, "m4" or "m7"; empty for what is not modelled so."""
        return self.column.rpartition("_")[2] if self.column.startswith("model_cycles") else ""


_MODEL: Final = "An estimate from executed instructions, not a measurement"
_ENERGY_SOURCE: Final = MEASURED_COLUMNS[2]
_MODEL_SOURCE: Final = MODELLED_COLUMNS[1]

QUANTITIES: Final = (
    Quantity(
        *("latency_us", "Latency", "µs", "measured"),
        note="Cycles of the core, counted on silicon, by its clock.",
        aside="cycles",
        aside_unit="cycles",
        measure="cycles",
    ),
    Quantity(
        *("instructions", "Instructions", "instructions", "counted"),
        note="Instructions retired, counted by the emulator. They are not cycles.",
        measure="instructions",
    ),
    *(
        Quantity(
            *(f"model_cycles_{core}", f"Model cycles, Cortex-{core.upper()}", "model cycles"),
            kind="modelled",
            note=_MODEL,
            aside=f"model_latency_us_{core}",
            aside_unit="model µs",
            measure=f"model_cycles_{core}",
        )
        for core in ("m4", "m7")
    ),
    Quantity(
        *("energy_uj", "Energy", "µJ", "measured"),
        note="Measured",
        joint=" by",
        aside="current_ua",
        aside_unit="mean µA",
        measure="energy_uj",
        source=_ENERGY_SOURCE,
    ),
    Quantity(
        *("model_energy_uj", "Model energy", "model µJ", "modelled"),
        note="An energy model, not a measurement",
        source=_MODEL_SOURCE,
    ),
)
"""Every quantity, in the order of the page."""
