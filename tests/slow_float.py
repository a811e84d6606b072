"""Float layers value by value in double precision, from their definitions: the tests' oracle."""

import math

import numpy as np
import numpy.typing as npt

from qrig.networks.graph import (
    BatchNorm,
    Concat,
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    Flatten,
    InnerProduct,
    Input,
    Layer,
    LocalResponseNormalization,
    Network,
    Pooling,
    ReLU,
    Scale,
    Sigmoid,
    Softmax,
    TanH,
)

Tensor = dict[tuple[int, int, int], float]
Pixels = npt.NDArray[np.uint8]


def slow_forward(network: Network, pixels: Pixels) -> dict[str, Tensor]:
    """Every tensor by name."""
    tensors = {network.input.name: slow_input(network.input, pixels)}
    for layer in network.layers:
        tensors[layer.name] = slow_layer(layer, [tensors[name] for name in layer.inputs])
    return tensors


def slow_input(source: Input, pixels: Pixels) -> Tensor:
    means = [0.0] * source.shape.c if source.mean is None else [float(x) for x in source.mean]
    return {
        (y, x, c): (int(pixels[y, x, c]) - means[c]) * source.scale
        for y, x, c in np.ndindex(*source.shape)
    }


def slow_layer(layer: Layer, tensors: list[Tensor]) -> Tensor:
    """The layer's output for its inputs."""
    tensor = tensors[0]
    if isinstance(layer, Concat):
        values: Tensor = {}
        start = 0
        for shape, part in zip(layer.in_shapes, tensors, strict=True):
            values.update({(y, x, start + c): value for (y, x, c), value in part.items()})
            start += shape.c
        return values
    if isinstance(layer, Flatten):
        h, w, _ = layer.in_shape
        return {(0, 0, (c * h + y) * w + x): value for (y, x, c), value in tensor.items()}
    if isinstance(layer, Eltwise):
        return {at: slow_joined(layer, [each[at] for each in tensors]) for at in tensor}
    return {
        (y, x, c): slow_value(layer, tensor, (y, x, c)) for y, x, c in np.ndindex(*layer.out_shape)
    }


def slow_joined(layer: Eltwise, values: list[float]) -> float:
    if layer.operation == "sum":
        factors = layer.coefficients or [1.0] * len(values)
        return sum(a * b for a, b in zip(factors, values, strict=True))
    return max(values) if layer.operation == "max" else math.prod(values)


def slow_value(layer: Layer, tensor: Tensor, at: tuple[int, int, int]) -> float:
    """One value of the output."""
    if isinstance(layer, InnerProduct | Convolution | DepthwiseConvolution):
        return slow_sum(layer, tensor, at)
    if isinstance(layer, Pooling):
        return slow_pooled(layer, tensor, at)
    if isinstance(layer, LocalResponseNormalization):
        return slow_lrn(layer, tensor, at)
    y, x, c = at
    value = tensor[at]
    if isinstance(layer, Softmax):
        total = sum(math.exp(min(tensor[y, x, i] - value, 700)) for i in range(layer.in_shape.c))
        return 1 / total
    if isinstance(layer, BatchNorm):
        return (value - float(layer.mean[c])) / math.sqrt(float(layer.variance[c]) + layer.eps)
    if isinstance(layer, Scale):
        return value * float(layer.weights[c]) + float(layer.bias[c])
    if isinstance(layer, ReLU):
        return value if value > 0 else layer.negative_slope * value
    if isinstance(layer, TanH):
        return math.tanh(value)
    assert isinstance(layer, Sigmoid)
    return 1 / (1 + math.exp(min(-value, 700)))


def slow_sum(
    layer: InnerProduct | Convolution | DepthwiseConvolution,
    tensor: Tensor,
    at: tuple[int, int, int],
) -> float:
    y, x, c = at
    total = float(layer.bias[c])
    if isinstance(layer, InnerProduct):
        for index, (row, column, i) in enumerate(np.ndindex(*layer.in_shape)):
            total += float(layer.weights[c, index]) * tensor[row, column, i]
        return total
    dense = isinstance(layer, Convolution)
    dy, dx = layer.dilation if isinstance(layer, Convolution) else (1, 1)
    inputs = layer.in_shape.c // layer.groups if isinstance(layer, Convolution) else 1
    outputs = layer.out_shape.c // layer.groups if isinstance(layer, Convolution) else 1
    for ky, kx in np.ndindex(*layer.kernel):
        row = y * layer.stride.y - layer.pad.y + ky * dy
        column = x * layer.stride.x - layer.pad.x + kx * dx
        for i in range(inputs):
            weight = layer.weights[c, ky, kx, i] if dense else layer.weights[ky, kx, c]
            total += float(weight) * tensor.get((row, column, c // outputs * inputs + i), 0.0)
    return total


def slow_pooled(layer: Pooling, tensor: Tensor, at: tuple[int, int, int]) -> float:
    y, x, c = at
    h, w, _ = layer.in_shape
    rows = [y * layer.stride.y - layer.pad.y + k for k in range(layer.kernel.y)]
    columns = [x * layer.stride.x - layer.pad.x + k for k in range(layer.kernel.x)]
    values = [
        tensor[row, column, c] for row in rows for column in columns if (row, column, c) in tensor
    ]
    if layer.method == "max":
        return max(values)
    counted = len(values)
    if layer.counts_padding:  # what lies within image and padding, on the far side at least
        counted = sum(row < h + layer.pad.y for row in rows) * sum(
            column < w + layer.pad.x for column in columns
        )
    return sum(values) / counted


def slow_lrn(layer: LocalResponseNormalization, tensor: Tensor, at: tuple[int, int, int]) -> float:
    y, x, c = at
    reach = range(-(layer.size // 2), layer.size // 2 + 1)
    if layer.within_channel:
        around = [(y + dy, x + dx, c) for dy in reach for dx in reach]
        count = layer.size**2
    else:
        around, count = [(y, x, c + dc) for dc in reach], layer.size
    squares = sum(tensor.get(place, 0.0) ** 2 for place in around)
    scale: float = (layer.k + layer.alpha / count * squares) ** layer.beta
    return tensor[at] / scale
