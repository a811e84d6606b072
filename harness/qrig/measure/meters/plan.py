"""What the windows of a measurement are, one after the other."""

from __future__ import annotations

import re

from attrs import field, frozen
from attrs.validators import ge, min_len

IDLE, LOOP, NETWORK = SPECIAL = ("[idle]", "[loop]", "[network]")
"""Windows that are no layer: nothing runs; a layer that does nothing; a whole inference."""

_TEXT = re.compile(r"(\S.*?)(?:\s+x\s*([0-9]{1,9}))?")


@frozen
class Planned:
    """One window: the name of a layer or one of SPECIAL, and how often it runs in it."""

    label: str = field(validator=min_len(1))
    repetitions: int = field(default=1, validator=ge(1))

    def __str__(self) -> str:
        """Return it as a recorded trace has it: conv1 x 100."""
        return self.label if self.repetitions == 1 else f"{self.label} x {self.repetitions}"


def read_planned(text: str) -> Planned:
    """Return what `conv1 x 100`, `conv1` or `[idle]` says; raises ValueError."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected a window like 'conv1 x 100', found {text[:60]!r}")
    return Planned(found[1], 1 if found[2] is None else int(found[2]))
