"""What the converters of nodes share: tensors and constants found so far, and the layers made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from attrs import define, field

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe.blobs import finite
from qrig.networks.graph import Flatten, FloatArray, Layer, Shape
from qrig.networks.onnx.layout import NO_PADDING, Activation, activation
from qrig.networks.onnx.model import Model
from qrig.networks.onnx.names import Names
from qrig.networks.onnx.node import Node, StoredTensor
from qrig.networks.onnx.tensors import Array, element_count, tensor_array
from qrig.networks.onnx.text import short
from qrig.networks.shapes import MAX_ELEMENTS, checked

MAX_TOTAL_ELEMENTS = 1 << 27
"""Most numbers in all constants and weights of a network together."""

Value = Activation | Array
"""A tensor that the network computes, or a constant."""


class LayoutError(UnsupportedNetworkError):
    """The axes of a tensor are not what a node needs; another reading of the input may fit."""


class InputCutError(LayoutError):
    """The network reshapes its input: to axes `dims`, which its own axes do not have."""

    def __init__(self, message: str, dims: tuple[int, ...]) -> None:
        """Keep the axes."""
        super().__init__(message)
        self.dims = dims


@define
class Build:
    """A network in the making; `values` are its tensors by their ONNX names.

    Layers read and make tensors of the graph; an `Activation` says how an ONNX tensor lies in one.
    """

    model: Model
    input_name: str
    values: dict[str, Value]
    names: Names
    layers: dict[str, Layer] = field(factory=dict)
    notices: list[str] = field(factory=list)
    elements: int = 0

    def spend(self, count: int, what: str) -> None:
        """Count numbers that are kept; raises FileFormatError if they are too many."""
        self.elements += count
        if count > MAX_ELEMENTS or self.elements > MAX_TOTAL_ELEMENTS:
            raise FileFormatError(
                f"{what}: expected at most {MAX_ELEMENTS:,} numbers in an array and "
                f"{MAX_TOTAL_ELEMENTS:,} in a network, found more; deploy a smaller network"
            )

    def value(self, node: Node, index: int) -> Value | None:
        """Return the input of that number, None if it is left out."""
        if not node.has(index):
            return None
        name = node.inputs[index]
        if name not in self.values:
            if name not in self.model.tensors:  # an output that its node does not make here
                raise node.unsupported(
                    f"a second output of another node ({short(name)}) as its input",
                    "train the network without it",
                )
            what = f"{self.model.path}: initializer {short(name)}"
            self.values[name] = self.stored(self.model.tensors[name], what)
        return self.values[name]

    def stored(self, tensor: Any, what: str) -> Array:
        """Return a TensorProto as an array."""
        self.spend(element_count(tensor, what), what)
        return tensor_array(tensor, self.model.path, what)

    def attribute_tensor(self, node: Node, name: str) -> Array | None:
        """Return an attribute that is a tensor, None if there is none."""
        value = node.attributes.get(name)
        if not isinstance(value, StoredTensor):
            return None
        return self.stored(value.proto, f"{node.where}: attribute {name!r}")

    def padded(self, node: Node, index: int = 0) -> Activation:
        """Return a computed input, which may have padding around it."""
        found = self.value(node, index)
        if isinstance(found, Activation):
            return found
        raise node.unsupported(
            f"{'a constant' if found is not None else 'nothing'} as input {index + 1}",
            "export the network with tensors computed from its input there",
        )

    def activation(self, node: Node, index: int = 0) -> Activation:
        """Return a computed input; raises UnsupportedNetworkError for one with padding."""
        found = self.padded(node, index)
        if found.padding != NO_PADDING:
            raise node.unsupported(
                "a padding in front of it",
                "pad in front of convolutions and poolings, or with their own padding",
            )
        return found

    def constant(self, node: Node, index: int) -> Array:
        """Return a constant input; raises UnsupportedNetworkError for one that is computed."""
        found = self.value(node, index)
        if isinstance(found, np.ndarray):
            return found
        raise node.unsupported(
            f"{'nothing' if found is None else 'a computed tensor'} as input {index + 1}",
            "export the network with a constant there",
        )

    def weights(self, node: Node, index: int) -> Array:
        """Return a constant input as finite numbers in float64; raises FileFormatError."""
        array = self.constant(node, index)
        if array.dtype.kind != "f":
            raise node.fail(
                f"floating-point numbers as input {index + 1}", f"{array.dtype}, quantised maybe"
            )
        return finite(array, f"{node.where}: input {index + 1}").astype(np.float64)

    def integers(self, node: Node, index: int, name: str) -> tuple[int, ...] | None:
        """Return the integers of an input, or of attribute `name` as older opsets have it."""
        if not node.has(index):
            return node.integers(name)
        array = self.constant(node, index)
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise node.fail(f"integers as {name}", f"{array.dtype} of shape {short(array.shape)}")
        return tuple(int(item) for item in array.reshape(-1))

    def add(
        self, kind: type[Layer], node: Node, read: Sequence[Activation], out: Shape, **rest: Any
    ) -> str:
        """Add a layer and return its name, which is that of its tensor."""
        checked(out, f"{node.where}: output")
        name = self.names.give(node.name, node.op)
        fields = {key: self.kept(node, value) for key, value in rest.items()}
        inputs = tuple(value.name for value in read)
        self.layers[name] = kind(name, inputs, read[0].shape, out, source=node.source, **fields)
        return name

    def kept(self, node: Node, value: Any) -> Any:
        """Return a layer's field; arrays become finite float32 of their own."""
        if not isinstance(value, np.ndarray):
            return value
        self.spend(value.size, node.where)
        numbers: FloatArray = np.ascontiguousarray(finite(value, node.where))
        return numbers

    def flattened(self, node: Node, value: Activation) -> Activation:
        """Return the activation as a vector in the order of its axes, or of a Flatten layer.

        Those are the same where the axes are channels, rows, columns: then one letter is left.
        """
        if value.channels == ("c",) and value.shape[:2] != (1, 1):
            letters, vector = value.letters("c", "h", "w"), Shape(1, 1, value.shape.size)
            name = self.names.give(f"{node.name}.flatten" if node.name else "", "Flatten")
            self.layers[name] = Flatten(
                name, (value.name,), value.shape, vector, source=node.source
            )
            value = attrs.evolve(value, name=name, shape=vector, channels=letters)
        if value.channels == ("c",) or value.channels not in value.axes:
            return value
        axes = [("c",) if axis == value.channels else axis for axis in value.axes]
        return activation(value.name, value.shape, value.sizes["n"], axes)

    def layout_error(self, node: Node, expected: str, value: Activation) -> LayoutError:
        """Make the error for axes that a node does not take."""
        return LayoutError(
            f"{node.where}: expected {expected}, found axes {value.described()}; if the order of "
            "the input's axes is unclear give --input-shape HxWxC, or export the network in "
            "PyTorch's or Keras's own order"
        )
