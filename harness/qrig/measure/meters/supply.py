"""Whether a meter can feed or carry a board, told before it is used, with the figures."""

from __future__ import annotations

from qrig.boards import Board
from qrig.boards.power import Power, power_of
from qrig.errors import UsageError
from qrig.measure.meters.meter import Meter, SupplyLimits


def check_supply(meter: Meter, board: Board) -> Power | None:
    """Return the board's figures if `meter` can be connected to it; None if it need not be.

    Raises UsageError with the figures of both, or for a board without a [power] table.
    """
    power = power_of(board)
    if meter.limits is None:
        return power
    if power is None:
        raise UsageError(
            f"{board.name}: expected a [power] table for the meter {meter.name}, found none in its "
            "board.toml; add supply_v, active_ma, max_ma and their source"
        )
    reason = overstrained(meter.limits, power)
    if reason is not None:
        raise UsageError(
            f"{meter.name}: expected a board it can {'feed' if meter.limits.feeds else 'carry'}, "
            f"found that {board.name} at {board.clock_hz / 1e6:g} MHz {reason} (board: "
            f"{power.source}; meter: {meter.limits.source}); use a meter for more, or a lower clock"
        )
    return power


def overstrained(limits: SupplyLimits, power: Power) -> str | None:
    """Return what of `power` is beyond `limits`, with both figures; None if nothing is."""
    if not limits.min_v <= power.supply_v <= limits.max_v:
        return (
            f"runs at {power.supply_v:g} V where {limits.min_v:g} to {limits.max_v:g} V are allowed"
        )
    most_ma = limits.max_a * 1e3
    if power.max_ma > most_ma:
        return (
            f"draws up to {power.max_ma:g} mA (typically {power.active_ma:g} mA) where {most_ma:g} "
            "mA are allowed"
        )
    return None
