"""How long a battery lasts with one inference per period: the arithmetic, step by step.

A battery holds capacity times voltage. In a period it gives the energy of one inference and of
whatever else happens once (a camera), both through a converter, and stands by for the rest.
"""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

from qrig.errors import UsageError

DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S
"""Seconds of a day and of a mean year."""

_J_PER_MAH_V = 3.6


@frozen
class Inference:
    """One inference: microjoules, microseconds, and where both come from."""

    energy_uj: float = field(validator=ge(0))
    latency_us: float = field(validator=ge(0))
    source: str


@frozen
class BatteryUse:
    """A battery and what it is for.

    `standby_ua` is drawn from the battery itself, `extra_uj` is what else a period takes.
    `efficiency` is that of the converter between battery and board.
    """

    capacity_mah: float = field(validator=gt(0))
    voltage_v: float = field(validator=gt(0))
    period_s: float = field(validator=gt(0))
    standby_ua: float = field(validator=ge(0))
    extra_uj: float = field(default=0.0, validator=ge(0))
    efficiency: float = field(default=1.0, validator=and_(gt(0), le(1)))


@frozen
class BatteryLife:
    """The steps to how long it lasts; `lasts_s` is None if nothing is drawn."""

    use: BatteryUse
    inference: Inference
    battery_j: float
    inference_uj: float
    extra_uj: float
    standby_s: float
    standby_uj: float

    @property
    def period_uj(self) -> float:
        """What a period takes out of the battery."""
        return self.inference_uj + self.extra_uj + self.standby_uj

    @property
    def mean_uw(self) -> float:
        """The mean power."""
        return self.period_uj / self.use.period_s

    @property
    def mean_ua(self) -> float:
        """The mean current out of the battery."""
        return self.mean_uw / self.use.voltage_v

    @property
    def lasts_s(self) -> float | None:
        """How long the battery lasts."""
        return self.battery_j / (self.mean_uw * 1e-6) if self.mean_uw else None

    @property
    def year_mah(self) -> float:
        """The capacity that a year takes."""
        return self.mean_ua * 1e-3 * YEAR_S / 3600


def battery_life(use: BatteryUse, inference: Inference) -> BatteryLife:
    """Return how long a battery lasts; raises UsageError if inferences do not fit their period."""
    busy_s = inference.latency_us * 1e-6
    if busy_s > use.period_s:
        raise UsageError(
            f"expected a period of at least one inference ({busy_s:g} s), found {use.period_s:g} s;"
            " give a longer --period-s"
        )
    standby_s = use.period_s - busy_s
    return BatteryLife(
        use,
        inference,
        battery_j=use.capacity_mah * use.voltage_v * _J_PER_MAH_V,
        inference_uj=inference.energy_uj / use.efficiency,
        extra_uj=use.extra_uj / use.efficiency,
        standby_s=standby_s,
        standby_uj=use.standby_ua * use.voltage_v * standby_s,
    )
