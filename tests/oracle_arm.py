"""ARM's search for formats in double precision and plain loops, from its description alone.

Written from the facts about `nn_quantizer.py` (ARM-software/ML-examples, cmsisnn-cifar10): three
passes, each over all layers, judged by accuracy. It shares no code with qrig.quantize.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from attrs import Factory, define

from qrig.networks.graph import Convolution, InnerProduct, Layer, Network, Pooling, ReLU, Softmax

Values = npt.NDArray[np.float64]
Hook = Callable[[str, Values], Values]

GOOD_ENOUGH = 0.001
"""Points of accuracy: the script's --tolerance never reaches the searches."""

MOST_FINER = 3


def integer_bits(largest: float) -> int:
    """ceil(log2(largest)); the script stops at zero, for which this takes Q0.7."""
    if largest == 0:
        return 0
    bits = -40
    while 2.0**bits < largest:
        bits += 1
    return bits


def rounded(values: Values, bits: int, *, clamp: bool) -> Values:
    """Numbers as a format of `bits` fractional bits holds them: half to even, as numpy rounds."""
    found = []
    for value in values.ravel().tolist():
        step = round(value * 2.0**bits)  # Python, too, rounds half to even
        found.append((min(max(step, -128), 127) if clamp else step) / 2.0**bits)
    return np.array(found).reshape(values.shape)


def floored(values: Values, bits: int, *, clamp: bool) -> Values:
    """Activations, as the script models a shift: towards minus infinity."""
    steps = values * 2.0**bits
    steps = steps - steps % 1.0
    if clamp:
        steps = np.minimum(np.maximum(steps, -128.0), 127.0)
    return steps / 2.0**bits


def convolved(layer: Convolution, tensor: Values, weights: Values, bias: Values) -> Values:
    out = np.zeros((len(tensor), *layer.out_shape))
    height, width, _ = layer.in_shape
    for y, x in np.ndindex(*layer.out_shape[:2]):
        out[:, y, x] = bias
        for ky, kx in np.ndindex(*layer.kernel):
            row, column = (
                y * layer.stride.y - layer.pad.y + ky,
                x * layer.stride.x - layer.pad.x + kx,
            )
            if 0 <= row < height and 0 <= column < width:
                out[:, y, x] += tensor[:, row, column] @ weights[:, ky, kx].T
    return out


def pooled(layer: Pooling, tensor: Values) -> Values:
    out = np.zeros((len(tensor), *layer.out_shape))
    height, width, _ = layer.in_shape
    for y, x in np.ndindex(*layer.out_shape[:2]):
        rows = range(y * layer.stride.y, min(y * layer.stride.y + layer.kernel.y, height))
        columns = range(x * layer.stride.x, min(x * layer.stride.x + layer.kernel.x, width))
        inside = [tensor[:, row, column] for row in rows for column in columns]
        out[:, y, x] = max_of(inside) if layer.method == "max" else sum(inside) / len(inside)
    return out


def max_of(values: list[Values]) -> Values:
    largest = values[0]
    for value in values[1:]:
        largest = np.where(value > largest, value, largest)
    return largest


