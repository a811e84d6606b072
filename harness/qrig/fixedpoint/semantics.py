"""Which of several historical results the kernels compute."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import in_

from qrig.errors import UnsupportedNetworkError

POOLINGS = ("dsp", "c")
"""The forms of pooling that kernels are compiled for."""

OPENMV_POOLING = "openmv"
"""The form that the run-time loader and the reference alone compute."""

SOFTMAXES = ("5.9", "5.4")
"""The forms of softmax."""


@frozen
class Semantics:
    """Where ARM's kernels differed between cores and releases, the form that is meant.

    `pooling`: "dsp", the separable form of Cortex-M4/M7, "c", that of Cortex-M0/M3 (averages
    differ by a few counts), or "openmv", what OpenMV's firmware had: the C form for maps that are
    not square; for square ones the separable form, whose maximum leaves out the last bytes of rows
    that are no multiple of four; and a ReLU that counts values in 16 bits. `softmax`: "5.9" (CMSIS
    5.7 to 5.9) or "5.4" (5.4 to 5.6). `truncate`: drop the rounding before the output shift, as
    `ARM_NN_TRUNCATE` does.
    """

    pooling: str = field(default="dsp", validator=in_((*POOLINGS, OPENMV_POOLING)))
    softmax: str = field(default="5.9", validator=in_(SOFTMAXES))
    truncate: bool = False

    @property
    def is_openmv(self) -> bool:
        """Whether pooling and ReLU are those of OpenMV's firmware."""
        return self.pooling == OPENMV_POOLING

    @property
    def definitions(self) -> tuple[str, ...]:
        """The C definitions that make the kernels compute it; arm_nnfunctions.h explains them.

        Raises UnsupportedNetworkError as `check_compiled` does.
        """
        check_compiled(self)
        chosen = {
            "QRIG_POOLING_C": self.pooling == "c",
            "QRIG_SOFTMAX_5_4": self.softmax == "5.4",
            "ARM_NN_TRUNCATE": self.truncate,
        }
        return tuple(name for name, wanted in chosen.items() if wanted)


def check_compiled(semantics: Semantics) -> None:
    """Raise UnsupportedNetworkError for semantics that no compiled kernels have."""
    if semantics.is_openmv:
        raise UnsupportedNetworkError(
            f"expected semantics that generated C can have (pooling {' or '.join(POOLINGS)}), "
            f"found {semantics.pooling}, OpenMV's mistakes included, which the run-time loader "
            "alone computes; run it with --deployment network, or leave out --dialect openmv"
        )


DEFAULT = Semantics()
"""What the Cortex-M4/M7 kernels of CMSIS 5.9.0 compute."""

OPENMV = Semantics(pooling=OPENMV_POOLING, softmax="5.4")
"""What OpenMV's firmware computed from 2018 to 2020."""
