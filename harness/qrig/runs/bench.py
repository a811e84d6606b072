"""The main job: networks on targets, every layer compared with the reference, a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from attrs import define, field, frozen

from qrig.datasets import Sample
from qrig.errors import QrigError, UsageError
from qrig.measure.rows import LayerResult, rows_of
from qrig.reference import Trace, run_reference
from qrig.reports.current_line import write_current
from qrig.reports.publish import publish, status_of
from qrig.reports.store import RunWriter, new_run_id
from qrig.runs.accuracy import CellAccuracy, predicted_class
from qrig.runs.deploy import AnyDeployment, deploy
from qrig.runs.deployed import CRC, FULL, Deployed
from qrig.runs.ending import run_to_end
from qrig.runs.energy import CellEnergy, check_power, open_target_power
from qrig.runs.modelled import model_stamp, model_texts, modelled_boards, with_models
from qrig.runs.networks import LoadedNetwork
from qrig.runs.stamp import board_stamp, make_stamp
from qrig.runs.targets import GENERATED, Target, check_tunings

DEFAULT_SAMPLES = 50
"""How many samples of a network are streamed unless the user says otherwise."""

Progress = Callable[[str, int, int], None]
"""Called with a cell's name, inputs done, and inputs in all."""


@frozen(eq=False)
class Cell:
    """One network on one target."""

    target: Target
    loaded: LoadedNetwork
    deployment: AnyDeployment

    @property
    def name(self) -> str:
        """The cell's name, for people."""
        return f"{self.loaded.name} on {self.target.name}"


@frozen(eq=False)
class BenchResult:
    """A finished run: its folder, rows and run.json."""

    folder: Path
    rows: pd.DataFrame = field(repr=False)
    run: dict[str, Any] = field(repr=False)

    @property
    def verdict(self) -> str:
        """The verdict: "bit-exact" or "differs"."""
        return str(self.run["verdict"])


def prepare(networks: list[LoadedNetwork], targets: tuple[Target, ...]) -> tuple[Cell, ...]:
    """Check the targets and build every network for every target.

    Raises TargetUnavailableError, NetworkTooLargeError, UnsupportedNetworkError, BuildError, and
    UsageError for a tuning of something else.
    """
    check_tunings(targets, (loaded.quantized for loaded in networks))
    for target in targets:
        target.check_available()
    return tuple(
        Cell(target, loaded, deploy(loaded, target)) for loaded in networks for target in targets
    )


def check_samples(networks: list[LoadedNetwork]) -> None:
    """Raise UsageError for a network that has no samples."""
    for loaded in networks:
        if not loaded.samples:
            raise UsageError(
                f"{loaded.name}: expected inputs, found no samples in its network.toml; give "
                "--input FILE"
            )


def bench(
    cells: tuple[Cell, ...],
    folder: Path,
    *,
    inputs: tuple[Sample, ...] | None = None,
    samples: int = DEFAULT_SAMPLES,
    trace: str = FULL,
    model: bool = True,
    power: str | None = None,
    progress: Progress = lambda name, done, total: None,
) -> BenchResult:
    """Run every cell and write the run into a new folder under `folder`.

    `inputs` replaces the networks' own samples, of which the first `samples` are taken. With
    `model` the first input of every cell is profiled, too, and priced by the timing models; with
    `power` the meter of that name measures its energy. If a target fails, what was measured before
    is kept and reported, and the error is raised.
    """
    if not inputs:
        check_samples([cell.loaded for cell in cells])
    if power is not None:
        check_power(power, [cell.target for cell in cells])
    job = _Job(RunWriter(folder, new_run_id()), cells, trace, model, power, progress)

    def work() -> None:
        for cell in cells:
            job.run_cell(cell, inputs or cell.loaded.samples[:samples])

    return run_to_end(work, job.finish)


