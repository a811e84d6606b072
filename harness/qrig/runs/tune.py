"""Kernel choice by measurement: every admissible kernel of every convolution, on the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pandas as pd
from attrs import field, frozen

from qrig.boards import Board
from qrig.codegen import Choice, Choices, Layout, make_layout
from qrig.codegen.budget import Budget
from qrig.codegen.choices import LIBRARY
from qrig.codegen.tuning import Tuning
from qrig.datasets import Sample
from qrig.errors import NetworkTooLargeError, TargetError, TargetUnavailableError, UsageError
from qrig.fixedpoint.digest import network_sha256
from qrig.runs.modelled import SUFFIXES, chosen_boards, modelled_boards
from qrig.runs.networks import LoadedNetwork
from qrig.runs.targets import Target
from qrig.runs.trials import Measured, Progress, Trial, Trials

INSTRUCTIONS, CYCLES, MODEL_CYCLES = MEASURES = ("instructions", "cycles", "model-cycles")
"""By what kernels are compared: counted by an emulator, by silicon, or estimated by a model."""

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
to the next convolution, missing if it was not run; `ram_bytes` is that of the whole network with
this one choice."""


@frozen(eq=False)
class TuneResult:
    """What was measured and chosen.

    `before` and `after` are the cost of all convolutions, by the default plan (None if that could
    not be run) and as chosen.
    """

    tuning: Tuning
    table: pd.DataFrame = field(repr=False)
    before: float | None
    after: float
    ram_bytes: int
    weight_bytes: int

    @property
    def measured(self) -> list[dict[str, Any]]:
        """The table as rows of JSON."""
        rows = self.table.astype(object).where(self.table.notna(), None)
        return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


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

    `measure` is one of MEASURES, by default what the target counts; `on` names the board whose
    silicon "model-cycles" estimate. `ram_limit_bytes` bounds Layout.ram_bytes; the board's memories
    are limits in any case. Raises UsageError, NetworkTooLargeError, TargetError, BuildError.
    """
    target.check_available()
    by = _measure(target, measure)
    job = Trials(target, loaded, sample, by, _board(target, by, on), progress)
    trials = job.measure_all()
    before = job.measured(job.start)
    chosen, after = _fastest(job, trials, ram_limit_bytes)
    if not after.is_exact or after.cost is None:
        raise TargetError(
            f"{target.name}: expected bit-exact kernels whose cost is known, found "
            f"{dict(after.verdicts)}, {dict(after.costs)}; report it"
        )
    layout = _layout(job, chosen)
    return TuneResult(
        _tuning(job, chosen),
        _table(job, trials, chosen),
        before.cost if isinstance(before, Measured) else None,
        after.cost,
        layout.ram_bytes,
        layout.weight_bytes,
    )


def _measure(target: Target, measure: str | None) -> str:
    """Return what decides; raises UsageError for what the target's core or counter has not."""
    counts = target.backend.counts
    choices = [counts] if counts in MEASURES else []
    choices += [MODEL_CYCLES] if target.board.core in SUFFIXES else []
    chosen = measure or counts
    if chosen not in choices:
        raise UsageError(
            f"expected a measure that {target.name} has ({', '.join(choices) or 'it has none'}), "
            f"found {chosen!r}; choose another with --by, or another target"
        )
    if chosen == MODEL_CYCLES and (reason := target.backend.unprofiled()) is not None:
        raise TargetUnavailableError(f"{target.name}: {reason}")
    return chosen


def _board(target: Target, measure: str, on: tuple[str, ...]) -> Board | None:
    """Return the board whose silicon decides; raises UsageError for names that do not matter."""
    core = target.board.core
    others = [board.name for board in chosen_boards(on).values() if board.core != core]
    if on and (measure != MODEL_CYCLES or others):
        raise UsageError(
            f"expected --on with --by {MODEL_CYCLES} and a board of {core}, found --by {measure} "
            f"and {', '.join(on)}; leave --on out or change it"
        )
    return modelled_boards(target, on)[SUFFIXES[core]] if measure == MODEL_CYCLES else None


