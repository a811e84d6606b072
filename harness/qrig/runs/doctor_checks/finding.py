"""What a check of this machine found."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import field, frozen
from attrs.validators import in_

GOOD, WARNING, MISSING = VERDICTS = ("good", "warning", "missing")
"""It is there; it is there but may fail; it is not there."""

AREAS = ("Main job", "Emulators", "Packages", "Probes and ports", "Boards", "Storage")
"""The parts of the doctor's report, in order."""


@frozen
class Finding:
    """One line of the doctor's report.

    `found` is what there is, with its version. `needed` says that `qrig bench` on QEMU cannot do
    without it. `notes` explain what is not good, `fix` are commands to type or things to do.
    """

    area: str = field(validator=in_(AREAS))
    name: str
    verdict: str = field(validator=in_(VERDICTS))
    found: str
    needed: bool = False
    notes: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()

    @property
    def forbids(self) -> bool:
        """Whether the main job cannot be done because of it."""
        return self.needed and self.verdict == MISSING

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return attrs.asdict(self)
