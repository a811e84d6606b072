"""Kernel choice by measurement: every admissible kernel of every convolution, on the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pandas as pd
from attrs import define, field, frozen

from qrig.boards import Board
from qrig.build.deployment import Deployment, build_deployment
from qrig.codegen import Choice, Choices, make_layout
from qrig.codegen.choices import LIBRARY, SLIDING
from qrig.codegen.choose import candidates, is_positive, plan_choices
from qrig.codegen.tuning import Tuning
from qrig.datasets import Sample
from qrig.errors import NetworkTooLargeError, TargetError, UsageError
from qrig.fixedpoint.digest import network_sha256
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork
from qrig.measure.rows import LayerResult
from qrig.reference import run_reference
from qrig.runs.deployed import CRC, Deployed
from qrig.runs.modelled import SUFFIXES, modelled_boards
from qrig.runs.networks import LoadedNetwork
from qrig.runs.targets import Target

INSTRUCTIONS, CYCLES, MODEL_CYCLES = MEASURES = ("instructions", "cycles", "model-cycles")
"""By what kernels are compared: counted by an emulator, by silicon, or estimated by a model."""

PASSES = (2, 4)
"""Into how many parts tiles are divided where RAM is short."""

COLUMNS = {
    "layer": "string",
    "choice": "string",
    "cost": "Float64",
    "ram_bytes": "Int64",
    "weight_bytes": "Int64",
    "verdict": "string",
    "chosen": "boolean",
}
"""Columns of the table: `cost` is in units of the measure and covers the layer with what follows up
to the next convolution; `ram_bytes` is that of the whole network with this one choice."""


@frozen(eq=False)
class TuneResult:
    """What was measured and chosen; `before` and `after` are all convolutions, in the measure."""

    tuning: Tuning
    table: pd.DataFrame = field(repr=False)
    before: float
    after: float
    ram_bytes: int
    weight_bytes: int

    @property
    def measured(self) -> list[dict[str, Any]]:
        """The table as rows of JSON."""
        rows = self.table.astype(object).where(self.table.notna(), None)
        return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


@frozen
class _Trial:
    """One measured alternative of a layer."""

    layer: str
    choice: Choice
    cost: float
    verdict: str


Progress = Callable[[str, int, int], None]
"""Called with what is measured, how many deployments are done, and how many there are."""


def tune(
    target: Target,
    loaded: LoadedNetwork,
    sample: Sample,
    *,
    measure: str | None = None,
    on: tuple[str, ...] = (),
    ram_limit_bytes: int | None = None,
    progress: Progress = lambda name, done, total: None,
) -> TuneResult:
    """Measure every admissible kernel of every convolution and choose the fastest that fits.

    `measure` is one of MEASURES, by default what the target counts; `on` names the boards whose
    silicon "model-cycles" estimate. `ram_limit_bytes` bounds Layout.ram_bytes, by default the
    board's RAM. Raises UsageError, TargetError, BuildError.
    """
    target.check_available()
    job = _Job(target, loaded, sample, _measure(target, measure), _board(target, on), progress)
    limit = ram_limit_bytes if ram_limit_bytes is not None else job.ram_bytes
    trials = job.measure_all()
    chosen = _choose(job, trials, limit)
    layout = make_layout(job.network, chosen, truncate=job.truncate)
    before, _ = job.measured(job.start)
    after, verdicts = job.measured(chosen)
    if any(verdict != "bit-exact" for verdict in verdicts.values()):
        raise TargetError(f"{target.name}: expected bit-exact kernels, found {verdicts}")
    return TuneResult(
        Tuning(
            network=job.network.name,
            network_sha256=network_sha256(job.network),
            core=target.board.core,
            target=target.name,
            measure=job.measure if job.board is None else f"{job.measure} on {job.board.name}",
            layers=tuple(chosen.items()),
        ),
        _table(job, trials, chosen),
        sum(before.values()),
        sum(after.values()),
        layout.ram_bytes,
        layout.weight_bytes,
    )


def _measure(target: Target, measure: str | None) -> str:
    counts = target.backend.counts
    chosen = measure or counts
    if chosen not in MEASURES or (chosen != MODEL_CYCLES and chosen != counts):
        raise UsageError(
            f"expected a measure that {target.name} has ({counts}, {MODEL_CYCLES}), found "
            f"{chosen!r}; choose another with --by, or another target"
        )
    return chosen


def _board(target: Target, on: tuple[str, ...]) -> Board | None:
    """Return the board whose silicon is modelled for the target's core."""
    suffix = SUFFIXES.get(target.board.core)
    return modelled_boards(target, on).get(suffix) if suffix else None


