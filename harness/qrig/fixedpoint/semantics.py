"""Which of several historical results the kernels compute."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import in_


@frozen
class Semantics:
    """Where ARM's kernels differed between cores and releases, the form that is meant.

    `pooling`: "dsp", the separable form of Cortex-M4/M7, or "c", that of Cortex-M0/M3 (averages
    differ by a few counts). `softmax`: "5.9" (CMSIS 5.7 to 5.9) or "5.4" (5.4 to 5.6).
    `truncate`: drop the rounding before the output shift, as `ARM_NN_TRUNCATE` does.
    """

    pooling: str = field(default="dsp", validator=in_(("dsp", "c")))
    softmax: str = field(default="5.9", validator=in_(("5.9", "5.4")))
    truncate: bool = False


DEFAULT = Semantics()
"""What the Cortex-M4/M7 kernels of CMSIS 5.9.0 compute."""
