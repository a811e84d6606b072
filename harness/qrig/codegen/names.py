"""Layer names as C identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NOT_SHOWN = re.compile(r"[^A-Za-z0-9 ._+-]")
_OTHER = re.compile(r"[^A-Za-z0-9]+")
_RESERVED = frozenset({"arm", "at", "columns", "lanes", "network", "plane", "qrig"})
_ENDING = re.compile(
    r"_(bias|columns|finish\d+|gather|layer|mean|pixels|plane|signed|start|transform|weights)$"
)


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return a C identifier in lower case for every name, no two the same.

    What is not a letter or digit becomes one underscore; `layer_` goes in front of a digit.
    """
    texts = list(names)
    return dict(zip(texts, unique_identifiers(texts), strict=True))


def stage_identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return identifiers that are no others' with an ending of the generated sources behind them.

    A stage `conv1` has `conv1_weights`: no stage of that name keeps it. Nor does a stage keep a
    first word that names of the kernels and of buffers begin with.
    """
    texts = list(names)
    return dict(zip(texts, unique_identifiers(texts, is_stage=True), strict=True))


def unique_identifiers(names: Iterable[str], *, is_stage: bool = False) -> list[str]:
    """Return an identifier for every name, also for equal ones."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem = _OTHER.sub("_", name).strip("_").lower() or "layer"
        if stem[0].isdigit() or (is_stage and stem.partition("_")[0] in _RESERVED):
            stem = f"layer_{stem}"
        candidate, number = stem, 2
        while candidate in taken or (is_stage and _ENDING.search(candidate)):
            candidate, number = f"{stem}_{number}", number + 1
        taken.add(candidate)
        found.append(candidate)
    return found


def comment_text(name: str) -> str:
    """Return a name as it may stand in a comment of the sources, whatever C makes of it."""
    return _NOT_SHOWN.sub("_", name)


def format_name(fraction_bits: int) -> str:
    """Return the name of an 8-bit format: Qm.n with m + n = 7."""
    return f"Q{7 - fraction_bits}.{fraction_bits}"