@define
class _Job:
    """A run in progress."""

    writer: RunWriter
    cells: tuple[Cell, ...]
    trace: str
    model: bool
    power: str | None
    progress: Progress
    started: datetime = field(factory=lambda: datetime.now(UTC))
    accuracy: list[dict[str, Any]] = field(factory=list)
    recoveries: list[dict[str, Any]] = field(factory=list)
    energy: list[dict[str, Any]] = field(factory=list)
    currents: list[pd.DataFrame] = field(factory=list)
    notices: list[str] = field(factory=list)
    stamps: list[dict[str, Any]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.stamps = [
            {**make_stamp(cell.target, cell.deployment), **self._model_stamp(cell)}
            for cell in self.cells
        ]
        self.writer.save_run(self._document("running", None, None))

    def run_cell(self, cell: Cell, inputs: tuple[Sample, ...]) -> None:
        accuracy = CellAccuracy(cell.loaded.labels)
        modelled = self._modelled(cell, inputs[0])
        with (
            open_target_power(self.power, cell.target) as power,
            Deployed(cell.target, cell.deployment) as deployed,
        ):
            self._stamp_board(cell, deployed)
            energy = CellEnergy(deployed, power)
            try:
                for index, (sample, layers, _, predicted) in enumerate(
                    answered_inputs(deployed, inputs, self.trace)
                ):
                    common = self._common(cell, sample, index)
                    if index == 0:
                        layers = energy.add(with_models(layers, modelled))
                    self.writer.append(rows_of(layers, common, cell.target.board.clock_hz))
                    accuracy.note(sample.label, predicted)
                    energy.raise_failure()
                    self.progress(cell.name, index + 1, len(inputs))
                self._stamp_debugger(cell, deployed)
            finally:
                self._note_cell(cell, deployed, accuracy)
                self._note_energy(cell, energy)

    def finish(self, error: str | None) -> BenchResult:
        """Write table, plots and page of what there is; the run's own error goes into run.json."""
        document = self._document(status_of(error), self.writer.verdict, error)
        rows = publish(self.writer, document)
        return BenchResult(self.writer.folder, rows, {"run_id": self.writer.run_id, **document})

    def _modelled(self, cell: Cell, sample: Sample) -> tuple[LayerResult, ...]:
        """Return the layers of `sample` with the models' columns; none if they cannot be had."""
        from qrig.runs.profile import profile_cell

        if not self.model or cell.target.backend.counts == "none":
            return ()
        reason = cell.target.backend.unprofiled()
        if cell.target.way != GENERATED:
            reason = "networks that are loaded at run time are not profiled"
        if reason is not None:
            self.notices.append(f"{cell.name}: no model cycles: {reason}")
            return ()
        boards = modelled_boards(cell.target)
        try:
            profiled = profile_cell(cell.target, cell.loaded, sample, boards)
        except QrigError as error:  # the main job goes on without estimates
            self.notices.append(f"{cell.name}: no model cycles: {error}")
            return ()
        self.notices += profiled.unknown
        return profiled.layers

    def _model_stamp(self, cell: Cell) -> dict[str, Any]:
        return model_stamp(modelled_boards(cell.target)) if self.model else {}

    def _models(self) -> dict[str, str]:
        """Return what the model columns stand for; none where the cells' boards differ."""
        texts = [model_texts(modelled_boards(cell.target)) for cell in self.cells]
        return texts[0] if self.model and texts and texts.count(texts[0]) == len(texts) else {}

    def _stamp_board(self, cell: Cell, deployed: Deployed) -> None:
        """Add what only the board itself could tell to the stamp of its cell."""
        self.stamps[self.cells.index(cell)] |= board_stamp(deployed.session.banner)

    def _stamp_debugger(self, cell: Cell, deployed: Deployed) -> None:
        stamp = self.stamps[self.cells.index(cell)]
        if "debugger_attached" in stamp:
            stamp["debugger_attached"] |= deployed.network.has_debugger()

    def _common(self, cell: Cell, sample: Sample, index: int) -> dict[str, Any]:
        return {
            "run_id": self.writer.run_id,
            "target": cell.target.name,
            "board": cell.target.board.name,
            "backend": cell.target.backend.name,
            "core": cell.target.board.core,
            "network": cell.loaded.name,
            "input": sample.name,
            "input_index": index,
            "label": sample.label,
        }

    def _note_cell(self, cell: Cell, deployed: Deployed, accuracy: CellAccuracy) -> None:
        names = {"target": cell.target.name, "network": cell.loaded.name}
        counted = accuracy.document()
        if counted is not None:
            self.accuracy.append({**names, **counted})
        self.recoveries.append({**names, **recoveries_of(deployed)})

    def _note_energy(self, cell: Cell, energy: CellEnergy) -> None:
        document = energy.document()
        if document is not None:
            self.energy.append(document)
            self.notices += [f"{cell.name}: {notice}" for notice in document["notices"]]
        if energy.current is not None:
            self.currents.append(energy.current)
            write_current(self.writer.folder, self.currents)

    def _document(self, status: str, verdict: str | None, error: str | None) -> dict[str, Any]:
        finished = None if status == "running" else datetime.now(UTC).isoformat(timespec="seconds")
        return {
            "status": status,
            "verdict": verdict,
            "started": self.started.isoformat(timespec="seconds"),
            "finished": finished,
            "error": error,
            "trace": self.trace,
            "stamps": self.stamps,
            "footprints": [_footprint(cell) for cell in self.cells],
            "accuracy": self.accuracy,
            "recoveries": self.recoveries,
            "energy": self.energy,
            "notices": self.notices,
            "models": self._models(),
        }


def recoveries_of(deployed: Deployed) -> dict[str, Any]:
    """Return what a deployment that ran went through, as counts and texts for run.json."""
    statistics = deployed.session.statistics
    return {
        "requests": statistics.requests,
        "resends": statistics.resends,
        "damaged": statistics.damaged,
        "restarts": deployed.restarts,
        "hangs": list(deployed.hangs),
        **deployed.running.effort.counts,
    }


def run_inputs(
    deployed: Deployed, inputs: tuple[Sample, ...], trace: str
) -> Iterator[tuple[Sample, tuple[LayerResult, ...], Trace]]:
    """Run `inputs` and yield each with its compared layers and the reference's trace.

    Where checksums differ the input is run again with all tensors, to name the element.
    """
    for sample, layers, expected, _ in answered_inputs(deployed, inputs, trace):
        yield sample, layers, expected


def answered_inputs(
    deployed: Deployed, inputs: tuple[Sample, ...], trace: str
) -> Iterator[tuple[Sample, tuple[LayerResult, ...], Trace, int]]:
    """Do as `run_inputs`, and yield the class that the target chose, too."""
    network, semantics = deployed.deployment.network, deployed.deployment.semantics
    for sample in inputs:
        expected = run_reference(network, sample.pixels, semantics)
        remote = deployed.run(sample.pixels, trace)
        layers = deployed.compare(remote, expected)
        if trace == CRC and any(layer.comparison.verdict == "differs" for layer in layers):
            remote = deployed.run(sample.pixels, FULL)
            layers = deployed.compare(remote, expected)
        yield sample, layers, expected, predicted_class(remote, expected)


def _footprint(cell: Cell) -> dict[str, Any]:
    footprint, plan = cell.deployment.footprint, cell.deployment.memory_plan
    return {
        "target": cell.target.name,
        "network": cell.loaded.name,
        "flash_bytes": footprint.flash_bytes,
        "ram_bytes": footprint.ram_bytes,
        "flash_total_bytes": footprint.flash_total_bytes,
        "ram_total_bytes": footprint.ram_total_bytes,
        "sections": [
            {"name": s.name, "region": s.region, "size_bytes": s.size_bytes}
            for s in footprint.sections
        ],
        "memory_plan": plan.document(),
    }
