"""How a `.network` file is meant: as it should be, or as OpenMV's firmware took it."""

from __future__ import annotations

from qrig.errors import UsageError
from qrig.fixedpoint.semantics import DEFAULT, OPENMV, Semantics

CORRECT = "correct"
"""The arithmetic of every other network here."""

HISTORICAL = "openmv"
"""What OpenMV's firmware of 2018 to 2020 computed, its mistakes included."""

DIALECTS = {CORRECT: DEFAULT, HISTORICAL: OPENMV}
"""What the kernels compute, by the dialect's name."""


def semantics_of(dialect: str) -> Semantics:
    """Return what the kernels compute in `dialect`; raises UsageError for one there is not."""
    try:
        return DIALECTS[dialect]
    except KeyError:
        raise UsageError(
            f"expected a dialect ({' or '.join(DIALECTS)}), found {dialect!r}; choose one"
        ) from None