def _fastest(
    job: Trials, trials: list[Trial], ram_limit_bytes: int | None
) -> tuple[dict[str, Choice], Measured]:
    """Return the fastest choices that fit, and what they cost together.

    Raises NetworkTooLargeError if none fit, and BuildError.
    """
    usable = [trial for trial in trials if trial.is_usable]
    _check_all(job, usable, trials)
    fastest = _choose(job, usable, Budget(layout_ram=ram_limit_bytes))
    used = _layout(job, fastest).ram_bytes
    if ram_limit_bytes is not None and used > ram_limit_bytes:
        raise NetworkTooLargeError(
            f"{job.network.name}: expected kernels that need at most {ram_limit_bytes:,} bytes of "
            f"RAM, found none below {used:,}; allow more with --ram"
        )
    found = job.measured(fastest)
    slower = _slower(job, usable, ram_limit_bytes)
    while isinstance(found, NetworkTooLargeError) and (fastest := next(slower, {})):
        found = job.measured(fastest)
    if not isinstance(found, Measured):
        raise found
    return fastest, found


def _slower(
    job: Trials, usable: list[Trial], ram_limit_bytes: int | None
) -> Iterator[dict[str, Choice]]:
    """Yield what fits the board by an estimate, then what needs less and less RAM."""
    budget = attrs.evolve(Budget.of(job.target.board.memory), layout_ram=ram_limit_bytes)
    used: int | None = None
    while True:
        chosen = _choose(job, usable, budget)
        before, used = used, _layout(job, chosen).ram_bytes
        if before is not None and used >= before:
            return
        yield chosen
        budget = attrs.evolve(budget, layout_ram=used - 1)


def _check_all(job: Trials, usable: list[Trial], trials: list[Trial]) -> None:
    """Raise why a layer has no alternative that can be chosen."""
    for layer in job.convolutions:
        if any(trial.layer == layer.name for trial in usable):
            continue
        of_layer = [trial for trial in trials if trial.layer == layer.name]
        errors = [trial.error for trial in of_layer if trial.error is not None]
        if len(errors) == len(of_layer):
            raise errors[0]
        verdicts = ", ".join(sorted({trial.verdict for trial in of_layer}))
        raise TargetError(
            f"{job.target.name}: expected a bit-exact kernel whose cost is known for layer "
            f"{layer.name!r}, found {verdicts}; report it"
        )


def _choose(job: Trials, usable: list[Trial], budget: Budget) -> dict[str, Choice]:
    """Return the fastest choice of each layer, then slower ones as far as `budget` asks for it."""
    chosen: dict[str, Trial] = {}
    for trial in sorted(usable, key=_cost):
        chosen.setdefault(trial.layer, trial)
    while not budget.is_kept(layout := _layout(job, _choices(chosen))):
        now = budget.distance(layout)
        nearer = []
        for trial in usable:
            distance = budget.distance(_layout(job, _choices({**chosen, trial.layer: trial})))
            if distance < now:
                nearer.append((_cost(trial) - _cost(chosen[trial.layer]), distance, trial))
        if not nearer:
            break
        best = min(nearer, key=lambda option: option[:2])[2]
        chosen[best.layer] = best
    return _choices(chosen)


def _cost(trial: Trial) -> float:
    return float("inf") if trial.cost is None else trial.cost


def _choices(chosen: dict[str, Trial]) -> dict[str, Choice]:
    return {name: trial.choice for name, trial in chosen.items()}


def _layout(job: Trials, choices: Choices) -> Layout:
    return make_layout(job.network, choices, truncate=job.truncate)


def _tuning(job: Trials, chosen: Choices) -> Tuning:
    return Tuning(
        network=job.network.name,
        network_sha256=network_sha256(job.network),
        core=job.target.board.core,
        target=job.target.name,
        measure=job.measure if job.board is None else f"{job.measure} on {job.board.name}",
        layers=tuple(chosen.items()),
    )


def _table(job: Trials, trials: list[Trial], chosen: Choices) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    layers = {layer.name: layer for layer in job.convolutions}
    order = list(layers)
    for trial in sorted(trials, key=lambda t: (order.index(t.layer), _cost(t))):
        layer = layers[trial.layer]
        one = _layout(job, {**chosen, layer.name: trial.choice})
        rest = _layout(job, {**chosen, layer.name: Choice(LIBRARY)})
        plain = layer.weights.size + layer.bias.size
        rows.append(
            {
                "layer": layer.name,
                "choice": str(trial.choice),
                "cost": trial.cost,
                "ram_bytes": one.ram_bytes,
                "weight_bytes": one.weight_bytes - rest.weight_bytes + plain,
                "verdict": trial.verdict,
                "chosen": chosen[layer.name] == trial.choice,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
