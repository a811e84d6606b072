"""Renode: a board's processor and the peripherals its firmware uses, instructions counted."""

from qrig.backends.renode.backend import RenodeBackend
from qrig.backends.renode.running import RunningRenode

__all__ = ["RenodeBackend", "RunningRenode"]
