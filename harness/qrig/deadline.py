"""A moment to be done by, on the monotonic clock: every wait takes one."""

from __future__ import annotations

import time

from attrs import frozen


@frozen
class Deadline:
    """A moment on the monotonic clock; `seconds` is the time that was given until then."""

    moment: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline `seconds` from now."""
        return cls(time.monotonic() + seconds, seconds)

    def remaining_s(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.moment - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether the moment has passed."""
        return time.monotonic() >= self.moment

    def within(self, seconds: float) -> Deadline:
        """Return the earlier of this deadline and `seconds` from now."""
        other = Deadline.after(seconds)
        return other if other.moment < self.moment else self
