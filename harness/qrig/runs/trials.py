"""What each kernel of each convolution costs on a target: built, run, compared, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs
from attrs import define, field, frozen

from qrig.boards import Board
from qrig.build.deployment import Deployment, build_deployment
from qrig.codegen import Choice, Choices
from qrig.codegen.choices import SLIDING
from qrig.codegen.choose import candidates, is_positive
from qrig.datasets import Sample
from qrig.errors import BuildError, NetworkTooLargeError
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork
from qrig.measure.rows import LayerResult
from qrig.reference import run_reference
from qrig.runs.deployed import CRC, Deployed
from qrig.runs.modelled import SUFFIXES
from qrig.runs.networks import LoadedNetwork
from qrig.runs.profile import profile_deployment
from qrig.runs.targets import Target

PASSES = (2, 4)
"""Into how many parts tiles are divided where RAM is short."""

EXACT, TOO_LARGE, NOT_BUILT = "bit-exact", "too large", "not built"
"""Verdicts of a trial; others are those of comparisons."""

Failure = NetworkTooLargeError | BuildError
"""Why a deployment could not be run."""

Progress = Callable[[str, int, int], None]
"""Called with what is measured, how many deployments are done, and how many there are."""


@frozen
class Trial:
    """One alternative of a layer.

    There is no cost if not all of it could be counted, or if an `error` kept it from being run.
    """

    layer: str
    choice: Choice
    cost: float | None
    verdict: str
    error: Failure | None = None

    @property
    def is_usable(self) -> bool:
        """Whether it may be chosen."""
        return self.verdict == EXACT and self.cost is not None


@frozen
class Measured:
    """One deployment: cost and verdict of every convolution with what follows it."""

    costs: Mapping[str, float | None]
    verdicts: Mapping[str, str]

    @property
    def is_exact(self) -> bool:
        """Whether every layer was as in the reference."""
        return all(verdict == EXACT for verdict in self.verdicts.values())

    @property
    def cost(self) -> float | None:
        """The cost of all convolutions together, None if that of one is not known."""
        known = [cost for cost in self.costs.values() if cost is not None]
        return sum(known) if len(known) == len(self.costs) else None


@define
class Trials:
    """Deployments of one network on one target; what was measured is kept.

    `measure` is "instructions", "cycles" or, on the silicon of `board`, "model-cycles".
    """

    target: Target
    loaded: LoadedNetwork
    sample: Sample
    measure: str
    board: Board | None
    progress: Progress
    done: int = 0
    total: int = 0
    _known: dict[str, Measured | Failure] = field(factory=dict)

    @property
    def network(self) -> QuantizedNetwork:
        """The network."""
        return self.loaded.quantized

    @property
    def truncate(self) -> bool:
        """Whether kernels do not round."""
        return self.target.kernels.semantics.truncate

    @property
    def start(self) -> dict[str, Choice]:
        """What the layers get without tuning."""
        return dict(self.target.kernels.choices_for(self.network, self.target.board))

    @property
    def convolutions(self) -> tuple[QuantizedConvolution, ...]:
        """The layers that have alternatives."""
        layers = self.network.layers
        return tuple(layer for layer in layers if isinstance(layer, QuantizedConvolution))

    def measure_all(self) -> list[Trial]:
        """Measure one alternative of every layer at a time, beside those of the other layers.

        What cannot be told from such a deployment is measured again, layer by layer. Raises
        TargetError.
        """
        options = {layer.name: list(self._options(layer)) for layer in self.convolutions}
        rounds = max((len(found) for found in options.values()), default=0)
        self.total = rounds + 2
        start = self.start
        trials: list[Trial] = []
        for number in range(rounds):
            tried = {n: found[number] for n, found in options.items() if number < len(found)}
            together = self.measured({**start, **tried})
            if isinstance(together, Measured) and together.is_exact:
                trials += [_trial(together, name, choice) for name, choice in tried.items()]
                continue
            self.total += len(tried)
            trials += [self._alone(start, name, choice) for name, choice in tried.items()]
        return trials

    def _alone(self, start: Choices, name: str, choice: Choice) -> Trial:
        """Measure one alternative beside what the other layers get without tuning."""
        found = self.measured({**start, name: choice})
        if isinstance(found, Measured):
            return _trial(found, name, choice)
        verdict = TOO_LARGE if isinstance(found, NetworkTooLargeError) else NOT_BUILT
        return Trial(name, choice, None, verdict, found)

    def _options(self, layer: QuantizedConvolution) -> Iterator[Choice]:
        positive = is_positive(self.network, layer)
        core = self.target.board.core
        found = list(candidates(layer, positive=positive, truncate=self.truncate, core=core))
        yield from found
        for choice in found:
            if choice.kernel == SLIDING and choice.outputs > 1:
                tiles = -(-layer.out_shape.w // choice.outputs)
                for passes in PASSES:
                    if passes <= tiles:
                        yield attrs.evolve(choice, passes=passes)

    def measured(self, choices: Choices) -> Measured | Failure:
        """Return what a deployment costs, or why it could not be run; raises TargetError."""
        key = repr(sorted(choices.items()))
        if key not in self._known:
            self.progress(self.loaded.name, self.done, self.total)
            self._known[key] = self._measured(choices)
            self.done += 1
            self.progress(self.loaded.name, self.done, self.total)
        return self._known[key]

    def _measured(self, choices: Choices) -> Measured | Failure:
        try:
            deployment = build_deployment(
                self.network, self.target.board, self.target.kernels, choices=choices
            )
        except (NetworkTooLargeError, BuildError) as error:
            return error
        return self._summed(self._run(deployment))

    def _summed(self, layers: tuple[LayerResult, ...]) -> Measured:
        """Add up the layers from each convolution to the next."""
        costs: dict[str, float | None] = {}
        verdicts: dict[str, str] = {}
        current: str | None = None
        convolutions = {layer.name for layer in self.convolutions}
        for layer in layers:
            current = layer.name if layer.name in convolutions else current
            if current is None:
                continue
            before, cost = costs.get(current, 0.0), self._cost(layer)
            costs[current] = None if before is None or cost is None else before + cost
            if layer.comparison.verdict != EXACT:
                verdicts[current] = layer.comparison.verdict
            verdicts.setdefault(current, EXACT)
        return Measured(costs, verdicts)

    def _run(self, deployment: Deployment) -> tuple[LayerResult, ...]:
        """Return the layers of one inference; all are compared with the reference."""
        expected = run_reference(self.network, self.sample.pixels, deployment.semantics)
        with Deployed(self.target, deployment) as deployed:
            layers = deployed.compare(deployed.run(self.sample.pixels, CRC), expected)
        if self.board is None:
            return layers
        boards = {SUFFIXES[self.board.core]: self.board}
        profiled = profile_deployment(self.target, self.loaded, deployment, self.sample, boards)
        return tuple(
            attrs.evolve(layer, model=model.model)
            for layer, model in zip(layers, profiled.layers, strict=True)
        )

    def _cost(self, layer: LayerResult) -> float | None:
        """Return what a layer costs, None if that is not known."""
        if layer.computed_with is not None:
            return 0.0
        if self.board is not None:
            return layer.model.get(f"model_cycles_{SUFFIXES[self.board.core]}")
        return layer.cycles if self.measure == "cycles" else layer.instructions


def _trial(found: Measured, name: str, choice: Choice) -> Trial:
    return Trial(name, choice, found.costs[name], found.verdicts[name])
