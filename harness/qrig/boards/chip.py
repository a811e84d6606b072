"""What board.toml says of a microcontroller that a debug probe reaches, and of its surroundings."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, in_, instance_of, matches_re, optional

FAMILIES = ("f4", "f7", "h7", "l4")
"""The families of STM32 that firmware/port/stm32 is for; each is a folder there."""

PIN = r"P[A-K](1[0-5]|[0-9])"
"""How a pin is called: PD8."""


@frozen
class Chip:
    """A microcontroller as seen from outside.

    `device_id` are the 12 bits of DEV_ID at `idcode_address` (DBGMCU_IDCODE). Three words at
    `unique_id_address` are its own number, 16 bits at `flash_size_address` its flash in KB. Flash
    is erased by sectors: pairs of size in bytes and count, in order of address. `source` says where
    the figures come from.
    """

    family: str = field(validator=in_(FAMILIES))
    device_id: int = field(validator=in_(range(1 << 12)))
    idcode_address: int = field(validator=ge(0))
    unique_id_address: int = field(validator=ge(0))
    flash_size_address: int = field(validator=ge(0))
    sectors: tuple[tuple[int, int], ...]
    source: str = field(validator=instance_of(str))

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for sectors that cannot be."""
        if not self.sectors or not all(size > 0 < count for size, count in self.sectors):
            raise ValueError(f"expected sectors, sizes and counts above zero, found {self.sectors}")

    @property
    def flash_bytes(self) -> int:
        """The size of all sectors together."""
        return sum(size * count for size, count in self.sectors)


@frozen
class Clock:
    """The oscillator outside the chip: its frequency, and whether it is a clock, not a crystal.

    Without one, or if it does not start, the chip's own feeds the PLL.
    """

    hse_hz: int = field(validator=ge(1_000_000))
    hse_bypass: bool


@frozen
class Marker:
    """A free pin that is high while a network runs, for a power meter."""

    pin: str = field(validator=matches_re(PIN))


@frozen
class ProbeTarget:
    """How pyOCD calls the chip, and the CMSIS pack it needs for that, None if it is built in."""

    target: str = field(validator=matches_re(r"[a-z0-9_]+"))
    pack: str | None = field(default=None, validator=optional(matches_re(r"[A-Za-z0-9_.-]+")))


@frozen
class RenodeMachine:
    """The description of the board for Renode, a file beside board.toml."""

    platform: str = field(validator=matches_re(r"[A-Za-z0-9_-]+\.repl"))
