"""Boards behind debug probes, real or virtual: everything that pyOCD is used for."""

from qrig.backends.probe.backend import ProbeBackend
from qrig.backends.probe.hooks import Hooks
from qrig.backends.probe.running import RunningBoard

__all__ = ["Hooks", "ProbeBackend", "RunningBoard"]
