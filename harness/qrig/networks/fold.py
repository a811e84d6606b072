"""BatchNorm and Scale folded into the layers around them, in float64.

Either is `x * factor + offset` by channel. Behind a convolution, a depthwise convolution or an
inner product that nothing else reads, it becomes part of the weights and bias. In front of such
layers it becomes part of theirs, unless they pad with zeros what has an offset: then the zeros
would have to be something else. On the way it may pass what does not care about it: poolings,
channels put side by side, a ReLU if it only multiplies by something positive.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from qrig.errors import UnsupportedNetworkError
from qrig.networks.graph import (
    BatchNorm,
    Concat,
    Convolution,
    DepthwiseConvolution,
    Flatten,
    InnerProduct,
    Input,
    Layer,
    Pooling,
    ReLU,
    Scale,
)
from qrig.networks.weighted import Weighted, Weights

Numbers = npt.NDArray[np.float64]


@frozen(eq=False)
class Affine:
    """`x * factors + offsets` by channel; both (c,)."""

    factors: Numbers
    offsets: Numbers

    @property
    def only_scales(self) -> bool:
        """Whether it adds nothing."""
        return not self.offsets.any()

    def passes(self, layer: Layer) -> bool:
        """Whether it may change places with `layer`."""
        if isinstance(layer, ReLU):
            return self.only_scales and bool((self.factors >= 0).all())
        if not isinstance(layer, Pooling):
            return False
        if layer.method == "max":
            return bool((self.factors >= 0).all())
        return self.only_scales or not (layer.counts_padding and any(layer.pad))

    def part(self, start: int, count: int) -> Affine:
        """Return what it does to `count` channels from `start` on."""
        own = slice(start, start + count)
        return Affine(self.factors[own], self.offsets[own])


MAX_PASSED = 150
"""How many layers an affine layer may pass on one path: untrusted files have limits."""

MAX_PATHS = 4096
"""How many layers may be looked at on all paths together."""


class _CannotFoldError(Exception):
    """Why an affine layer cannot be folded in one direction, as words of a sentence."""


def fold(source: Input, layers: Iterable[Layer]) -> list[Layer]:
    """Return the layers without BatchNorm and Scale; they compute the same.

    Raises UnsupportedNetworkError for one that cannot be folded, with both neighbours named.
    """
    work = _Folding(source, {layer.name: layer for layer in layers})
    for name, layer in list(work.layers.items()):
        if isinstance(layer, BatchNorm | Scale):
            work.affines[name] = _affine(layer)
    for name in list(work.affines):
        work.fold(name)
    return [work.weights.apply(layer) for layer in work.layers.values()]


def _affine(layer: BatchNorm | Scale) -> Affine:
    if isinstance(layer, Scale):
        return Affine(layer.weights.astype(np.float64), layer.bias.astype(np.float64))
    factors = 1.0 / np.sqrt(layer.variance.astype(np.float64) + layer.eps)
    return Affine(factors, -layer.mean.astype(np.float64) * factors)


@define
class _Folding:
    source: Input
    layers: dict[str, Layer]
    affines: dict[str, Affine] = field(factory=dict)
    weights: Weights = field(factory=Weights)
    seen: int = 0

    def fold(self, name: str) -> None:
        """Fold the affine layer `name` into what is in front of it, or else behind it."""
        layer, affine = self.layers[name], self.affines[name]
        self.seen = 0
        try:
            for weighted, part in self._in_front(layer.inputs[0], affine):
                self.weights.of(weighted).scale_outputs(part.factors, part.offsets)
        except _CannotFoldError as front:
            try:
                steps = self._behind(name, affine)
            except _CannotFoldError as behind:
                raise UnsupportedNetworkError(
                    f"{layer.where}: expected a convolution or an inner product to fold the "
                    f"{layer.type} into, found {front} in front of it and {behind} behind it; put "
                    "it directly behind a convolution or an inner product"
                ) from None
            for target, part in steps:
                self._absorb(target, part)
        self._remove(layer)

    def _readers(self, tensor: str) -> list[Layer]:
        return [layer for layer in self.layers.values() if tensor in layer.inputs]

    def _remove(self, removed: Layer) -> None:
        del self.layers[removed.name]
        for reader in self._readers(removed.name):
            inputs = tuple(
                removed.inputs[0] if name == removed.name else name for name in reader.inputs
            )
            self.layers[reader.name] = attrs.evolve(reader, inputs=inputs)

    def _look(self, passed: int) -> None:
        """Count a layer that is looked at; raises _CannotFoldError beyond the limits."""
        self.seen += 1
        if passed > MAX_PASSED or self.seen > MAX_PATHS:
            raise _CannotFoldError("too many layers")

    def _in_front(
        self, tensor: str, affine: Affine, passed: int = 0
    ) -> list[tuple[Weighted, Affine]]:
        """Return the layers whose output becomes `affine` of what it was, and what each gets."""
        self._look(passed)
        if tensor == self.source.name:
            raise _CannotFoldError("the input")
        layer = self.layers[tensor]
        if sum(reader.inputs.count(tensor) for reader in self._readers(tensor)) != 1:
            raise _CannotFoldError(f"{tensor!r}, which is read more than once,")
        if isinstance(layer, Convolution | DepthwiseConvolution | InnerProduct):
            return [(layer, affine)]
        if affine.passes(layer):
            return self._in_front(layer.inputs[0], affine, passed + 1)
        if isinstance(layer, Concat):
            found, start = [], 0
            for name, shape in zip(layer.inputs, layer.in_shapes, strict=True):
                found += self._in_front(name, affine.part(start, shape.c), passed + 1)
                start += shape.c
            return found
        raise _CannotFoldError(f"{layer.name!r} ({layer.type})")

    def _behind(self, tensor: str, affine: Affine, passed: int = 0) -> list[tuple[Layer, Affine]]:
        """Return the layers that take `affine` of what they took, and what each takes."""
        self._look(passed)
        readers = self._readers(tensor)
        if not readers:
            raise _CannotFoldError("nothing")
        return [
            step for reader in readers for step in self._into(reader, tensor, affine, passed + 1)
        ]

    def _into(
        self, layer: Layer, tensor: str, affine: Affine, passed: int
    ) -> list[tuple[Layer, Affine]]:
        if layer.name in self.affines or isinstance(layer, InnerProduct):
            return [(layer, affine)]
        if isinstance(layer, Convolution | DepthwiseConvolution):
            if any(layer.pad) and not affine.only_scales:
                raise _CannotFoldError(f"{layer.name!r}, which pads with zeros,")
            return [(layer, affine)]
        if isinstance(layer, Flatten):
            area = layer.in_shape.h * layer.in_shape.w
            spread = Affine(np.repeat(affine.factors, area), np.repeat(affine.offsets, area))
            return self._behind(layer.name, spread, passed)
        if isinstance(layer, Concat):
            return self._behind(layer.name, _within(layer, tensor, affine), passed)
        if affine.passes(layer):
            return self._behind(layer.name, affine, passed)
        raise _CannotFoldError(f"{layer.name!r} ({layer.type})")

    def _absorb(self, layer: Layer, affine: Affine) -> None:
        own = self.affines.get(layer.name)
        if own is not None:
            self.affines[layer.name] = Affine(
                own.factors * affine.factors, own.factors * affine.offsets + own.offsets
            )
        elif isinstance(layer, Convolution | DepthwiseConvolution | InnerProduct):
            self.weights.of(layer).scale_inputs(affine.factors, affine.offsets)


def _within(layer: Concat, tensor: str, affine: Affine) -> Affine:
    """Return `affine` on the channels of `tensor` in a Concat, and nothing on the others."""
    factors, offsets = np.ones(layer.out_shape.c), np.zeros(layer.out_shape.c)
    start = 0
    for name, shape in zip(layer.inputs, layer.in_shapes, strict=True):
        if name == tensor:
            factors[start : start + shape.c] = affine.factors
            offsets[start : start + shape.c] = affine.offsets
        start += shape.c
    return Affine(factors, offsets)
