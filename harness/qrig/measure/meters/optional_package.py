"""Packages that come with an extra: imported when needed, their lack told in a sentence."""

from __future__ import annotations

import importlib
from typing import Any

from qrig.errors import MeterError


def optional_package(module: str, distribution: str, extra: str) -> Any:
    """Return the module called `module`; raises MeterError that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MeterError(
            f"{distribution} is not installed: pip install 'qrig[{extra}]' ({error})"
        ) from error
