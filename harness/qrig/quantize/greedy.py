"""The first half of the search: layer by layer, the formats that lose least on a few images.

Every layer gets the integer inputs that the layers before it really make. Of each pair of weight
and output formats its exact integer output is computed, passed through the ReLU and pooling behind
it, and compared with the float tensor there; the smallest mean squared error wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field

from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.quantized import Int8Array, QuantizedLayer, QuantizedNetwork
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.graph import FloatArray, Layer, Network, Pooling, ReLU
from qrig.quantize.assignment import Assignment, activation_limits, formats_of, is_free, limited
from qrig.quantize.calibration import Calibration
from qrig.quantize.magnitudes import WEIGHTED, Weighted, bits_of
from qrig.quantize.ranges import ranged_assignment
from qrig.quantize.simulate import (
    layer_products,
    quantize_images,
    requantize,
    simulate_layer,
)

STEPS = 4
"""How many formats of weights and of outputs are tried: the one of the range and finer ones."""

LOST_BIAS = 2.0
"""How many times the squared error counts when a bias is rounded to zeros as a whole.

Its loss hardly shows in the error on a few images, but nothing else makes up for it.
"""


def greedy(calibration: Calibration, semantics: Semantics) -> Assignment:
    """Return the formats that lose least, chosen layer by layer."""
    network = calibration.network
    work = _Work(calibration, semantics, ranged_assignment(network, calibration.magnitudes))
    work.choose_input()
    for index, layer in enumerate(network.layers):
        if isinstance(layer, WEIGHTED):
            work.choose_weighted(index, layer)
        elif is_free(layer):
            work.choose_sum(index, layer)
        work.compute(index)
    return limited(network, work.assignment)


def tail(network: Network, layer: Layer) -> list[int]:
    """Return the indices of the ReLUs and poolings behind a layer that alone read its tensor."""
    found: list[int] = []
    name = layer.name
    while True:
        readers = [index for index, one in enumerate(network.layers) if name in one.inputs]
        if len(readers) != 1 or not isinstance(network.layers[readers[0]], Pooling | ReLU):
            return found
        found += readers
        name = network.layers[readers[0]].name


@define
class _Work:
    """The tensors so far, as the target would hold them."""

    calibration: Calibration
    semantics: Semantics
    assignment: Assignment
    tensors: dict[str, Int8Array] = field(factory=dict)

    @property
    def network(self) -> Network:
        return self.calibration.network

    def quantized(self, assignment: Assignment | None = None) -> QuantizedNetwork:
        return quantize_network(
            self.network, formats_of(self.network, assignment or self.assignment)
        )

    def compute(self, index: int) -> None:
        """Compute a layer with the formats chosen."""
        layer = self.quantized().layers[index]
        inputs = [self.tensors[name] for name in layer.inputs]
        self.tensors[layer.name] = simulate_layer(layer, inputs, self.semantics)

    def choose_input(self) -> None:
        source, target = self.network.input, self.calibration.tensors[self.network.input.name]
        images = self.calibration.images[self.calibration.close]
        first = self.assignment.activations[source.name]
        losses: dict[int, float] = {}
        for bits in self._finer(source.name, first):
            quantized = self.quantized(self.assignment.with_activation(source.name, bits)).input
            tensor = quantize_images(images, quantized)
            losses.setdefault(bits, _loss(tensor, quantized.fraction_bits, target))
        best = min(losses, key=lambda bits: (losses[bits], bits))
        self.assignment = self.assignment.with_activation(source.name, best)
        self.tensors[source.name] = quantize_images(images, self.quantized().input)

    def choose_weighted(self, index: int, layer: Weighted) -> None:
        behind = tail(self.network, layer)
        inputs = self.tensors[layer.inputs[0]]
        outputs = self._outputs(layer, behind)
        best: tuple[float, Assignment] | None = None
        for weight in range(
            self.assignment.weights[layer.name], self.assignment.weights[layer.name] + STEPS
        ):
            products: npt.NDArray[Any] | None = None
            for out in outputs:
                trial = self.assignment.with_weights(layer.name, weight)
                trial = trial.with_activation(layer.name, out)
                network = self.quantized(trial)
                made: Any = network.layers[index]
                if products is None:
                    products = np.concatenate([found for _, found in layer_products(made, inputs)])
                tensor = requantize(products.copy(), made, truncate=self.semantics.truncate)
                loss = self._loss_behind(network, made, tensor, behind)
                if layer.bias.any() and not made.bias.any():
                    loss *= LOST_BIAS
                if best is None or loss < best[0]:
                    best = loss, trial
        self.assignment = best[1] if best else self.assignment

    def choose_sum(self, index: int, layer: Layer) -> None:
        behind = tail(self.network, layer)
        inputs = [self.tensors[name] for name in layer.inputs]
        best: tuple[float, Assignment] | None = None
        for out in self._outputs(layer, behind):
            trial = self.assignment.with_activation(layer.name, out)
            network = self.quantized(trial)
            made = network.layers[index]
            tensor = simulate_layer(made, inputs, self.semantics)
            loss = self._loss_behind(network, made, tensor, behind)
            if best is None or loss < best[0]:
                best = loss, trial
        self.assignment = best[1] if best else self.assignment

    def _outputs(self, layer: Layer, behind: list[int]) -> list[int]:
        """Return output formats to try; what a ReLU will cut off needs no room."""
        cut = _cuts(self.network.layers[index] for index in behind)
        found = self.calibration.positive if cut else self.calibration.magnitudes
        first = self.assignment.activations[layer.name]
        if found[layer.name] > 0:  # else nothing is left, whatever the format
            first = bits_of(found[layer.name])
        return list(self._finer(layer.name, first))

    def _finer(self, name: str, first: int) -> Iterator[int]:
        """Yield formats from `first` to finer ones, within what the readers take."""
        low, high = activation_limits(self.network).get(name, (first, first + STEPS))
        seen = set()
        for bits in range(first, first + STEPS):
            kept = min(max(bits, low), high)
            if kept not in seen:
                seen.add(kept)
                yield kept

    def _loss_behind(
        self, network: QuantizedNetwork, layer: QuantizedLayer, tensor: Int8Array, behind: list[int]
    ) -> float:
        for index in behind:
            layer = network.layers[index]
            tensor = simulate_layer(layer, [tensor], self.semantics)
        return _loss(tensor, layer.fraction_bits, self.calibration.tensors[layer.name])


def _cuts(behind: Iterable[Layer]) -> bool:
    """Return whether a ReLU sees the values themselves, or the largest of some."""
    for layer in behind:
        if isinstance(layer, ReLU):
            return True
        if isinstance(layer, Pooling) and layer.method == "average":
            return False
    return False


def _loss(tensor: Int8Array, bits: int, wanted: FloatArray) -> float:
    """Return the sum of squared differences of an integer tensor to a float one."""
    difference = tensor * np.float32(2.0**-bits) - wanted
    return float(np.square(difference, dtype=np.float64).sum())
