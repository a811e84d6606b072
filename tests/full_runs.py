"""The mark of the long forms of tests: fuzz and kill loops that take minutes."""

import os

import pytest

FULL = os.environ.get("QRIG_FULL") == "1"

FULL_RUN = (
    pytest.mark.full,
    pytest.mark.skipif(not FULL, reason="takes minutes: set QRIG_FULL=1 or ./rig test --full"),
)
"""For `pytest.param(..., marks=FULL_RUN)`."""
