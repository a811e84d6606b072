"""Measuring all layers again and again until each energy is known well enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from qrig.deadline import Deadline
from qrig.measure.energy.layers import LayerEnergy, MeasuredEnergy
from qrig.measure.energy.repetition import (
    GOOD_RSE,
    LEAST_WINDOWS,
    estimate,
    repetitions_for,
)
from qrig.measure.meters.plan import IDLE, LOOP, Planned


def pass_plan(layer_s: Mapping[str, float], loop_s: float, sample_hz: float) -> tuple[Planned, ...]:
    """Return the windows of one pass: idle, an empty layer, then each layer, often enough.

    `layer_s` are the seconds of one execution of each layer, `loop_s` those of an empty one. The
    window in which nothing runs should be as long as the others: WINDOW_S.
    """
    return (
        Planned(IDLE),
        Planned(LOOP, repetitions_for(loop_s, sample_hz)),
        *(
            Planned(layer, repetitions_for(seconds, sample_hz))
            for layer, seconds in layer_s.items()
        ),
    )


def repeat_passes(
    measure: Callable[[], MeasuredEnergy],
    deadline: Deadline,
    *,
    good_rse: float = GOOD_RSE,
    least: int = LEAST_WINDOWS,
) -> MeasuredEnergy:
    """Call `measure` until every layer's relative standard error is below `good_rse`.

    It ends when time is up, or when two passes in a row give no energy at all. Each pass takes its
    own baselines off, so that their errors are among those of the passes.
    """
    passes = [measure()]
    while not deadline.expired and not _is_hopeless(passes):
        together = combined(passes)
        rses = [layer.rse for layer in together.layers.values()]
        if len(passes) >= least and all(rse is not None and rse < good_rse for rse in rses):
            break
        passes.append(measure())
    return combined(passes)


def combined(passes: Sequence[MeasuredEnergy]) -> MeasuredEnergy:
    """Return the means of several passes, with the errors that their scatter shows.

    Raises ValueError for none.
    """
    if not passes:
        raise ValueError("expected at least one pass, found none")
    if len(passes) == 1:
        return passes[0]
    names = dict.fromkeys(name for each in passes for name in each.layers)
    networks = [each.network for each in passes if each.network is not None]
    return attrs.evolve(
        passes[-1],
        layers={
            name: _mean([each.layers[name] for each in passes if name in each.layers])
            for name in names
        },
        network=_mean(networks) if networks else None,
        marked_uj=sum(each.marked_uj for each in passes),
        passes_uj={
            name: tuple(each.layers[name].energy_uj for each in passes if name in each.layers)
            for name in names
        },
        notices=tuple(dict.fromkeys(notice for each in passes for notice in each.notices)),
    )


def _mean(found: Sequence[LayerEnergy]) -> LayerEnergy:
    if len(found) == 1:
        return found[0]
    energy = estimate([each.energy_uj for each in found])
    current = estimate([each.current_ua for each in found])
    windows = sum(each.windows for each in found)
    return LayerEnergy(energy.mean, current.mean, energy.rse, windows)


def _is_hopeless(passes: Sequence[MeasuredEnergy]) -> bool:
    return len(passes) > 1 and not any(each.layers or each.network for each in passes[-2:])
