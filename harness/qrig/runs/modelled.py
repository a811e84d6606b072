"""The boards whose silicon the timing models stand for, and the caches to count fills of."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from qrig.boards import Board, find_board
from qrig.errors import UsageError
from qrig.measure.rows import LayerResult
from qrig.profiles import Cache
from qrig.runs.targets import Target

SUFFIXES = {"cortex-m4": "m4", "cortex-m7": "m7"}
"""How the columns of each core's timing model end."""

DEFAULTS = {"m4": "stm32f4-discovery", "m7": "nucleo-f746"}
"""The boards that are modelled unless the user or the target says otherwise."""


def modelled_boards(target: Target, names: tuple[str, ...] = ()) -> dict[str, Board]:
    """Return the board to model for each core, by the suffix of its columns.

    First those called `names`, then the target's own board if it is a chip one can buy (it has no
    emulated machine of its own), then the defaults. Raises UsageError for a board without a timing
    model, or two of one core.
    """
    chosen = chosen_boards(names)
    own = target.board
    if own.silicon is not None and own.qemu is None:
        chosen.setdefault(SUFFIXES.get(own.core, ""), own)
    for suffix, name in DEFAULTS.items():
        if suffix not in chosen:
            chosen[suffix] = find_board(name)
    return {suffix: chosen[suffix] for suffix in sorted(DEFAULTS)}


def chosen_boards(names: tuple[str, ...]) -> dict[str, Board]:
    """Return the boards called `names` by the suffix of their core; raises as `modelled_boards`."""
    chosen: dict[str, Board] = {}
    for name in names:
        board = find_board(name)
        suffix = SUFFIXES.get(board.core)
        if suffix is None or board.silicon is None or board.memory is None:
            raise UsageError(
                f"{name}: expected a board with a timing model (core {' or '.join(SUFFIXES)}, "
                f"tables [memory] and [silicon]), found core {board.core}; choose another for --on"
            )
        if suffix in chosen:
            raise UsageError(
                f"expected one board per core for --on, found {chosen[suffix].name} and {name}, "
                f"both {board.core}; leave one out"
            )
        chosen[suffix] = board
    return chosen


def modelled_caches(boards: Mapping[str, Board]) -> tuple[Cache, ...]:
    """Return the caches of `boards`, named <board>/data and <board>/instruction."""
    return tuple(cache for board in boards.values() for cache in _caches(board))


def _caches(board: Board) -> list[Cache]:
    if board.silicon is None or board.memory is None:
        return []
    memories = {"code": board.memory.code, "data": board.memory.data}
    cached = tuple(name for name, memory in memories.items() if memory.cached)
    kinds = {"data": board.silicon.data_cache, "instruction": board.silicon.instruction_cache}
    return [
        Cache(f"{board.name}/{kind}", kind, size.size_bytes, size.line_bytes, size.ways, cached)
        for kind, size in kinds.items()
        if size is not None and cached
    ]


def model_text(board: Board) -> str:
    """Say what a model stands for: core, board, clock and the wait states of its code."""
    waits = board.memory.code.wait_states if board.memory is not None else 0
    return (
        f"{board.core} on {board.name} at {board.clock_hz / 1e6:g} MHz, "
        f"{waits} wait state{'s'[: waits != 1]}"
    )


def model_texts(boards: Mapping[str, Board]) -> dict[str, str]:
    """Return what each model stands for, by the suffix of its columns."""
    return {suffix: model_text(board) for suffix, board in boards.items()}


def model_stamp(boards: Mapping[str, Board]) -> dict[str, str]:
    """Return what the model columns depend on beside the firmware."""
    return {f"model_{suffix}": text for suffix, text in model_texts(boards).items()}


def with_models(
    layers: tuple[LayerResult, ...], profiled: tuple[LayerResult, ...]
) -> tuple[LayerResult, ...]:
    """Return `layers` with the models' columns of the same layers, if there are any."""
    if not profiled:
        return layers
    return tuple(
        attrs.evolve(layer, model=known.model)
        for layer, known in zip(layers, profiled, strict=True)
    )
