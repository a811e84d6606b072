"""Numbers of the command line: what was expected where an option got something else."""

from __future__ import annotations

import argparse
import math

_SHOWN = 60


def whole_number(text: str, low: int, high: int | None = None) -> int:
    """Read a whole number of `low` or more, to `high`; raises ArgumentTypeError."""
    try:
        value = int(text)
    except ValueError:  # no number, or one of more digits than Python reads
        value = None
    if value is None or value < low or (high is not None and value > high):
        allowed = f"of {low:,} or more" if high is None else f"from {low:,} to {high:,}"
        raise _refused(f"a whole number {allowed}", text)
    return value


def number(text: str, low: float, high: float, unit: str = "") -> float:
    """Read a number from `low` to `high`, of `unit`; raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise _refused(f"a number from {low:,g} to {high:,g}{unit and ' '}{unit}", text)
    return value


def _refused(expected: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {expected}, found {text[:_SHOWN]!r}")
