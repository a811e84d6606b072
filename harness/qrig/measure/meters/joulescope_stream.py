"""One signal of a Joulescope: messages of the library, put in order by the numbers of samples.

A message is a dict: `sample_id` is the number of its first sample at the instrument's own rate
`sample_rate`, every element stands for `decimate_factor` of them, `data` are the elements: float32,
or bits, eight to a byte, the first in the lowest bit (binding of pyjoulescope-driver 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field

Ids = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
_NO_IDS: Ids = np.zeros(0, dtype=np.int64)


@define
class Stream:
    """Samples of one signal that wait to be read."""

    rate: float = 1.0
    step: int = 1
    first: int = 0
    end: int = 0
    waiting: int = 0
    problem: str = ""
    _told: int | None = None
    _ids: list[Ids] = field(factory=list)
    _values: list[Values] = field(factory=list)

    def take(self, message: Mapping[str, Any], *, is_bits: bool) -> None:
        """Keep a message; one that is not understood becomes `problem`."""
        try:
            first = int(message["sample_id"])
            self.rate, self.step = float(message["sample_rate"]), int(message["decimate_factor"])
            data = np.asarray(message["data"])
            if is_bits:
                data = np.unpackbits(data.astype(np.uint8), bitorder="little")
            values = data.astype(np.float64)
            if self.rate <= 0 or self.step <= 0 or values.ndim != 1:
                raise ValueError(f"a rate of {self.rate:g}, a step of {self.step}")
        except (KeyError, TypeError, ValueError) as error:
            self.problem = f"{type(error).__name__}: {error}"
            return
        if not len(values) or (self.end and first < self.end):
            return  # nothing, or what was there already
        if not self.end:
            self.first = first
        ids = first + self.step * np.arange(len(values), dtype=np.int64)
        self._ids.append(ids)
        self._values.append(values)
        self.end = first + self.step * len(values)
        self.waiting += len(values)

    def until(self, end: int, origin: int) -> tuple[Ids, Values, int, int]:
        """Return samples from `origin` to before `end`: numbers, values, missing, expected.

        Values that are not finite, which the instrument sends for what it lost, are missing.
        """
        ids = np.concatenate([_NO_IDS, *self._ids])
        values = np.concatenate([np.zeros(0), *self._values])
        now = ids < end
        self._ids, self._values = [ids[~now]], [values[~now]]
        self.waiting = int((~now).sum())
        begin = origin if self._told is None else self._told
        self._told = max(begin, end)
        expected = max(0, end - begin) // self.step
        good = now & (ids >= begin) & np.isfinite(values)
        return ids[good], values[good], max(0, expected - int(good.sum())), expected
