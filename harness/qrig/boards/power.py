"""What board.toml says of a board's supply, and what a clock cycle costs.

    [power]
    supply_v = 3.3
    active_ma = 102      # typical, running from its caches at clock_hz, peripherals off
    max_ma = 140         # the most the datasheet allows for at that clock
    source = "datasheet and table"
    pj_per_cycle = 574   # measured by somebody, in place of supply_v x active_ma / clock_hz
    pj_source = "who measured it, how"

`max_ma` decides whether a power meter can feed or carry the board; `active_ma` or `pj_per_cycle`
is what the energy model multiplies with.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import Attribute, field, frozen
from attrs.validators import min_len, optional

if TYPE_CHECKING:
    from qrig.boards.board import Board


def _positive(instance: object, attribute: Attribute[float], value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"'{attribute.name}' must be finite and above zero: {value}")


@frozen
class Power:
    """A board's supply: volts, and milliamperes at its clock, typical and at most.

    `pj_per_cycle` is a published energy of a cycle in picojoules, None where supply, current and
    clock must do. `source` and `pj_source` say where the figures come from. Raises ValueError for
    figures that cannot be.
    """

    supply_v: float = field(validator=_positive)
    active_ma: float = field(validator=_positive)
    max_ma: float = field(validator=_positive)
    source: str = field(validator=min_len(1))
    pj_per_cycle: float | None = field(default=None, validator=optional(_positive))
    pj_source: str | None = field(default=None, validator=optional(min_len(1)))

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for a maximum below the typical current, or a figure of no source."""
        if self.max_ma < self.active_ma:
            raise ValueError(
                f"expected max_ma of at least active_ma ({self.active_ma:g}), found {self.max_ma:g}"
            )
        if (self.pj_per_cycle is None) != (self.pj_source is None):
            raise ValueError("expected pj_per_cycle and pj_source together, found one of them")


def power_of(board: Board) -> Power | None:
    """Return the [power] table of `board`, None if it has none."""
    return board.power
