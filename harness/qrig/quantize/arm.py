"""ARM's own search, for comparison: the algorithm of `nn_quantizer.py`.

It judges by accuracy alone, in three passes over the whole network (weights, activations, biases),
on a float network whose numbers are rounded: activations are floored, not rounded, and accumulators
are not modelled. What the original does wrong and this does not: a bias or a layer of zeros gets 7
fractional bits instead of stopping it, and negative shifts, which no kernel has, are capped.
Source of the algorithm: ARM-software/ML-examples, cmsisnn-cifar10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.formats import Formats
from qrig.networks.graph import FloatArray, Layer, Network, Pooling, Softmax
from qrig.quantize.assignment import Assignment, formats_of
from qrig.quantize.calibration import Calibration
from qrig.quantize.float_pass import float_input, float_layer
from qrig.quantize.images import batches
from qrig.quantize.magnitudes import WEIGHTED, Weighted, bits_of, magnitude
from qrig.quantize.refine import Progress

TOLERANCE = 0.001
"""Percentage points of accuracy at which a format is good enough, as the original has it."""

_STEPS = 3

Rounded = Callable[[FloatArray], FloatArray]


@frozen
class ArmBits:
    """Fractional bits as the script chooses them, in that order; a shift may be negative.

    `activations` are those of the input, of layers with weights and of average poolings.
    """

    weights: Mapping[str, int]
    activations: Mapping[str, int]
    biases: Mapping[str, int]


def arm_bits(
    calibration: Calibration,
    *,
    tolerance: float = TOLERANCE,
    progress: Progress = lambda what, done, total: None,
) -> ArmBits:
    """Search fractional bits as ARM's script does; raises UnsupportedNetworkError for branches.

    Accuracy is Caffe's: a tie for the largest output counts as wrong.
    """
    if (reason := why_not(calibration.network)) is not None:
        raise UnsupportedNetworkError(f"{reason}; use --method search")
    work = _Work(calibration, tolerance, progress)
    work.weights_pass()
    work.activations_pass()
    return ArmBits(work.weights, work.ends, work.biases_pass())


def arm_formats(
    calibration: Calibration,
    *,
    tolerance: float = TOLERANCE,
    progress: Progress = lambda what, done, total: None,
) -> Formats:
    """Return the formats of `arm_bits`, with shifts that kernels have."""
    found = arm_bits(calibration, tolerance=tolerance, progress=progress)
    return formats_of(
        calibration.network,
        Assignment(found.activations, found.weights),
        lambda layer, low, high: min(max(found.biases[layer.name], low), high),
        source=f"formats by ARM's method on {len(calibration.images)} images",
    )


def why_not(network: Network) -> str | None:
    """Return why ARM's method does not apply to `network`, None if it does."""
    names = [network.input.name, *(layer.name for layer in network.layers)]
    for before, layer in zip(names, network.layers, strict=False):
        if layer.inputs != (before,):
            return (
                f"{layer.where}: expected one chain of layers, which is all that ARM's method "
                f"follows, found that it reads {', '.join(layer.inputs)}"
            )
    return None


