"""From a Caffe definition and trained weights to a `Network`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import define, field

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe.input import FoundInput, find_input
from qrig.networks.caffe.layer_types import (
    IDENTITY_TYPES,
    INPUT_TYPES,
    READABLE_TYPES,
    TRAINING_TYPES,
    unknown_type,
)
from qrig.networks.caffe.layers import BOTTOMS, CONVERTERS, Context
from qrig.networks.caffe.prototxt import Definition
from qrig.networks.caffe.rules import TEST, layers_of_phase
from qrig.networks.caffe.weights import Weights
from qrig.networks.graph import Flatten, FloatArray, InnerProduct, Layer, Network, Shape

_VECTOR_AXES = 2


def build_network(
    definition: Definition,
    weights: Weights,
    weights_path: Path,
    *,
    input_shape: Shape | None = None,
    default_shape: Shape | None = None,
) -> Network:
    """Build the test-phase network of `definition` with `weights`, as Caffe would compute it.

    `input_shape` says what the definition may leave open (a Data layer has no shape), and wins over
    it; `default_shape` does not. Whether the
    network can be deployed is for `qrig.networks.lower` to say. Raises UnsupportedNetworkError for
    what qrig does not know and FileFormatError for a definition that is broken or does not fit its
    weights.
    """
    chosen = layers_of_phase(definition, TEST)
    for index, layer in chosen:
        if layer.type not in READABLE_TYPES:
            raise unknown_type(f"{definition.where(index)}: layer {layer.name!r}", layer.type)
    found = find_input(definition, chosen, input_shape, default_shape)
    graph = _Graph(definition, weights, weights_path, found)
    for index, layer in chosen:
        if layer.type not in INPUT_TYPES:
            graph.add(index, layer)
    graph.check()
    return Network(
        definition.net.name or definition.path.stem, found.input, tuple(graph.layers), found.notices
    )


@define
class _Graph:
    """The layers converted so far, and which tensor each blob holds.

    Layers come in the order they are computed in, so a blob that a layer changes in place is from
    there on the tensor of that layer; whoever has read it before has read the tensor it was.
    """

    definition: Definition
    weights: Weights
    weights_path: Path
    found: FoundInput
    layers: list[Layer] = field(factory=list)
    blobs: dict[str, str] = field(init=False)
    shapes: dict[str, Shape] = field(init=False)
    axes: dict[str, int] = field(init=False)
    ignored: set[str] = field(init=False)
    shared: dict[str, FloatArray] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        source = self.found.input
        self.blobs = {source.name: source.name}
        self.shapes = {source.name: source.shape}
        self.axes = {source.name: self.found.axes}
        self.ignored = set(self.found.other_blobs)

    def add(self, index: int, layer: Any) -> None:
        """Convert a layer of the definition."""
        place = self.definition.where(index)
        where = f"{place}: layer {layer.name!r}"
        self._check_tops(layer, where)
        if layer.type in TRAINING_TYPES or self._only_judged(layer):
            self.ignored.update(layer.top)
            return
        tensors = self._inputs(layer, where)
        if layer.type in IDENTITY_TYPES:
            self.blobs.update(dict.fromkeys(layer.top, tensors[0]))
            return
        if len(layer.top) != 1 or not layer.name or layer.name in self.shapes:
            raise FileFormatError(
                f"{where}: expected a name of its own and one top, found name {layer.name!r} and "
                f"{len(layer.top)} tops; correct the definition"
            )
        context = Context(
            place=place,
            layer=layer,
            inputs=tensors,
            shapes=tuple(self.shapes[tensor] for tensor in tensors),
            axes=self.axes[tensors[0]],
            trained=self._trained(layer),
            weights_path=self.weights_path,
        )
        converted = CONVERTERS[layer.type](context)
        self.layers.append(converted)
        self.shapes[layer.name] = converted.out_shape
        is_vector = isinstance(converted, Flatten | InnerProduct)
        self.axes[layer.name] = _VECTOR_AXES if is_vector else context.axes
        self.blobs[layer.top[0]] = layer.name

    def _check_tops(self, layer: Any, where: str) -> None:
        """Raise for a top that an earlier layer makes, unless the layer changes it in place."""
        for top in layer.top:
            if (top in self.blobs or top in self.ignored) and top not in layer.bottom:
                raise FileFormatError(
                    f"{where}: expected a top no earlier layer makes, found {top!r}; give it "
                    "another name, or make it the bottom as well"
                )

    def _only_judged(self, layer: Any) -> bool:
        """Whether the layer passes labels on."""
        return layer.type in IDENTITY_TYPES and self.ignored.issuperset(layer.bottom)

    def _inputs(self, layer: Any, where: str) -> tuple[str, ...]:
        least, most = BOTTOMS.get(layer.type, (1, 1))
        if not least <= len(layer.bottom) <= most:
            expected = "one bottom" if most == 1 else f"{least} to {most} bottoms"
            raise FileFormatError(
                f"{where}: expected {expected}, found {len(layer.bottom)}; correct the definition"
            )
        for blob in layer.bottom:
            if blob not in self.blobs or blob in self.ignored:
                raise FileFormatError(
                    f"{where}: expected a bottom that an earlier layer makes, found {blob!r}, "
                    "which none does (a cycle, a wrong order or a misspelt name); correct the "
                    "definition"
                )
        return tuple(self.blobs[blob] for blob in layer.bottom)

    def _trained(self, layer: Any) -> list[FloatArray] | None:
        """Return the layer's blobs; what it shares by name is that of the first layer to have it.

        A snapshot in HDF5 holds a shared blob once.
        """
        trained = self.weights.get(layer.name)
        names = [spec.name for spec in layer.param]
        if trained is None and names and all(name in self.shared for name in names):
            trained = [self.shared[name] for name in names]
        for name, blob in zip(names, trained or [], strict=False):
            if name:
                self.shared.setdefault(name, blob)
        return trained

    def check(self) -> None:
        """Raise unless the layers lead from the input to one output."""
        if not self.layers:
            raise FileFormatError(
                f"{self.definition.path}: expected layers that compute something at test time, "
                "found none; check the include rules"
            )
        read = {tensor for layer in self.layers for tensor in layer.inputs}
        if self.found.input.name not in read:
            raise UnsupportedNetworkError(
                f"{self.definition.path}: expected layers that read the input, found that nothing "
                f"reads {self.found.input.name!r}; correct the definition"
            )
        ends = [layer for layer in self.layers if layer.name not in read]
        if len(ends) > 1:
            raise UnsupportedNetworkError(
                f"{ends[0].where}: expected one output, found that nothing reads "
                f"{' and '.join(repr(layer.name) for layer in ends[:8])}; remove what the output "
                "does not need"
            )
