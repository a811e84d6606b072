"""Flatten as an order of columns: what reads the vector reads the map instead.

A file's vector runs over channels, rows and columns, a map here over rows, columns and channels.
Layers that take value by value do not care; an inner product gets its columns in the map's order;
channels put one behind the other are so in either order.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from attrs import define, field

from qrig.errors import UnsupportedNetworkError
from qrig.networks.graph import (
    Concat,
    Eltwise,
    Flatten,
    InnerProduct,
    Layer,
    ReLU,
    Shape,
    Sigmoid,
    TanH,
)


def without_flattens(layers: list[Layer]) -> list[Layer]:
    """Return the layers without any Flatten; they compute the same.

    Raises UnsupportedNetworkError for a Flatten of a map that is read by something else than value
    by value layers and inner products.
    """
    work = _Unflattening()
    for layer in layers:
        work.add(layer)
    read = {name for layer in layers for name in layer.inputs}
    for name, vector in work.vectors.items():
        if name not in read and vector.is_map:
            raise vector.refusal("nothing behind it")
    return work.layers


@define
class _Vector:
    """A vector of the file: the tensor that has its values, and that tensor's shape."""

    tensor: str
    shape: Shape
    flatten: Layer

    @property
    def is_map(self) -> bool:
        """Whether the vector's order differs from the tensor's."""
        return self.shape[:2] != (1, 1)

    def refusal(self, found: str) -> UnsupportedNetworkError:
        return UnsupportedNetworkError(
            f"{self.flatten.where}: expected an inner product behind the Flatten of a map of shape "
            f"{self.shape}, found {found}; qrig deploys no other order of values"
        )


@define
class _Unflattening:
    layers: list[Layer] = field(factory=list)
    vectors: dict[str, _Vector] = field(factory=dict)

    def add(self, layer: Layer) -> None:
        if isinstance(layer, Flatten):
            (name,) = layer.inputs
            vector = self.vectors.get(name)
            self.vectors[layer.name] = vector or _Vector(name, layer.in_shape, layer)
            return
        found = [self.vectors.get(name) for name in layer.inputs]
        inputs = tuple(
            vector.tensor if vector else name
            for name, vector in zip(layer.inputs, found, strict=True)
        )
        maps = [vector for vector in found if vector and vector.is_map]
        if not maps:
            self.layers.append(attrs.evolve(layer, inputs=inputs))
            return
        shapes = tuple(
            vector.shape if vector else shape
            for vector, shape in zip(found, _in_shapes(layer), strict=True)
        )
        changed: Layer
        if isinstance(layer, InnerProduct):
            changed = _permuted(layer, shapes[0])
        else:
            changed = _on_maps(layer, shapes, maps[0])
            self.vectors[layer.name] = _Vector(layer.name, changed.out_shape, maps[0].flatten)
        self.layers.append(attrs.evolve(changed, inputs=inputs))


def _in_shapes(layer: Layer) -> tuple[Shape, ...]:
    return layer.in_shapes if isinstance(layer, Concat | Eltwise) else (layer.in_shape,)


def _permuted(layer: InnerProduct, shape: Shape) -> InnerProduct:
    """Return the inner product with its columns in the order of a map."""
    columns = layer.weights.reshape(-1, shape.c, shape.h, shape.w).transpose(0, 2, 3, 1)
    weights = np.ascontiguousarray(columns.reshape(layer.weights.shape))
    return attrs.evolve(layer, in_shape=shape, weights=weights)


def _on_maps(layer: Layer, shapes: tuple[Shape, ...], vector: _Vector) -> Layer:
    """Return a layer over vectors as the same layer over the maps they were."""
    first, changes = shapes[0], dict[str, Any]()
    if isinstance(layer, Concat):
        possible = all(shape[:2] == first[:2] for shape in shapes)
        out = Shape(first.h, first.w, sum(shape.c for shape in shapes))
        changes["in_shapes"] = shapes
    elif isinstance(layer, Eltwise):
        possible, out = all(shape == first for shape in shapes), first
        changes["in_shapes"] = shapes
    else:
        possible, out = isinstance(layer, ReLU | Sigmoid | TanH), first
    if not possible:
        raise vector.refusal(f"{layer.name!r} ({layer.type})")
    return attrs.evolve(layer, in_shape=first, out_shape=out, **changes)
