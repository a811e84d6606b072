"""Twins of the instruments, at the bytes their manuals describe, for tests and for dry runs.

Serial ones sit behind a pseudo-terminal (`Terminal`), the Otii behind a socket (`OtiiServer`), the
Joulescope behind its driver's Python interface (`JoulescopeTwin`), for its USB protocol belongs to
a native library. All of them measure a `Signal` and have `Faults`; none of them keeps real time.
"""

from qrig.measure.meters.simulated.faults import Faults
from qrig.measure.meters.simulated.signal import Part, Signal
from qrig.measure.meters.simulated.terminal import SerialTwin, Terminal

__all__ = ["Faults", "Part", "SerialTwin", "Signal", "Terminal"]
