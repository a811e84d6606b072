"""What is compared: measurements of one layer in the order they were made, and their inputs.

Values are positive (cycles, energy); the statistics work on their logarithms, so that a change is
a ratio whatever the size of the layer.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from qrig.errors import UsageError

FloatArray = npt.NDArray[np.float64]

MOST_VALUES: Final = 1000
"""A longer series is thinned evenly to this many values."""


def _floats(values: npt.ArrayLike) -> FloatArray:
    return np.asarray(values, np.float64)


def _names(inputs: Iterable[Hashable]) -> tuple[Hashable, ...]:
    return tuple(inputs)


@frozen(eq=False)
class Series:
    """One run's measurements of a layer: `values` above 0, and which input each was made with.

    `inputs` is empty where all were made with the same one or it does not matter.
    """

    values: FloatArray = field(converter=_floats)
    inputs: tuple[Hashable, ...] = field(default=(), converter=_names)

    def __attrs_post_init__(self) -> None:
        """Raise UsageError for values that are no measurements."""
        if self.values.ndim != 1 or not bool(np.all(np.isfinite(self.values) & (self.values > 0))):
            raise UsageError(
                "expected measurements as a row of numbers above 0, found others; leave out what "
                "was not measured"
            )
        if self.inputs and len(self.inputs) != len(self.values):
            raise UsageError(
                f"expected one input for each of {len(self.values)} measurements, found "
                f"{len(self.inputs)}; name all or none"
            )

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.values)

    def logarithms(self) -> FloatArray:
        """Return the natural logarithms of the values."""
        return np.log(self.values)

    def only(self, inputs: frozenset[Hashable]) -> Series:
        """Return the measurements made with `inputs`."""
        kept = [place for place, name in enumerate(self.inputs) if name in inputs]
        return Series(self.values[kept], tuple(self.inputs[place] for place in kept))

    def thinned(self) -> Series:
        """Return at most MOST_VALUES of the measurements, evenly spread over the series."""
        if len(self) <= MOST_VALUES:
            return self
        kept = np.linspace(0, len(self) - 1, MOST_VALUES).round().astype(np.intp)
        return Series(self.values[kept], tuple(self.inputs[place] for place in kept if self.inputs))


def shared_inputs(runs: Sequence[Series]) -> frozenset[Hashable]:
    """Return the inputs that all runs were measured with; none if some run does not name its."""
    if not all(run.inputs for run in runs):
        return frozenset()
    return frozenset.intersection(*(frozenset(run.inputs) for run in runs))


def joined(runs: Sequence[Series]) -> Series:
    """Return the measurements of several runs as one series, with inputs if all name theirs."""
    if len(runs) == 1:
        return runs[0]
    named = all(run.inputs for run in runs)
    inputs = [name for run in runs for name in run.inputs] if named else []
    return Series(np.concatenate([run.values for run in runs]), inputs)
