"""Which kernel computes each convolution of a deployment."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen
from attrs.validators import ge, in_

LIBRARY, SLIDING, COLUMNS = KERNELS = ("library", "sliding", "columns")
"""The legacy function; row kernels on transformed planes; columns of three pixels."""

_WORDS = re.compile(
    r"(?P<kernel>library|columns|sliding (?P<outputs>\d{1,5}))"
    r"(, (?P<passes>\d{1,5}) passes)?(?P<staged>, staged)?"
)


@frozen
class Choice:
    """How a convolution is computed.

    `outputs` is the number of outputs of a "sliding" filter's tile, `passes` into how many parts
    its tiles are divided, `staged` whether weights are copied to RAM before their use: those of a
    channel at a time, of "columns" all.
    """

    kernel: str = field(default=LIBRARY, validator=in_(KERNELS))
    outputs: int = field(default=0, validator=ge(0))
    passes: int = field(default=1, validator=ge(1))
    staged: bool = False

    def __str__(self) -> str:
        """Return the choice as a few words."""
        text = f"sliding {self.outputs}" if self.kernel == SLIDING else self.kernel
        text += f", {self.passes} passes" if self.passes > 1 else ""
        return text + (", staged" if self.staged else "")

    @classmethod
    def parse(cls, text: str) -> Choice | None:
        """Return the choice whose words are `text`, None if no choice has them."""
        found = _WORDS.fullmatch(text)
        if found is None:
            return None
        kernel = found["kernel"].partition(" ")[0]
        outputs, passes = int(found["outputs"] or 0), int(found["passes"] or 1)
        if (kernel == SLIDING) != (outputs > 0) or passes < 1:
            return None
        return cls(kernel, outputs, passes, staged=found["staged"] is not None)


Choices = Mapping[str, Choice]
"""The choice of every convolution, by layer name; what is missing is LIBRARY."""
