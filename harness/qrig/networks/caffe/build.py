"""From a Caffe definition and trained weights to a `Network`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe import layers as convert
from qrig.networks.caffe.input import find_input
from qrig.networks.caffe.layer_types import (
    COMPUTED_TYPES,
    IDENTITY_TYPES,
    INPUT_TYPES,
    READABLE_TYPES,
    TRAINING_TYPES,
)
from qrig.networks.caffe.prototxt import Definition
from qrig.networks.caffe.rules import layers_of_test_phase
from qrig.networks.caffe.weights import Weights
from qrig.networks.graph import Input, Layer, Network, Shape

_CONVERTERS: dict[str, Callable[[convert.Context], Layer]] = {
    "Convolution": convert.convolution,
    "Pooling": convert.pooling,
    "ReLU": convert.relu,
    "InnerProduct": convert.inner_product,
    "Softmax": convert.softmax,
}


def build_network(
    definition: Definition,
    weights: Weights,
    weights_path: Path,
    *,
    input_shape: Shape | None = None,
) -> Network:
    """Build the test-phase network of `definition` with `weights`.

    `input_shape` says what the definition may leave open (a Data layer has no shape). Raises
    UnsupportedNetworkError for what qrig cannot deploy and FileFormatError for a definition that is
    broken or does not fit its weights.
    """
    chosen = layers_of_test_phase(definition)
    for index, layer in chosen:
        if layer.type not in READABLE_TYPES:
            raise UnsupportedNetworkError(
                f"{definition.where(index)}: layer {layer.name!r} is of type {layer.type!r}, which "
                f"qrig cannot deploy; it knows {', '.join(sorted(READABLE_TYPES))}"
            )
    found = find_input(definition, chosen, input_shape)
    chain = _Chain(definition, weights, weights_path, found.input)
    for blob in found.label_blobs:
        chain.ignored.add(blob)
    for index, layer in chosen:
        if layer.type not in INPUT_TYPES:
            chain.add(index, layer)
    chain.check()
    return Network(
        definition.net.name or definition.path.stem, found.input, tuple(chain.layers), found.notices
    )


@define
class _Chain:
    """The layers converted so far, and which tensor each blob holds."""

    definition: Definition
    weights: Weights
    weights_path: Path
    input: Input
    layers: list[Layer] = field(factory=list)
    blobs: dict[str, str] = field(init=False)
    shapes: dict[str, Shape] = field(init=False)
    ignored: set[str] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.blobs = {self.input.name: self.input.name}
        self.shapes = {self.input.name: self.input.shape}

    def add(self, index: int, layer: Any) -> None:
        where = f"{self.definition.where(index)}: layer {layer.name!r}"
        if layer.type in TRAINING_TYPES:
            self.ignored.update(layer.top)
            return
        bottom = self._bottom(layer, where)
        if layer.type in IDENTITY_TYPES:
            self.blobs.update(dict.fromkeys(layer.top, self.blobs[bottom]))
            return
        if len(layer.top) != 1 or not layer.name or layer.name in self.shapes:
            raise FileFormatError(
                f"{where}: expected a name of its own and one top, found name {layer.name!r} and "
                f"{len(layer.top)} tops; correct the definition"
            )
        if layer.type not in COMPUTED_TYPES:
            raise AssertionError(f"{layer.type} is readable but is not handled")
        tensor = self.blobs[bottom]
        context = convert.Context(
            where=where,
            layer=layer,
            source=tensor,
            shape=self.shapes[tensor],
            blobs=self.weights.get(layer.name),
            weights_path=self.weights_path,
        )
        converted = _CONVERTERS[layer.type](context)
        self.layers.append(converted)
        self.shapes[layer.name] = converted.out_shape
        self.blobs[layer.top[0]] = layer.name

    def _bottom(self, layer: Any, where: str) -> str:
        if len(layer.bottom) != 1:
            raise FileFormatError(
                f"{where}: expected one bottom, found {len(layer.bottom)}; correct the definition"
            )
        blob: str = layer.bottom[0]
        if blob not in self.blobs or blob in self.ignored:
            raise FileFormatError(
                f"{where}: expected a bottom that an earlier layer makes, found {blob!r}, which "
                "none does (a cycle, a wrong order or a misspelt name); correct the definition"
            )
        return blob

    def check(self) -> None:
        """Raise unless the layers form one chain from the input to one output."""
        if not self.layers:
            raise FileFormatError(
                f"{self.definition.path}: expected layers that compute something at test time, "
                "found none; check the include rules"
            )
        readers: dict[str, str] = {}
        for layer in self.layers:
            for tensor in layer.inputs:
                if tensor in readers:
                    raise UnsupportedNetworkError(
                        f"{self.definition.path}: {tensor!r} is read by both {readers[tensor]!r} "
                        f"and {layer.name!r}; qrig deploys chains, without branches, so far"
                    )
                readers[tensor] = layer.name
        loose = [layer.name for layer in self.layers[:-1] if layer.name not in readers]
        if loose or self.input.name not in readers:
            raise UnsupportedNetworkError(
                f"{self.definition.path}: expected one chain of layers, found that nothing reads "
                f"{(loose or [self.input.name])[0]!r}; remove what the output does not need"
            )