@define
class _Work:
    """The float network so far, with the numbers that are rounded already."""

    calibration: Calibration
    tolerance: float
    progress: Progress
    layers: list[Layer] = field(init=False)
    weights: dict[str, int] = field(factory=dict)
    ends: dict[str, int] = field(factory=dict)
    averages: set[str] = field(factory=set)
    evaluations: int = 0

    def __attrs_post_init__(self) -> None:
        self.layers = [
            layer for layer in self.calibration.network.layers if not isinstance(layer, Softmax)
        ]

    def _weighted(self) -> list[tuple[int, Weighted]]:
        """Layers with weights, with their indices: all convolutions, then all inner products."""
        found = [(i, layer) for i, layer in enumerate(self.layers) if isinstance(layer, WEIGHTED)]
        return sorted(found, key=lambda item: item[1].type == "innerproduct")

    def accuracy(self, roundings: dict[str, Rounded] | None = None) -> float:
        """Return the accuracy in percent with the layers as they are."""
        self.evaluations += 1
        self.progress("ARM's method", self.evaluations, 4 * 3 * (len(self._weighted()) + 1))
        network, images = self.calibration.network, self.calibration.images
        right = 0
        for part in batches(network, len(images)):
            logits = self._forward(images[part], roundings or {})
            labels = self.calibration.labels[part]
            true = logits[np.arange(len(labels)), labels]
            right += int(((logits >= true[:, np.newaxis]).sum(axis=1) == 1).sum())
        return 100.0 * right / len(images)

    def _forward(self, images: npt.NDArray[np.uint8], roundings: dict[str, Rounded]) -> FloatArray:
        source = self.calibration.network.input
        tensor = float_input(source, images)
        if source.name in roundings:
            tensor = roundings[source.name](tensor)
        for layer in self.layers:
            tensor = float_layer(layer, [tensor])
            if layer.name in roundings:
                tensor = roundings[layer.name](tensor)
        return tensor.reshape(len(images), -1)

    def _search(
        self, bits: int, target: float, trial: Callable[[int, bool], float]
    ) -> tuple[int, bool]:
        """Return the best bits and whether they saturate; `trial` gets both.

        At most three finer formats are tried, as long as the last trial was not good enough.
        """
        best, best_accuracy, clamps = bits, trial(bits, False), False
        last = best_accuracy
        for finer in range(bits + 1, bits + 1 + _STEPS):
            if target - last <= self.tolerance:
                break
            last = trial(finer, True)
            if last > best_accuracy:
                best, best_accuracy, clamps = finer, last, True
        return best, clamps

    def weights_pass(self) -> None:
        target = self.accuracy()
        for index, layer in self._weighted():

            def trial(bits: int, clamp: bool, index: int = index, layer: Weighted = layer) -> float:
                self.layers[index] = attrs.evolve(
                    layer, weights=_rounded(layer.weights, bits, clamp=clamp)
                )
                return self.accuracy()

            best, _ = self._search(bits_of(magnitude(layer.weights)), target, trial)
            self.weights[layer.name] = best
            self.layers[index] = attrs.evolve(
                layer, weights=_rounded(layer.weights, best, clamp=True)
            )

    def activations_pass(self) -> None:
        target = self.accuracy()
        magnitudes = self._magnitudes()
        active: dict[str, bool] = {}
        previous = self.calibration.network.input.name
        for name in magnitudes:
            if name in self.averages:
                self.ends[name] = self.ends[previous]
                active[name] = True
                continue

            def trial(bits: int, clamp: bool, name: str = name) -> float:
                tried = {**self.ends, name: bits}
                return self.accuracy(
                    {each: _floor(tried[each], clamp=clamp) for each in (*active, name)}
                )

            self.ends[name], _ = self._search(bits_of(magnitudes[name]), target, trial)
            active[name] = True
            previous = name

    def _magnitudes(self) -> dict[str, float]:
        """Return the largest magnitude of the input and of every end of a segment."""
        found = {self.calibration.network.input.name: 0.0}
        for layer in self.layers:
            is_average = isinstance(layer, Pooling) and layer.method == "average"
            if is_average:
                self.averages.add(layer.name)
            if is_average or isinstance(layer, WEIGHTED):
                found[layer.name] = 0.0

        def note(name: str) -> Rounded:
            def look(tensor: FloatArray) -> FloatArray:
                found[name] = max(found[name], magnitude(tensor))
                return tensor

            return look

        self.accuracy({name: note(name) for name in found})
        return found

    def biases_pass(self) -> dict[str, int]:
        """Return bits of biases by layer; the original's cap at the accumulator's is kept."""
        roundings = {name: _floor(bits, clamp=True) for name, bits in self.ends.items()}
        target = self.accuracy(roundings)
        chosen: dict[str, int] = {}
        for index, layer in self._weighted():
            names = [self.calibration.network.input.name, *(one.name for one in self.layers)]
            before = [name for name in names[: index + 1] if name in self.ends][-1]
            accumulator = self.weights[layer.name] + self.ends[before]
            bits = bits_of(magnitude(layer.bias))

            def trial(bits: int, clamp: bool, index: int = index, layer: Weighted = layer) -> float:
                self.layers[index] = attrs.evolve(
                    layer, bias=_rounded(layer.bias, bits, clamp=clamp)
                )
                return self.accuracy(roundings)

            if bits > accumulator:
                best = accumulator
            else:
                best, _ = self._search(bits, target, trial)
            self.layers[index] = attrs.evolve(layer, bias=_rounded(layer.bias, best, clamp=True))
            chosen[layer.name] = best
        return chosen


def _rounded(values: FloatArray, bits: int, *, clamp: bool) -> FloatArray:
    steps = np.round(values.astype(np.float64) * 2.0**bits)
    if clamp:
        steps = np.clip(steps, -128, 127)
    return (steps * 2.0**-bits).astype(np.float32)


def _floor(bits: int, *, clamp: bool) -> Rounded:
    """Return a function that floors a tensor to `bits`, as ARM models a right shift."""

    def rounded(tensor: FloatArray) -> FloatArray:
        steps = np.floor(tensor * np.float32(2.0**bits))
        if clamp:
            steps = np.clip(steps, -128, 127)
        return np.asarray(steps * np.float32(2.0**-bits), dtype=np.float32)

    return rounded
