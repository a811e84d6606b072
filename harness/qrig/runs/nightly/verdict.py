"""What is said of a cell of a night, and what `qrig nightly` ends with for it."""

from __future__ import annotations

from collections.abc import Iterable

EXACT, DIFFERS, FAILED = "bit-exact", "differs", "failed"
"""How a cell can end; `failed` is everything but a whole run."""

WORSE, NOT_RUN, NO_BASELINE = "worse", "not run", "no comparable baseline"
SAME, BETTER = "same", "better"

EXIT_CODES = {
    DIFFERS: 1,
    WORSE: 1,
    FAILED: 3,
    NOT_RUN: 130,
    NO_BASELINE: 4,
    SAME: 0,
    BETTER: 0,
}
"""Exit codes by verdict, the worst verdict first."""

BAD = (DIFFERS, WORSE, FAILED, NOT_RUN)
"""What no cell of a good night has. The first night of all has nothing to be compared with."""


def worst(verdicts: Iterable[str]) -> str:
    """Return the worst of `verdicts`, `same` if there are none."""
    found = set(verdicts)
    return next((verdict for verdict in EXIT_CODES if verdict in found), SAME)
