"""How a run ends: well, by an error that it keeps, or interrupted. It is finished in any case."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from qrig.errors import QrigError
from qrig.reports.publish import INTERRUPTED

_T = TypeVar("_T")


def run_to_end(work: Callable[[], None], finish: Callable[[str | None], _T]) -> _T:
    """Do `work`, then `finish` what there is of it, and return what that returns.

    `finish` is told the error, None if there was none; the error is raised behind it.
    """
    error: str | None = INTERRUPTED
    try:
        work()
        error = None
    except QrigError as failure:
        error = str(failure)
        raise
    finally:
        result = finish(error)
    return result
