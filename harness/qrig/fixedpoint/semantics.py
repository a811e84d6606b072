"""Which of several historical results the kernels compute."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import in_

POOLINGS = ("dsp", "c")
"""The forms of pooling."""

SOFTMAXES = ("5.9", "5.4")
"""The forms of softmax."""


@frozen
class Semantics:
    """Where ARM's kernels differed between cores and releases, the form that is meant.

    `pooling`: "dsp", the separable form of Cortex-M4/M7, or "c", that of Cortex-M0/M3 (averages
    differ by a few counts). `softmax`: "5.9" (CMSIS 5.7 to 5.9) or "5.4" (5.4 to 5.6).
    `truncate`: drop the rounding before the output shift, as `ARM_NN_TRUNCATE` does.
    """

    pooling: str = field(default="dsp", validator=in_(POOLINGS))
    softmax: str = field(default="5.9", validator=in_(SOFTMAXES))
    truncate: bool = False

    @property
    def definitions(self) -> tuple[str, ...]:
        """The C definitions that make the kernels compute it; arm_nnfunctions.h explains them."""
        chosen = {
            "QRIG_POOLING_C": self.pooling == "c",
            "QRIG_SOFTMAX_5_4": self.softmax == "5.4",
            "ARM_NN_TRUNCATE": self.truncate,
        }
        return tuple(name for name, wanted in chosen.items() if wanted)


DEFAULT = Semantics()
"""What the Cortex-M4/M7 kernels of CMSIS 5.9.0 compute."""
