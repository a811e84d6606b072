"""qrig: a hardware-in-the-loop harness for fixed-point networks on Cortex-M4/M7.

`qrig.load(network, target=...)` returns a network that answers to images; see `qrig.runs.net.load`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Return `load` when it is asked for: what it needs takes a while to import."""
    if name == "load":
        return import_module("qrig.runs.net").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
