"""Timing models by core. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable

from qrig.boards.board import Board
from qrig.errors import UsageError
from qrig.measure.timing.m4 import CortexM4
from qrig.measure.timing.m7 import CortexM7
from qrig.measure.timing.steps import Model

_MODELS: dict[str, Callable[[Board], Model]] = {
    "cortex-m4": CortexM4,
    "cortex-m7": CortexM7,
}


def model_cores() -> tuple[str, ...]:
    """Return the cores that have a timing model."""
    return tuple(_MODELS)


def find_model(core: str) -> Callable[[Board], Model]:
    """Return what makes the model of `core` for a board; raises UsageError with those there are."""
    try:
        return _MODELS[core]
    except KeyError:
        raise UsageError(
            f"expected a core with a timing model ({', '.join(_MODELS)}), found {core!r}; choose "
            "one, or a board with such a core"
        ) from None
