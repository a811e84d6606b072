"""The second half of the search: one format at a time, judged by the whole network's outputs.

A candidate is judged by what the target computes for the images to be judged on: first by how far
its accuracy falls short of the float network's, beyond the tolerance, then by the squared error of
its logits against the float logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np
from attrs import define, field, frozen

from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.quantized import Int8Array, QuantizedNetwork
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.graph import FloatArray, Network
from qrig.quantize.assignment import Assignment, formats_of, limited
from qrig.quantize.calibration import Calibration, accuracy
from qrig.quantize.greedy import LOST_BIAS
from qrig.quantize.magnitudes import WEIGHTED
from qrig.quantize.simulate import QUANTIZED_WEIGHTED, simulate

MAX_SWEEPS = 3
"""How often every format may be tried again."""

_WORTHWHILE = 0.99

Progress = Callable[[str, int, int], None]
"""Called with what is done, how many steps of it are done, and how many there are at most."""


@frozen
class Score:
    """How good a choice is; the smaller the better.

    `excess` is how many percentage points of accuracy are lost beyond the tolerance; `error` the
    logits' mean squared error over the variance of the float logits, more for lost biases.
    """

    excess: float
    error: float


def refine(
    calibration: Calibration,
    starts: Sequence[Assignment],
    semantics: Semantics,
    *,
    tolerance: float | None,
    progress: Progress,
) -> Assignment:
    """Begin with the best of `starts`; change one format after the other as long as that is better.

    With a `tolerance` (percentage points) it ends as soon as the accuracy is that close to the
    float network's.
    """
    judge = _Judge(calibration, semantics, tolerance or 0.0)
    best, score, tensors = starts[0], *judge.score(judge.quantized(starts[0]), {})
    for other in starts[1:]:
        new_score, new_tensors = judge.score(judge.quantized(other), {})
        if _is_better(new_score, score):
            best, score, tensors = other, new_score, new_tensors
    for sweep in range(MAX_SWEEPS):
        moves = list(_moves(best))
        improved = False
        for number, (name, weights, by) in enumerate(moves):
            progress("search", sweep * len(moves) + number, MAX_SWEEPS * len(moves))
            if tolerance is not None and score.excess == 0:
                return best
            trial = limited(calibration.network, _changed(best, name, weights=weights, by=by))
            made = judge.quantized(trial)
            known = unchanged(judge.quantized(best), made, tensors)
            if len(known) == len(tensors):  # the same network
                continue
            new_score, new_tensors = judge.score(made, known)
            if _is_better(new_score, score):
                best, score, tensors, improved = trial, new_score, new_tensors, True
        if not improved:
            break
    return best


def _is_better(new: Score, old: Score) -> bool:
    """Return whether accuracy is nearer, or as near and the error smaller by more than chance."""
    if new.excess != old.excess:
        return new.excess < old.excess
    return new.error < _WORTHWHILE * old.error


def _moves(assignment: Assignment) -> Iterator[tuple[str, bool, int]]:
    """Yield (tensor or layer, whether its weights, by how many bits)."""
    for name in assignment.activations:
        for by in (1, -1):
            yield name, False, by
        if name in assignment.weights:
            for by in (1, -1):
                yield name, True, by


def _changed(assignment: Assignment, name: str, *, weights: bool, by: int) -> Assignment:
    if weights:
        return assignment.with_weights(name, assignment.weights[name] + by)
    return assignment.with_activation(name, assignment.activations[name] + by)


@define
class _Judge:
    """Scores of choices, on the images to be judged on."""

    calibration: Calibration
    semantics: Semantics
    tolerance: float
    _wanted: FloatArray = field(init=False)
    _target: float = field(init=False)
    _variance: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        judged = self.calibration.judged
        self._wanted = self.calibration.logits[judged]
        self._target = accuracy(self._wanted, self.calibration.labels[judged])
        self._variance = float(self._wanted.var(dtype=np.float64)) or 1.0

    @property
    def network(self) -> Network:
        return self.calibration.network

    def quantized(self, assignment: Assignment) -> QuantizedNetwork:
        return quantize_network(self.network, formats_of(self.network, assignment))

    def score(
        self, made: QuantizedNetwork, known: dict[str, Int8Array]
    ) -> tuple[Score, dict[str, Int8Array]]:
        """Return score and all tensors of a network; those in `known` are not computed again."""
        images = self.calibration.images[self.calibration.judged]
        found = simulate(made, images, self.semantics, known=known, keep=True)
        last = made.stages[made.logits_stage]
        logits = found[last.name].reshape(len(images), -1) * np.float32(2.0**-last.fraction_bits)
        right = accuracy(logits, self.calibration.labels[self.calibration.judged])
        error = float(np.square(logits - self._wanted, dtype=np.float64).mean()) / self._variance
        error *= LOST_BIAS ** lost_biases(self.network, made)
        return Score(max(0.0, self._target - right - self.tolerance), error), found


def lost_biases(network: Network, made: QuantizedNetwork) -> int:
    """Return how many biases are zeros in the quantised network alone."""
    return sum(
        bool(layer.bias.any()) and not quantized.bias.any()
        for layer, quantized in zip(network.layers, made.layers, strict=True)
        if isinstance(layer, WEIGHTED) and isinstance(quantized, QUANTIZED_WEIGHTED)
    )


def unchanged(
    old: QuantizedNetwork, new: QuantizedNetwork, tensors: dict[str, Int8Array]
) -> dict[str, Int8Array]:
    """Return the tensors that both networks make alike."""
    alike = {}
    for before, after in zip(old.stages, new.stages, strict=True):
        sources = getattr(after, "inputs", ())
        known = after.name in tensors and all(name in alike for name in sources)
        if known and _same(before, after):
            alike[after.name] = tensors[after.name]
    return alike


def _same(one: object, other: object) -> bool:
    """Return whether two stages have equal fields, arrays included."""
    values = (attrs.asdict(stage, recurse=False) for stage in (one, other))  # type: ignore[arg-type]  # both are
    return all(
        np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
        for a, b in zip(*(value.values() for value in values), strict=True)
    )
