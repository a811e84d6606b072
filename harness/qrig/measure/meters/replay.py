"""A recorded trace in the place of a meter: what it measured comes out again."""

from __future__ import annotations

from pathlib import Path

from qrig.deadline import Deadline
from qrig.measure.meters.meter import Samples, no_samples
from qrig.measure.meters.plan import Planned
from qrig.measure.meters.trace_file import Trace, read_trace

PREFIX = "replay:"
"""How `energy_source` of a recorded trace begins; such energies are never compared."""


class ReplayMeter:
    """A file of `trace_file`; `windows` is what it says of its windows."""

    name = "replay"
    limits = None  # nothing is connected to anything
    has_pulses = False
    default_hz = 0.0

    def __init__(self, path: str) -> None:
        """Prepare to read `path`."""
        self.source = f"{PREFIX}{path}"
        self.windows: tuple[Planned, ...] = ()
        self._path = Path(path)
        self._trace: Trace | None = None
        self._is_read = True

    def open(self, deadline: Deadline) -> None:
        """Read the file; raises FileFormatError."""
        self._trace = read_trace(self._path)
        self.windows = self._trace.windows
        self.source = f"{PREFIX}{self._trace.sha256}"

    def configure(self, voltage_v: float, sample_hz: float, deadline: Deadline) -> None:
        """Do nothing: what is recorded has its voltage and rate."""

    def start(self, deadline: Deadline) -> None:
        """Begin at the beginning."""
        self._is_read = False

    def read(self, deadline: Deadline) -> Samples:
        """Return the whole trace the first time, nothing afterwards."""
        if self._trace is None or self._is_read:
            return no_samples()
        self._is_read = True
        return self._trace.samples

    def stop(self, deadline: Deadline) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Let go of the trace."""
        self._trace = None
