"""A meter beside a board: opened, checked against it, read while it works, asked for energies."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from qrig.boards import Board
from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.energy.layers import MeasuredEnergy, layer_energies
from qrig.measure.meters.meter import Meter
from qrig.measure.meters.plan import Planned
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.registry import find_meter
from qrig.measure.meters.replay import ReplayMeter
from qrig.measure.meters.supply import check_supply

OPEN_S = 30.0
"""How long it may take to open and configure a meter."""

_DEFAULT_V = 3.3


class PowerSession:
    """A meter in use; use it in a `with` statement."""

    def __init__(self, meter: Meter) -> None:
        """Take over `meter`, which is open and configured."""
        self.meter = meter

    def __enter__(self) -> PowerSession:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the meter; what it feeds is switched off."""
        self.meter.close()

    @property
    def is_recorded(self) -> bool:
        """Whether a recorded trace stands in the place of an instrument."""
        return isinstance(self.meter, ReplayMeter)

    def recording(self) -> Recording:
        """Return what the meter measures during a `with` statement."""
        return Recording(self.meter)

    def energies(
        self,
        recording: Recording,
        layers: Sequence[str],
        *,
        plan: Sequence[Planned] = (),
        board_s: Sequence[float] | None = None,
    ) -> MeasuredEnergy:
        """Return the energy of `layers` in `recording`; what is missing is told, not raised.

        `plan` and `board_s` as in `layer_energies`. A recorded trace has its own marks: what it
        says of its windows goes before `plan`, and `board_s` means nothing to it.
        """
        source = self.meter.source
        if isinstance(self.meter, ReplayMeter):
            plan, board_s = self.meter.windows, None
        try:
            samples = recording.samples()
        except MeterError as error:
            return MeasuredEnergy(source, {}, notices=(f"energy is missing: {error}",))
        return layer_energies(samples, layers, source=source, plan=plan, board_s=board_s)


def open_power(text: str, board: Board, *, sample_hz: float | None = None) -> PowerSession:
    """Open the meter that `text` names (see `find_meter`) for `board`.

    It is checked against the board's figures before its supply is switched on. Raises UsageError,
    FileFormatError for a recorded trace, MeterError.
    """
    meter = find_meter(text)
    check_supply(meter, board)
    limit = Deadline.after(OPEN_S)
    try:
        meter.open(limit)
        power = check_supply(meter, board)  # some tell what they can do only now
        volts = _DEFAULT_V if power is None else power.supply_v
        meter.configure(volts, sample_hz or meter.default_hz, limit)
    except BaseException:
        meter.close()
        raise
    return PowerSession(meter)
