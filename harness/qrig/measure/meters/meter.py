"""What a power meter can do, and what it hands over: currents, voltages, marks, losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.deadline import Deadline

Array = npt.NDArray[np.float64]
"""Numbers of samples, one per sample."""

MAX_DROPPED = 0.001
"""The fraction of samples that may be missing before energy is invalid; that of EEMBC's runner."""


@frozen
class SupplyLimits:
    """What a meter can feed or carry: volts, and the mean current in amperes it can do for ever.

    `peak_a` is what it stands for moments. `feeds` says whether the meter is the supply itself, or
    only stands in its way. `source` says where the figures come from.
    """

    min_v: float
    max_v: float
    max_a: float
    peak_a: float
    feeds: bool
    source: str


@frozen
class Mark:
    """An edge of the marker pin on the meter's clock.

    `level` is the pin's level behind the edge, None for a pulse of a meter that sees one kind of
    edge alone. `number` counts edges without a gap where the meter numbers them.
    """

    time_s: float
    level: bool | None
    number: int | None = None


@frozen(eq=False)
class Samples:
    """Samples in order of time: seconds on the meter's clock, amperes, volts.

    `dropped` of `expected` samples never arrived, or arrived damaged; there is nothing in their
    place. The arrays have one length.
    """

    time_s: Array = field(repr=False)
    current_a: Array = field(repr=False)
    voltage_v: Array = field(repr=False)
    marks: tuple[Mark, ...] = ()
    dropped: int = 0
    expected: int = 0

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for arrays of several lengths."""
        if not len(self.time_s) == len(self.current_a) == len(self.voltage_v):
            raise ValueError(
                f"expected arrays of one length, found {len(self.time_s)}, {len(self.current_a)} "
                f"and {len(self.voltage_v)}"
            )

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.time_s)

    @property
    def dropped_fraction(self) -> float:
        """The fraction of samples that are missing; 0 if none were expected."""
        return self.dropped / self.expected if self.expected else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether so few samples are missing that energy is valid."""
        return self.dropped_fraction <= MAX_DROPPED


class Meter(Protocol):
    """A power meter: opened, configured, started, read, stopped, closed, in this order.

    All methods but `close` raise MeterError.
    """

    @property
    def name(self) -> str:
        """Its kind, as --power takes it."""

    @property
    def source(self) -> str:
        """What `energy_source` says: the kind and the serial number, once it is open."""

    @property
    def limits(self) -> SupplyLimits | None:
        """What it can do, once it is open; None where nothing is connected to a board."""

    @property
    def default_hz(self) -> float:
        """A good rate."""

    @property
    def has_pulses(self) -> bool:
        """Whether it reports one kind of edge alone.

        The marker must then give a pulse at either end of a window.
        """

    def open(self, deadline: Deadline) -> None:
        """Connect, check that the instrument is there and of a version that is known."""

    def configure(self, voltage_v: float, sample_hz: float, deadline: Deadline) -> None:
        """Set the supply (which a meter that feeds also switches on) and the rate.

        The rate becomes the largest the instrument has up to `sample_hz`.
        """

    def start(self, deadline: Deadline) -> None:
        """Begin to measure; the meter's clock starts at zero."""

    def read(self, deadline: Deadline) -> Samples:
        """Return what came since the last time, waiting for the first; empty at the deadline."""

    def stop(self, deadline: Deadline) -> None:
        """Stop measuring; what has not been read yet still can be."""

    def close(self) -> None:
        """Let go of the instrument, supply switched off if it feeds; harmless the second time."""


def no_samples() -> Samples:
    """Return no samples at all."""
    nothing = np.zeros(0)
    return Samples(nothing, nothing, nothing)


def at_voltage(
    time_s: Array,
    current_a: Array,
    voltage_v: float,
    marks: tuple[Mark, ...] = (),
    *,
    dropped: int = 0,
    expected: int = 0,
) -> Samples:
    """Return samples of a meter that knows its voltage without measuring it."""
    voltage = np.broadcast_to(np.float64(voltage_v), current_a.shape)
    return Samples(time_s, current_a, voltage, marks, dropped, expected)


def joined(parts: Sequence[Samples]) -> Samples:
    """Return parts that follow each other as one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_samples()
    return Samples(
        np.concatenate([part.time_s for part in parts]),
        np.concatenate([part.current_a for part in parts]),
        np.concatenate([part.voltage_v for part in parts]),
        tuple(mark for part in parts for mark in part.marks),
        sum(part.dropped for part in parts),
        sum(part.expected for part in parts),
    )
