"""Where a change comes from: the function and the loop, out of the profiles of both runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import evolve

from qrig.errors import UsageError
from qrig.reports.compare_result import BETTER, INFERENCE, WORSE, LayerChange
from qrig.reports.profile_cells import MEASURES, Tables
from qrig.reports.profile_diff import CellDiff, Changes, FunctionDiff, LayerDiff, diff_profiles
from qrig.reports.profile_diff_why import layer_sentence

__all__ = ["explained", "profile_difference"]

_CORES: Final = {"cortex-m4": "m4", "cortex-m7": "m7"}
_MEASURES: Final = {column: name for name, column in MEASURES.items()}


def profile_difference(
    base: Tables | None, new: Tables | None, target: str, network: str
) -> CellDiff | None:
    """Return how the profiles of a network on a target differ; None unless both runs have one."""
    if not base or not new:
        return None
    try:
        found = diff_profiles(base, new)
    except UsageError:  # no network and target in common
        return None
    names = (target, network)
    return next((cell for cell in found.cells if (cell.target, cell.network) == names), None)


def explained(
    change: LayerChange, core: str, difference: CellDiff | None, kernels: Mapping[str, str]
) -> LayerChange:
    """Return a change for the better or worse with the function and loop that it comes from.

    `kernels` says what the newer run computes each layer with, as far as it is known.
    """
    if change.verdict not in (WORSE, BETTER) or change.layer == INFERENCE:
        return change
    change = evolve(change, kernel=kernels.get(change.layer))
    layers = difference.layers if difference is not None else ()
    layer = next((one for one in layers if one.layer == change.layer), None)
    measure = _known(change.measure, core, layer)
    if layer is None or measure is None:
        return change
    sign = 1 if change.verdict == WORSE else -1
    function = _most((one for one in layer.functions), measure, sign)
    if function is None:
        return change
    loops = [loop for loop in function.loops if sign * (loop.changes[measure].delta or 0) > 0]
    loops.sort(key=lambda loop: -sign * (loop.changes[measure].delta or 0))
    return evolve(
        change,
        function=function.function,
        loop=(loops[0].place or None) if loops else None,
        why=layer_sentence(layer, measure),
    )


def _known(measure: str, core: str, layer: LayerDiff | None) -> str | None:
    """Return the measure of profiles that explains `measure`, as far as both profiles know it.

    Cycles and energy of silicon are explained by the model of their core, else by instructions.
    """
    if layer is None:
        return None
    wanted = _MEASURES.get(measure, _CORES.get(core, "instructions"))
    known = (name for name in (wanted, "instructions") if _delta(layer.changes, name))
    return next(known, None)


def _most(functions: Iterable[FunctionDiff], measure: str, sign: int) -> FunctionDiff | None:
    """Return the function that changed the most in the direction of `sign`; None if none did."""
    changed = [one for one in functions if sign * _delta(one.changes, measure) > 0]
    return max(changed, key=lambda one: sign * _delta(one.changes, measure), default=None)


def _delta(changes: Changes, measure: str) -> float:
    return changes[measure].delta or 0.0
