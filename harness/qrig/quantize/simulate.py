"""Exact integer inference of many images at once: what the target computes, to the bit.

The results are those of `qrig.reference` for every image (a test compares them); the order of work
suits a search, which computes one layer many times with other formats.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import (
    Int8Array,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
)
from qrig.fixedpoint.semantics import DEFAULT, Semantics, check_compiled
from qrig.quantize.float_pass import Images
from qrig.quantize.windows import chunks, columns, padded, taps_inside, windows_along
from qrig.reference.run import compute_layer

_EXACT = 1 << 24
_MOST_TAPS_OF_FLOAT32 = _EXACT >> 8

Products = npt.NDArray[np.floating[Any]]
"""Integers as floats that hold them exactly."""

Weighted = QuantizedConvolution | QuantizedDepthwiseConvolution | QuantizedInnerProduct

QUANTIZED_WEIGHTED = (QuantizedConvolution, QuantizedDepthwiseConvolution, QuantizedInnerProduct)
"""Layers with weights."""


def simulate(
    network: QuantizedNetwork,
    images: Images,
    semantics: Semantics = DEFAULT,
    *,
    known: dict[str, Int8Array] | None = None,
    keep: bool = False,
) -> dict[str, Int8Array]:
    """Return int8 tensors (n, h, w, c), the logits among them: all if they are to be kept.

    Tensors in `known` are taken as they are. Without `keep`, others are dropped when their last
    reader has been computed.
    """
    kept = known or {}
    tensors = dict(kept)
    if network.input.name not in tensors:
        tensors[network.input.name] = quantize_images(images, network.input)
    readers = {name: layer.name for layer in network.layers for name in layer.inputs}
    for layer in network.layers[: network.logits_stage]:
        if layer.name in tensors:
            continue
        tensors[layer.name] = simulate_layer(
            layer, [tensors[name] for name in layer.inputs], semantics
        )
        for name in () if keep else layer.inputs:
            if readers[name] == layer.name and name not in kept:
                tensors.pop(name, None)
    return tensors


def quantize_images(images: Images, source: QuantizedInput) -> Int8Array:
    """Return the int8 input tensors (n, h, w, c) of uint8 pixels."""
    result = np.empty(images.shape, dtype=np.int8)
    half = (1 << source.shift) >> 1
    for part in chunks(len(images), 16 * source.shape.size):
        scaled = (images[part].astype(np.int32) - source.mean) * source.multiplier
        result[part] = np.clip((scaled + half) >> source.shift, -128, 127)
    return result


@singledispatch
def simulate_layer(
    layer: QuantizedLayer, inputs: list[Int8Array], semantics: Semantics
) -> Int8Array:
    """Return the int8 output (n, h, w, c) of a layer, image by image unless a faster form is known.

    Raises UnsupportedNetworkError for a layer the reference does not have.
    """
    found = [
        compute_layer(layer, tuple(tensor[index] for tensor in inputs), semantics)
        for index in range(len(inputs[0]))
    ]
    return np.stack(found)


@simulate_layer.register(QuantizedConvolution)
@simulate_layer.register(QuantizedDepthwiseConvolution)
@simulate_layer.register(QuantizedInnerProduct)
def _weighted(layer: Weighted, inputs: list[Int8Array], semantics: Semantics) -> Int8Array:
    (tensors,) = inputs
    result = np.empty((len(tensors), *layer.out_shape), dtype=np.int8)
    for part, products in layer_products(layer, tensors):
        result[part] = requantize(products, layer, truncate=semantics.truncate)
    return result


@simulate_layer.register
def _relu(layer: QuantizedReLU, inputs: list[Int8Array], semantics: Semantics) -> Int8Array:
    check_compiled(semantics)  # OpenMV's forms have no form for many images
    return np.maximum(inputs[0], 0)


@simulate_layer.register
def _pooling(layer: QuantizedPooling, inputs: list[Int8Array], semantics: Semantics) -> Int8Array:
    check_compiled(semantics)
    (tensors,) = inputs
    if any(pad and pad >= stride for pad, stride in zip(layer.pad, layer.stride, strict=True)):
        raise UnsupportedNetworkError(  # the in-place kernels overwrite what they still read
            f"layer {layer.name!r}: expected a padding smaller than the stride, found {layer.pad}"
        )
    if layer.method == "max":  # y first: whole rows are compared
        return _joined(layer, _joined(layer, tensors, 1, np.maximum, -128), 2, np.maximum, -128)
    result = np.empty((len(tensors), *layer.out_shape), dtype=np.int8)
    for part in chunks(len(tensors), 8 * layer.in_shape.size):
        if semantics.pooling == "dsp":
            result[part] = _averaged_twice(layer, tensors[part])
        else:
            total = _joined(layer, tensors[part].astype(_exact_sums(layer)), 1, np.add, 0)
            total = _joined(layer, total, 2, np.add, 0)
            counts = _counts(layer, 1)[:, np.newaxis] * _counts(layer, 2)
            result[part] = np.trunc(total / counts[:, :, np.newaxis])
    return result


def _exact_sums(layer: QuantizedPooling) -> type[np.float32 | np.float64]:
    """Return the type in which no sum of a window is rounded."""
    is_small = layer.kernel.y * layer.kernel.x <= _MOST_TAPS_OF_FLOAT32
    return np.float32 if is_small else np.float64


def _counts(layer: QuantizedPooling, axis: int) -> npt.NDArray[np.float32]:
    sides = (layer.kernel, layer.stride, layer.pad, layer.out_shape)
    return taps_inside(layer.in_shape[axis - 1], *(side[axis - 1] for side in sides)).astype(
        np.float32
    )


def _joined(
    layer: QuantizedPooling, tensors: npt.NDArray[Any], axis: int, join: Any, fill: int
) -> npt.NDArray[Any]:
    kernel, stride, pad, out = (
        side[axis - 1] for side in (layer.kernel, layer.stride, layer.pad, layer.out_shape)
    )
    total: npt.NDArray[Any] | None = None
    for seen in windows_along(tensors, axis, kernel, stride, pad, out, fill):
        total = seen.copy() if total is None else join(total, seen, out=total)
    if total is None:
        raise AssertionError("a window has at least one tap")
    return total


def _averaged_twice(layer: QuantizedPooling, tensors: Int8Array) -> npt.NDArray[np.float32]:
    """Average along x, then along y, each rounded toward zero.

    A float32 quotient of such small integers is rounded by less than its distance to an integer.
    """
    wide = tensors.astype(np.float32)
    along_x = _joined(layer, wide, 2, np.add, 0) / _counts(layer, 2)[:, np.newaxis]
    along_y = _joined(layer, np.trunc(along_x), 1, np.add, 0)
    return np.trunc(along_y / _counts(layer, 1)[:, np.newaxis, np.newaxis])


def layer_products(layer: Weighted, tensors: Int8Array) -> Any:
    """Yield (slice of images, products (n, h, w, c)): exact sums of inputs times weights."""
    out, kind = layer.out_shape, product_type(layer)
    if isinstance(layer, QuantizedDepthwiseConvolution):
        for part in chunks(len(tensors), 8 * layer.in_shape.size):
            yield part, _depthwise_products(layer, tensors[part], kind)
        return
    matrix = np.ascontiguousarray(layer.weights.reshape(out.c, -1).T.astype(kind))
    if isinstance(layer, QuantizedInnerProduct):
        for part in chunks(len(tensors), 4 * len(matrix)):
            flat = tensors[part].reshape(-1, len(matrix)).astype(kind)
            yield part, (flat @ matrix).reshape(-1, *out)
        return
    for part in chunks(len(tensors), 4 * out.h * out.w * len(matrix)):
        images = padded(tensors[part], layer.pad, kind)
        found = columns(images, layer.kernel, layer.stride, out) @ matrix
        yield part, found.reshape(-1, *out)


def _depthwise_products(
    layer: QuantizedDepthwiseConvolution, tensors: Int8Array, kind: type[np.floating[Any]]
) -> Products:
    out, (sy, sx) = layer.out_shape, layer.stride
    images = padded(tensors, layer.pad, kind)
    result = np.zeros((len(tensors), *out), dtype=kind)
    for y, x in np.ndindex(*layer.kernel):
        seen = images[:, y : y + (out.h - 1) * sy + 1 : sy, x : x + (out.w - 1) * sx + 1 : sx]
        result += seen * layer.weights[y, x].astype(kind)
    return result


def product_type(layer: Weighted) -> type[np.floating[Any]]:
    """Return the float type that holds every partial sum of the layer's products exactly."""
    return np.float32 if 128 * largest_row(layer) <= _EXACT else np.float64