@define
class ArmSearch:
    """The state of the search: the numbers of the layers so far, and the formats chosen."""

    network: Network
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    weights: dict[str, Values] = Factory(dict)
    biases: dict[str, Values] = Factory(dict)
    weight_bits: dict[str, int] = Factory(dict)
    act_bits: dict[str, int] = Factory(dict)
    bias_bits: dict[str, int] = Factory(dict)
    moved: set[str] = Factory(set)
    capped: set[str] = Factory(set)

    def layers(self) -> list[Layer]:
        return [layer for layer in self.network.layers if not isinstance(layer, Softmax)]

    def run(self) -> None:
        for layer in self.layers():
            if isinstance(layer, Convolution | InnerProduct):
                self.weights[layer.name] = layer.weights.astype(np.float64)
                self.biases[layer.name] = layer.bias.astype(np.float64)
        self.search_weights()
        self.search_activations()
        self.search_biases()

    def with_weights(self) -> list[str]:
        """All convolutions, then all inner products."""
        kinds = (Convolution, InnerProduct)
        return [layer.name for kind in kinds for layer in self.layers() if isinstance(layer, kind)]

    def ends(self) -> list[str]:
        """Ends of segments: the input, layers with weights, and average poolings."""
        found = [self.network.input.name]
        for layer in self.layers():
            average = isinstance(layer, Pooling) and layer.method == "average"
            if average or isinstance(layer, Convolution | InnerProduct):
                found.append(layer.name)
        return found

    def averages(self) -> set[str]:
        return {end for end in self.ends()[1:] if end not in self.with_weights()}

    def accuracy(self, hook: Hook = lambda name, tensor: tensor) -> float:
        """In percent; an answer counts as right if no other is as large."""
        source = self.network.input
        tensor = self.images.astype(np.float64)
        if source.mean is not None:
            tensor = tensor - source.mean
        tensor = hook(source.name, tensor * source.scale)
        for layer in self.layers():
            if isinstance(layer, Convolution):
                tensor = convolved(layer, tensor, self.weights[layer.name], self.biases[layer.name])
            elif isinstance(layer, InnerProduct):
                flat = tensor.reshape(len(tensor), -1)
                made = flat @ self.weights[layer.name].T + self.biases[layer.name]
                tensor = made.reshape(len(tensor), 1, 1, -1)
            elif isinstance(layer, Pooling):
                tensor = pooled(layer, tensor)
            else:
                assert isinstance(layer, ReLU)
                tensor = np.where(tensor > 0, tensor, 0.0)
            tensor = hook(layer.name, tensor)
        right = 0
        for row, label in zip(tensor.reshape(len(tensor), -1).tolist(), self.labels, strict=True):
            right += all(value < row[label] for i, value in enumerate(row) if i != label)
        return 100.0 * right / len(self.labels)

    def search(self, what: str, first: int, target: float, judged: Callable[..., float]) -> int:
        """Try formats from `first` on, each a bit finer, while the last one was not good enough."""
        bits = best = first
        last = most = judged(bits, clamp=False)
        while target - last > GOOD_ENOUGH and bits < first + MOST_FINER:
            bits += 1
            last = judged(bits, clamp=True)
            if last > most:
                best, most = bits, last
        if best != first:
            self.moved.add(what)
        return best

    def search_weights(self) -> None:
        target = self.accuracy()
        for name in self.with_weights():
            original = self.weights[name]

            def judged(
                bits: int, *, clamp: bool, name: str = name, kept: Values = original
            ) -> float:
                self.weights[name] = rounded(kept, bits, clamp=clamp)
                return self.accuracy()

            first = 7 - integer_bits(float(np.abs(original).max()))
            self.weight_bits[name] = self.search("weights", first, target, judged)
            self.weights[name] = rounded(original, self.weight_bits[name], clamp=True)

    def search_activations(self) -> None:
        target = self.accuracy()
        largest: dict[str, float] = {}

        def measure(name: str, tensor: Values) -> Values:
            largest[name] = float(np.abs(tensor).max())
            return tensor

        self.accuracy(measure)
        active: list[str] = []
        for index, end in enumerate(self.ends()):
            active.append(end)
            if end in self.averages():
                self.act_bits[end] = self.act_bits[self.ends()[index - 1]]
                continue

            def judged(bits: int, *, clamp: bool, end: str = end) -> float:
                self.act_bits[end] = bits
                return self.accuracy(
                    lambda name, tensor: (
                        floored(tensor, self.act_bits[name], clamp=clamp)
                        if name in active
                        else tensor
                    )
                )

            first = 7 - integer_bits(largest[end])
            self.act_bits[end] = self.search("activations", first, target, judged)

    def search_biases(self) -> None:
        def shown(name: str, tensor: Values) -> Values:
            if name in self.act_bits:
                return floored(tensor, self.act_bits[name], clamp=True)
            return tensor

        target = self.accuracy(shown)
        for name in self.with_weights():
            before = self.ends()[self.ends().index(name) - 1]
            accumulator = self.weight_bits[name] + self.act_bits[before]
            original = self.biases[name]

            def judged(
                bits: int, *, clamp: bool, name: str = name, kept: Values = original
            ) -> float:
                self.biases[name] = rounded(kept, bits, clamp=clamp)
                return self.accuracy(shown)

            first = 7 - integer_bits(float(np.abs(original).max()))
            if first > accumulator:
                self.capped.add(name)
                chosen = accumulator
            else:
                chosen = self.search("biases", first, target, judged)
            self.bias_bits[name] = chosen
            self.biases[name] = rounded(original, chosen, clamp=True)
