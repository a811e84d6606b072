"""Energy without a meter: model cycles times what a cycle costs on the board. Never a measurement.

What a cycle costs is published for some boards (an inference measured by somebody, joules over
cycles); for others it is the datasheet's current in run mode times volts over clock.
"""

from __future__ import annotations

from attrs import frozen

from qrig.boards import Board
from qrig.boards.power import Power, power_of


@frozen
class EnergyModel:
    """What a cycle of a board costs, in picojoules, and where the figure comes from."""

    board: str
    pj_per_cycle: float
    source: str

    def energy_uj(self, cycles: float) -> float:
        """Return the energy of so many cycles in microjoules."""
        return cycles * self.pj_per_cycle * 1e-6

    def __str__(self) -> str:
        """Return what `model_energy_source` says."""
        return f"{self.pj_per_cycle:.4g} pJ per model cycle on {self.board}: {self.source}"


def energy_model(board: Board) -> EnergyModel | None:
    """Return the energy model of `board`, None if its board.toml has no [power]."""
    power = power_of(board)
    return None if power is None else model_of(board.name, board.clock_hz, power)


def model_of(name: str, clock_hz: int, power: Power) -> EnergyModel:
    """Return the energy model of a board with these figures."""
    if power.pj_per_cycle is not None:
        return EnergyModel(name, power.pj_per_cycle, power.pj_source or "")
    picojoules = power.active_ma * 1e-3 * power.supply_v / clock_hz * 1e12
    return EnergyModel(
        name,
        picojoules,
        f"{power.active_ma:g} mA x {power.supply_v:g} V / {clock_hz / 1e6:g} MHz, {power.source}",
    )