@define
class _Job:
    """A tuning in progress; costs of a deployment are kept."""

    target: Target
    loaded: LoadedNetwork
    sample: Sample
    measure: str
    board: Board | None
    progress: Progress
    done: int = 0
    total: int = 0
    known: dict[str, tuple[dict[str, float], dict[str, str]]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.measure != MODEL_CYCLES:
            self.board = None

    @property
    def network(self) -> QuantizedNetwork:
        return self.loaded.quantized

    @property
    def truncate(self) -> bool:
        return self.target.kernels.semantics.truncate

    @property
    def core(self) -> str:
        return self.target.board.core

    @property
    def ram_bytes(self) -> int | None:
        memory = self.target.board.memory
        return memory.data.size_bytes if memory else None

    @property
    def start(self) -> dict[str, Choice]:
        """What the layers get without tuning."""
        return dict(plan_choices(self.network, self.core, truncate=self.truncate))

    @property
    def convolutions(self) -> tuple[QuantizedConvolution, ...]:
        layers = self.network.layers
        return tuple(layer for layer in layers if isinstance(layer, QuantizedConvolution))

    def measure_all(self) -> list[_Trial]:
        """Measure, deployment by deployment, one alternative of every layer at a time."""
        options = {layer.name: list(self._options(layer)) for layer in self.convolutions}
        rounds = max((len(found) for found in options.values()), default=0)
        self.total = rounds + 2
        trials = []
        for number in range(rounds):
            mixed = {
                name: found[number] if number < len(found) else self.start[name]
                for name, found in options.items()
            }
            costs, verdicts = self.measured(mixed)
            trials += [
                _Trial(name, found[number], costs[name], verdicts[name])
                for name, found in options.items()
                if number < len(found)
            ]
        return trials

    def _options(self, layer: QuantizedConvolution) -> Iterator[Choice]:
        positive = is_positive(self.network, self.start, layer)
        found = list(candidates(layer, positive=positive, truncate=self.truncate, core=self.core))
        yield from found
        for choice in found:
            if choice.kernel == SLIDING and choice.outputs > 1:
                tiles = -(-layer.out_shape.w // choice.outputs)
                for passes in PASSES:
                    if passes <= tiles:
                        yield attrs.evolve(choice, passes=passes)

    def measured(self, choices: Choices) -> tuple[dict[str, float], dict[str, str]]:
        """Return cost and verdict of every convolution with what follows it."""
        key = repr(sorted(choices.items()))
        if key not in self.known:
            self.progress(self.loaded.name, self.done, self.total)
            self.known[key] = self._measured(choices)
            self.done += 1
            self.progress(self.loaded.name, self.done, self.total)
        return self.known[key]

    def _measured(self, choices: Choices) -> tuple[dict[str, float], dict[str, str]]:
        try:
            deployment = build_deployment(
                self.network, self.target.board, self.target.kernels, choices=choices
            )
        except NetworkTooLargeError:
            names = [layer.name for layer in self.convolutions]
            return dict.fromkeys(names, float("inf")), dict.fromkeys(names, "too large")
        layers = self._run(deployment)
        costs: dict[str, float] = {}
        verdicts: dict[str, str] = {}
        current: str | None = None
        convolutions = {layer.name for layer in self.convolutions}
        for layer in layers:
            current = layer.name if layer.name in convolutions else current
            if current is None:
                continue
            costs[current] = costs.get(current, 0.0) + self._cost(layer)
            if layer.comparison.verdict != "bit-exact":
                verdicts[current] = layer.comparison.verdict
            verdicts.setdefault(current, "bit-exact")
        return costs, verdicts

    def _run(self, deployment: Deployment) -> tuple[LayerResult, ...]:
        """Return the layers of one inference; all are compared with the reference."""
        expected = run_reference(self.network, self.sample.pixels, deployment.semantics)
        with Deployed(self.target, deployment) as deployed:
            layers = deployed.compare(deployed.run(self.sample.pixels, CRC), expected)
        if self.board is None:
            return layers
        from qrig.runs.profile import profile_deployment

        suffix = SUFFIXES[self.core]
        profiled = profile_deployment(
            self.target, self.loaded, deployment, self.sample, {suffix: self.board}
        )
        return tuple(
            attrs.evolve(layer, model=model.model)
            for layer, model in zip(layers, profiled.layers, strict=True)
        )

    def _cost(self, layer: LayerResult) -> float:
        if layer.computed_with is not None:
            return 0.0
        if self.board is not None:
            return layer.model.get(f"model_cycles_{SUFFIXES[self.core]}", float("inf"))
        counted = layer.cycles if self.measure == CYCLES else layer.instructions
        return float(counted or 0)


def _choose(job: _Job, trials: list[_Trial], limit_bytes: int | None) -> dict[str, Choice]:
    """Return the fastest choice of each layer, then slower ones until RAM suffices."""
    exact = [trial for trial in trials if trial.verdict == "bit-exact"]
    chosen: dict[str, _Trial] = {}
    for trial in exact:
        best = chosen.get(trial.layer)
        if best is None or trial.cost < best.cost:
            chosen[trial.layer] = trial

    def ram(found: dict[str, _Trial]) -> int:
        choices = {name: trial.choice for name, trial in found.items()}
        return make_layout(job.network, choices, truncate=job.truncate).ram_bytes

    while limit_bytes is not None and (used := ram(chosen)) > limit_bytes:
        options = [
            (trial.cost - chosen[trial.layer].cost, ram({**chosen, trial.layer: trial}), trial)
            for trial in exact
            if trial is not chosen[trial.layer]
        ]
        saving = [option for option in options if option[1] < used]
        if not saving:
            raise NetworkTooLargeError(
                f"{job.network.name}: expected kernels that need at most {limit_bytes:,} bytes of "
                f"RAM, found none below {used:,}; allow more with --ram"
            )
        _, _, best_trial = min(saving, key=lambda option: (option[0], option[1]))
        chosen[best_trial.layer] = best_trial
    return {name: trial.choice for name, trial in chosen.items()}


def _table(job: _Job, trials: list[_Trial], chosen: Choices) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for trial in sorted(trials, key=lambda t: (_position(job, t.layer), t.cost)):
        one = make_layout(
            job.network, {**dict(chosen), trial.layer: trial.choice}, truncate=job.truncate
        )
        rest = make_layout(
            job.network, {**dict(chosen), trial.layer: Choice(LIBRARY)}, truncate=job.truncate
        )
        layer = job.convolutions[_position(job, trial.layer)]
        plain = layer.weights.size + layer.bias.size
        rows.append(
            {
                "layer": trial.layer,
                "choice": str(trial.choice),
                "cost": trial.cost,
                "ram_bytes": one.ram_bytes,
                "weight_bytes": one.weight_bytes - rest.weight_bytes + plain,
                "verdict": trial.verdict,
                "chosen": chosen[trial.layer] == trial.choice,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _position(job: _Job, name: str) -> int:
    return [layer.name for layer in job.convolutions].index(name)
