"""The host reference: numpy kernels with the exact results of the firmware's."""

from qrig.reference.run import Trace, run_reference

__all__ = ["Trace", "run_reference"]
