"""Energy of a deployment's layers: measured by a meter once, at its first input, or modelled."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
from attrs import define, field

from qrig.deadline import Deadline
from qrig.errors import MeterError, TargetError, UsageError
from qrig.link.windows import MAX_REPETITIONS, RemoteWindows
from qrig.measure.energy.columns import measured_columns, modelled_columns
from qrig.measure.energy.layers import MeasuredEnergy
from qrig.measure.energy.model import energy_model
from qrig.measure.energy.passes import pass_plan, repeat_passes
from qrig.measure.energy.repetition import WINDOW_S
from qrig.measure.energy.session import PowerSession, open_power
from qrig.measure.meters.meter import Samples
from qrig.measure.meters.plan import IDLE, LOOP, Planned
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.registry import find_meter
from qrig.measure.meters.replay import PREFIX
from qrig.measure.meters.trace_file import read_trace
from qrig.measure.rows import LayerResult
from qrig.reports.current_line import current_line, marked_windows
from qrig.runs.deployed import Deployed
from qrig.runs.modelled import SUFFIXES, modelled_boards
from qrig.runs.targets import Target

MEASURING_S = 120.0
"""How long a deployment may be measured until its layers' energies are known well enough."""

PASSES = 30
"""As many passes at least, if there is time: comparisons promise what they find for so many."""

_CALIBRATION_CALLS = 10_000
_WINDOW_TIMEOUT_S = 30.0


def check_power(text: str, targets: Sequence[Target]) -> None:
    """Raise UsageError unless the meter that `text` names can measure all `targets`.

    A recorded trace goes with any, and raises FileFormatError if it cannot be read; an instrument
    goes with one board whose core counts cycles.
    """
    find_meter(text)
    if text.startswith(PREFIX):
        read_trace(Path(text.removeprefix(PREFIX)))
        return
    boards = {target.place: target for target in targets}
    if len(boards) > 1:
        raise UsageError(
            f"expected one target with --power {text}, for a meter is wired to one board, found "
            f"{', '.join(boards)}; run them one by one"
        )
    for target in targets:
        if target.backend.counts != "cycles":
            raise UsageError(
                f"{target.name}: expected a board with --power {text}, found "
                f"{target.board.name}@{target.backend.name}, which draws no current; use "
                "--power replay:FILE there"
            )


def open_target_power(
    text: str | None, target: Target
) -> AbstractContextManager[PowerSession | None]:
    """Open the meter that `text` names for `target`, nothing without one; raises as `open_power`.

    A meter that feeds the board switches it on: this comes before the board is started.
    """
    return nullcontext() if text is None else open_power(text, target.board)


@define
class CellEnergy:
    """The energy of one deployment that runs; `power` is its open meter, None if there is none.

    `measured` is what the meter said once `add` has been called, `current` the time line of its
    last pass (`qrig.reports.current_line`).
    """

    deployed: Deployed
    power: PowerSession | None = None
    measured: MeasuredEnergy | None = None
    current: pd.DataFrame | None = None
    _is_done: bool = False
    _failure: TargetError | None = field(default=None)

    def add(self, layers: tuple[LayerResult, ...]) -> tuple[LayerResult, ...]:
        """Return the layers of an input with their energy; the first call measures it.

        Later inputs have none of their own. A target that fails meanwhile costs the energy alone:
        `raise_failure` raises its error once the layers are safe.
        """
        if self._is_done:
            return layers
        self._is_done = True
        layers = with_modelled_energy(layers, self.deployed.target)
        if self.power is None:
            return layers
        try:
            self.measured, samples = measure_energy(self.power, self.deployed, layers)
        except TargetError as error:
            self._failure = error
        else:
            self.current = self._line(samples)
        return tuple(
            attrs.evolve(
                layer, energy={**layer.energy, **measured_columns(self.measured, layer.name)}
            )
            for layer in layers
        )

    def _line(self, samples: Samples | None) -> pd.DataFrame | None:
        if samples is None or self.measured is None:
            return None
        cell = f"{self.deployed.deployment.network.name} on {self.deployed.target.name}"
        return current_line(cell, samples, marked_windows(samples, self.measured.labels))

    def raise_failure(self) -> None:
        """Raise what ended the measurement, if anything did."""
        if self._failure is not None:
            raise self._failure

    def document(self) -> dict[str, Any] | None:
        """Return what run.json says of the measurement beside its rows; None without one.

        Energies in microjoules (`passes_uj` of each pass), `idle_w` in watts, None where there is
        none; `clock_drift` is how much longer windows were on the meter's clock, relative.
        """
        measured = self.measured
        if measured is None:
            return None
        network, drift = measured.network, measured.drift
        return {
            "target": self.deployed.target.name,
            "network": self.deployed.deployment.network.name,
            "source": measured.source,
            "marked_uj": measured.marked_uj,
            "network_uj": None if network is None else network.energy_uj,
            "idle_w": measured.idle_w,
            "loop_uj": measured.loop_uj,
            "clock_drift": None if drift is None else drift.relative,
            "passes_uj": {name: list(values) for name, values in measured.passes_uj.items()},
            "windows": {name: layer.windows for name, layer in measured.layers.items()},
            "notices": list(measured.notices),
        }


