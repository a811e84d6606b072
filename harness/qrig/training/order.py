"""In which order the records of a data set pass: wrapping around, or shuffled anew every time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from attrs import define, field

from qrig.training.randomness import stream

Indices = npt.NDArray[np.int64]


@define(eq=False)
class Order:
    """The records of batch 0, 1, 2, ... of `batch_size` out of `count` records.

    They follow each other and begin anew behind the last one, as Caffe reads a database; the first
    batch begins at record `skip`. With `shuffle` every pass over the records has an order of its
    own, drawn from `seed`.
    """

    count: int
    batch_size: int
    seed: int
    shuffle: bool = False
    skip: int = 0
    _passes: dict[int, Indices] = field(factory=dict, repr=False)

    def indices(self, number: int) -> Indices:
        """Return the records of batch `number`, int64 (batch_size,)."""
        places = np.arange(self.batch_size, dtype=np.int64) + (number * self.batch_size + self.skip)
        if not self.shuffle:
            return places % self.count
        passes, within = np.divmod(places, self.count)
        orders = [self._pass(int(which)) for which in np.unique(passes)]
        first = int(passes[0])
        return np.stack(orders)[passes - first, within] if len(orders) > 1 else orders[0][within]

    def _pass(self, which: int) -> Indices:
        if which not in self._passes:
            for old in [number for number in self._passes if abs(number - which) > 1]:
                del self._passes[old]
            self._passes[which] = stream(self.seed, "order", which).permutation(self.count)
        return self._passes[which]
