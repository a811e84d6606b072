"""The mark of the long forms of tests: fuzz and kill loops that take minutes."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])

FULL = os.environ.get("QRIG_FULL") == "1"

FULL_RUN = (
    pytest.mark.full,
    pytest.mark.skipif(not FULL, reason="takes minutes: set QRIG_FULL=1 or ./rig test --full"),
)
"""For `pytest.param(..., marks=FULL_RUN)`."""


def full_run(test: Test) -> Test:
    """Mark a whole test as one of the long ones."""
    for mark in FULL_RUN:
        test = mark(test)
    return test
