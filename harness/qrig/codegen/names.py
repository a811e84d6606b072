"""Layer names as C identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterable

_OTHER = re.compile(r"[^A-Za-z0-9]+")


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return a C identifier in lower case for every name, no two the same.

    What is not a letter or digit becomes one underscore; `layer_` goes in front of a digit.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem = _OTHER.sub("_", name).strip("_").lower() or "layer"
        stem = f"layer_{stem}" if stem[0].isdigit() else stem
        candidate, number = stem, 2
        while candidate in taken:
            candidate, number = f"{stem}_{number}", number + 1
        taken.add(candidate)
        found[name] = candidate
    return found


def format_name(fraction_bits: int) -> str:
    """Return the name of an 8-bit format: Qm.n with m + n = 7."""
    return f"Q{7 - fraction_bits}.{fraction_bits}"
