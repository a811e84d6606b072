"""Energy per layer out of a measurement: windows given to layers, baselines taken off, doubts told.

A window in which a layer runs N times takes N times its energy, N times what it costs to run a
layer that does nothing (`[loop]`), and all the while what the board draws when nothing runs
(`[idle]`). Baselines are taken off if there are windows of them; otherwise energies are whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
from attrs import field, frozen

from qrig.measure.energy.drift import Drift, clock_drift
from qrig.measure.energy.integrate import WindowEnergy, sampling_period_s, window_energy
from qrig.measure.energy.repetition import Estimate, estimate
from qrig.measure.energy.windows import Window, find_windows
from qrig.measure.meters.meter import MAX_DROPPED, Samples
from qrig.measure.meters.plan import IDLE, LOOP, NETWORK, SPECIAL, Planned

_SHOWN = 5


@frozen
class LayerEnergy:
    """One execution of a layer: microjoules, mean microamperes over its windows, how sure that is.

    `rse` is the relative standard error, None of a single window.
    """

    energy_uj: float
    current_ua: float
    rse: float | None
    windows: int


@frozen
class MeasuredEnergy:
    """What a measurement came to.

    `layers` are those that have an energy, `network` a whole inference if it was measured as such.
    `idle_w` and `loop_uj` are the baselines that were taken off, None if there were none.
    `marked_uj` is all the energy between edges, baselines included. `notices` say what is missing
    and why. `labels` are what the windows of one pass were taken for, `passes_uj` the energies of a
    layer in each of several passes.
    """

    source: str
    layers: Mapping[str, LayerEnergy]
    network: LayerEnergy | None = None
    idle_w: float | None = None
    loop_uj: float | None = None
    marked_uj: float = 0.0
    drift: Drift | None = None
    notices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    passes_uj: Mapping[str, tuple[float, ...]] = field(factory=dict)


@frozen
class _Run:
    """One good window: joules, mean amperes, seconds, and how often its layer ran."""

    energy_j: float
    current_a: float
    duration_s: float
    repetitions: int


@frozen
class _Baselines:
    """What is taken off: watts while a window lasts, joules per repetition; errors of both."""

    idle_w: Estimate | None
    loop_j: Estimate | None


def layer_energies(
    samples: Samples,
    layers: Sequence[str],
    *,
    source: str,
    plan: Sequence[Planned] = (),
    board_s: Sequence[float] | None = None,
) -> MeasuredEnergy:
    """Return the energy of `layers` (those that run by themselves) out of `samples`.

    `plan` says what the windows are, again and again until they end; without one they are the
    layers in turn, or one whole inference each if their number does not fit. `board_s` are the
    lengths of all windows on the board's clock, if it told them. What is in doubt is left out, with
    a notice.
    """
    if not samples.is_complete:
        return _nothing(
            source,
            f"{samples.dropped:,} of {samples.expected:,} samples were lost "
            f"({samples.dropped_fraction:.2%}), {MAX_DROPPED:.1%} may be",
        )
    windows = find_windows(samples.marks, expected=None if board_s is None else len(board_s))
    if not windows:
        return _nothing(source, "no window is marked; check the marker's wire")
    planned = tuple(plan) or _guessed(len(windows), layers)
    if len(windows) % len(planned):
        return _nothing(
            source,
            f"{len(windows)} windows are marked, and {len(planned)} (or a multiple) were expected",
        )
    drift = None
    if board_s is not None and len(board_s) == len(windows):
        drift = clock_drift(windows, board_s, sampling_period_s(samples))
    runs, doubts = _runs(samples, windows, planned)
    doubts += [] if plan else _misfit(planned, len(windows), layers)
    measured = _measured(source, layers, runs, drift, doubts)
    return attrs.evolve(measured, labels=tuple(each.label for each in planned))


def _nothing(source: str, reason: str) -> MeasuredEnergy:
    return MeasuredEnergy(source, {}, notices=(f"energy is missing: {reason}",))


def _guessed(count: int, layers: Sequence[str]) -> tuple[Planned, ...]:
    """Return what windows are that nobody has described."""
    if layers and count % len(layers) == 0:
        return tuple(Planned(layer) for layer in layers)
    return (Planned(NETWORK),)


def _misfit(guessed: Sequence[Planned], count: int, layers: Sequence[str]) -> list[str]:
    """Say why windows were not taken for those of layers, if they were not."""
    if guessed[0].label != NETWORK:
        return []
    return [
        f"{count} windows are no multiple of the {len(layers)} layers that run by themselves "
        f"({', '.join(layers[:_SHOWN])}{', ...' if len(layers) > _SHOWN else ''}): each is taken "
        "for a whole inference"
    ]


def _runs(
    samples: Samples, windows: Sequence[Window], plan: Sequence[Planned]
) -> tuple[dict[str, list[_Run]], list[str]]:
    """Return the good windows by what they are, and sentences about the others."""
    runs: dict[str, list[_Run]] = {planned.label: [] for planned in plan}
    doubts = []
    period_s = sampling_period_s(samples)
    for window in windows:
        planned = plan[window.index % len(plan)]
        found = window_energy(samples, window, period_s)
        if isinstance(found, WindowEnergy):
            run = _Run(found.energy_j, found.current_a, found.duration_s, planned.repetitions)
            runs[planned.label].append(run)
        else:
            doubts.append(f"window {window.index + 1} ({planned.label}) is left out: {found}")
    if len(doubts) > _SHOWN:
        doubts = [*doubts[:_SHOWN], f"{len(doubts) - _SHOWN} more windows are left out"]
    return runs, doubts


def _measured(
    source: str,
    layers: Sequence[str],
    runs: Mapping[str, list[_Run]],
    drift: Drift | None,
    doubts: list[str],
) -> MeasuredEnergy:
    baselines = _baselines(runs)
    notices = list(doubts)
    found: dict[str, LayerEnergy] = {}
    for label, good in runs.items():
        if label in (IDLE, LOOP):
            continue
        energy = _net(good, baselines) if good else "all its windows are left out"
        if isinstance(energy, LayerEnergy):
            found[label] = energy
        else:
            notices.append(f"energy of {label} is missing: {energy}")
    notices += _unknown(found, layers)
    if drift is not None and drift.is_flagged:
        notices.append(f"energy is in doubt: {drift}")
    if NETWORK in found and not any(layer in found for layer in layers):
        notices.append(
            f"energy per layer is missing: windows are of whole inferences, "
            f"{found[NETWORK].energy_uj:.6g} uJ each"
        )
    loop = baselines.loop_j
    return MeasuredEnergy(
        source,
        {layer: found[layer] for layer in layers if layer in found},
        found.get(NETWORK),
        None if baselines.idle_w is None else baselines.idle_w.mean,
        None if loop is None else loop.mean * 1e6,
        sum(run.energy_j for good in runs.values() for run in good) * 1e6,
        drift,
        tuple(notices),
    )


def _baselines(runs: Mapping[str, list[_Run]]) -> _Baselines:
    idle = [run.energy_j / run.duration_s for run in runs.get(IDLE, ())]
    idle_w = estimate(idle) if idle else None
    watts = 0.0 if idle_w is None else idle_w.mean
    loop = [(run.energy_j - watts * run.duration_s) / run.repetitions for run in runs.get(LOOP, ())]
    return _Baselines(idle_w, estimate(loop) if loop else None)


def _net(runs: Sequence[_Run], baselines: _Baselines) -> LayerEnergy | str:
    """Return a layer's energy without the baselines, or why it has none."""
    watts = 0.0 if baselines.idle_w is None else baselines.idle_w.mean
    loop_j = 0.0 if baselines.loop_j is None else baselines.loop_j.mean
    found = estimate(
        [(run.energy_j - watts * run.duration_s) / run.repetitions - loop_j for run in runs]
    )
    if found.mean <= 0:
        return (
            f"{found.mean * 1e6:.4g} uJ are left once the baselines are taken off; repeat it more "
            "often"
        )
    seconds = float(np.mean([run.duration_s / run.repetitions for run in runs]))
    errors = (
        found.standard_error,
        _error(baselines.idle_w) * seconds,
        _error(baselines.loop_j),
    )
    error = math.sqrt(sum(each * each for each in errors))
    return LayerEnergy(
        found.mean * 1e6,
        float(np.mean([run.current_a for run in runs])) * 1e6,
        error / found.mean if math.isfinite(error) else None,
        len(runs),
    )


def _error(baseline: Estimate | None) -> float:
    """Return the error of a baseline; that of a single window is not known and not counted."""
    if baseline is None or math.isinf(baseline.standard_error):
        return 0.0
    return baseline.standard_error


def _unknown(found: Iterable[str], layers: Sequence[str]) -> list[str]:
    strange = [label for label in found if label not in layers and label not in SPECIAL]
    if not strange:
        return []
    return [
        f"windows of {', '.join(map(repr, strange[:_SHOWN]))} are of no layer here "
        f"({', '.join(layers[:_SHOWN])}, ...)"
    ]