def with_modelled_energy(
    layers: tuple[LayerResult, ...], target: Target
) -> tuple[LayerResult, ...]:
    """Return `layers` with the energy model's columns where there are model cycles.

    They are those of the target's core, on the board that is modelled for it.
    """
    suffix = SUFFIXES.get(target.board.core)
    if suffix is None:
        return layers
    model = energy_model(modelled_boards(target)[suffix])
    return tuple(
        attrs.evolve(layer, energy={**layer.energy, **modelled_columns(model, layer.model, suffix)})
        for layer in layers
    )


def measure_energy(
    power: PowerSession, deployed: Deployed, layers: tuple[LayerResult, ...]
) -> tuple[MeasuredEnergy, Samples | None]:
    """Measure the layers that run by themselves; what is missing is told in the notices.

    A recorded trace is taken as it is. The samples are those of the last pass, None if there are
    none. Raises TargetError.
    """
    names = [layer.name for layer in layers if layer.computed_with is None]
    if power.is_recorded:
        with power.recording() as recording:
            pass
        return power.energies(recording, names), _samples(recording)
    times_s = _times_s(layers, deployed.target.board.clock_hz)
    missing = [name for name in names if name not in times_s]
    if missing:
        reason = f"energy is missing: cycles of {', '.join(missing)} are not known"
        return MeasuredEnergy(power.meter.source, {}, notices=(reason,)), None
    bench = _Bench(power, deployed, {name: times_s[name] for name in names})
    deadline = Deadline.after(MEASURING_S)
    return repeat_passes(bench.measure, deadline, least=PASSES), bench.samples


def _samples(recording: Recording) -> Samples | None:
    try:
        return recording.samples()
    except MeterError:  # energies have said so
        return None


def _times_s(layers: tuple[LayerResult, ...], clock_hz: int) -> dict[str, float]:
    return {
        layer.name: max(layer.cycles, 1) / clock_hz for layer in layers if layer.cycles is not None
    }


@define
class _Bench:
    """A board whose layers a meter measures; `layer_s` are the seconds of one execution each."""

    power: PowerSession
    deployed: Deployed
    layer_s: Mapping[str, float]
    samples: Samples | None = None
    _windows: RemoteWindows = field(init=False)
    _loop_s: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        meter = self.power.meter
        self._windows = RemoteWindows(self.deployed.session, pulses=meter.has_pulses)
        ticks = self._windows.empty(_CALIBRATION_CALLS, _WINDOW_TIMEOUT_S)
        self._loop_s = max(self._seconds(ticks), 1e-9) / _CALIBRATION_CALLS

    def measure(self) -> MeasuredEnergy:
        """Measure one pass: nothing, an empty layer, then every layer."""
        plan = pass_plan(self.layer_s, self._loop_s, self.power.meter.default_hz)
        board_s = []
        with self.power.recording() as recording:
            for planned in plan:
                board_s.append(self._window(planned))
        self.samples = _samples(recording)
        return self.power.energies(recording, list(self.layer_s), plan=plan, board_s=board_s)

    def _window(self, planned: Planned) -> float:
        """Make one window; return its length on the board's clock, 0 if nobody knows it."""
        repetitions = min(planned.repetitions, MAX_REPETITIONS)
        if planned.label == IDLE:
            with self._windows.idle():
                time.sleep(WINDOW_S)
            return 0.0
        if planned.label == LOOP:
            return self._seconds(self._windows.empty(repetitions, _WINDOW_TIMEOUT_S))
        expected_s = self.layer_s[planned.label] * repetitions
        stage = self._stage(planned.label)
        timeout_s = _WINDOW_TIMEOUT_S + 10 * expected_s
        return self._seconds(self._windows.stage(stage, repetitions, timeout_s))

    def _stage(self, name: str) -> int:
        """Return the stage to run for a layer: the last of those computed together with it."""
        deployment = self.deployed.deployment
        names = [stage.name for stage in deployment.network.stages]
        lasts = {first: last for last, first in deployment.carriers.items()}
        index = names.index(name)
        return lasts.get(index, index)

    def _seconds(self, ticks: int | None) -> float:
        cycles = None if ticks is None else self.deployed.running.cycles(ticks)
        return 0.0 if cycles is None else cycles / self.deployed.target.board.clock_hz