def largest_row(layer: Weighted) -> int:
    """Return the largest sum of absolute weights of one output."""
    weights = np.abs(layer.weights.astype(np.int64))
    if isinstance(layer, QuantizedDepthwiseConvolution):
        return int(weights.sum(axis=(0, 1)).max(initial=0))
    return int(weights.reshape(len(weights), -1).sum(axis=1).max(initial=0))


def requantize(products: Products, layer: Weighted, *, truncate: bool = False) -> Int8Array:
    """Return `sat8((products + (bias << bias_shift) + round) >> output_shift)` as int8.

    `products` may be overwritten. Where every sum is below 2^24 the work is done in float32, which
    is then exact; otherwise in 32-bit accumulators that wrap as the kernels' do.
    """
    rounding = 0 if truncate else (1 << layer.output_shift) >> 1
    start = (layer.bias.astype(np.int64) << layer.bias_shift) + rounding
    bound = 128 * largest_row(layer) + int(np.abs(start).max(initial=0))
    if products.dtype == np.float32 and bound <= _EXACT:
        products += start.astype(np.float32)
        products *= np.float32(2.0**-layer.output_shift)
        np.floor(products, out=products)
        return np.asarray(np.clip(products, -128, 127, out=products), dtype=np.int8)
    wide = (products.astype(np.int64) + start).astype(np.int32)
    return np.asarray(np.clip(wide >> layer.output_shift, -128, 127), dtype=np.int8)
