"""From an ONNX model to a `Network`: node by node, each reading of its input until one fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.graph import Input, Network, Shape
from qrig.networks.onnx import constants
from qrig.networks.onnx.arithmetic import batch_normalization
from qrig.networks.onnx.build import Build, InputCutError, LayoutError, Value
from qrig.networks.onnx.convolution import convolution
from qrig.networks.onnx.functions import clip, function, leaky_relu, local_response, softmax
from qrig.networks.onnx.inputs import readings
from qrig.networks.onnx.joins import binary, concat, variadic
from qrig.networks.onnx.layout import NO_PADDING, Activation, reshaped
from qrig.networks.onnx.model import Model, read_model
from qrig.networks.onnx.moves import (
    cast,
    dropout,
    flatten,
    identity,
    last,
    pad,
    reshape,
    squeeze,
    transpose,
    unsqueeze,
)
from qrig.networks.onnx.names import Names
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.pooling import global_pooling, pooling, reduction
from qrig.networks.onnx.products import gemm, matmul
from qrig.networks.onnx.tidy import tidied

CONVERTERS: dict[str, Callable[[Build, Node], Activation]] = {
    "Add": binary,
    "ArgMax": last,
    "AveragePool": pooling,
    "BatchNormalization": batch_normalization,
    "Cast": cast,
    "Clip": clip,
    "Concat": concat,
    "Conv": convolution,
    "Div": binary,
    "Dropout": dropout,
    "Flatten": flatten,
    "Gemm": gemm,
    "GlobalAveragePool": global_pooling,
    "GlobalMaxPool": global_pooling,
    "Identity": identity,
    "LRN": local_response,
    "LeakyRelu": leaky_relu,
    "LogSoftmax": softmax,
    "MatMul": matmul,
    "Max": variadic,
    "MaxPool": pooling,
    "Mean": variadic,
    "Mul": binary,
    "PRelu": leaky_relu,
    "Pad": pad,
    "ReduceMax": reduction,
    "ReduceMean": reduction,
    "Relu": function,
    "Reshape": reshape,
    "Sigmoid": function,
    "Softmax": softmax,
    "Squeeze": squeeze,
    "Sub": binary,
    "Sum": variadic,
    "Tanh": function,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
"""How the nodes are converted that read what the network computes."""

_MAKERS = frozenset({"Constant", "Shape", "Size"})

_ADVICE = {
    "DequantizeLinear": "export the float network, qrig quantises it",
    "DynamicQuantizeLinear": "export the float network, qrig quantises it",
    "QLinearConv": "export the float network, qrig quantises it",
    "QuantizeLinear": "export the float network, qrig quantises it",
    "If": "export the network without branches that depend on its input",
    "Loop": "export the network without loops",
    "Scan": "export the network without loops",
    "HardSwish": "train the network with ReLU in its place",
    "HardSigmoid": "train the network with Sigmoid or ReLU in its place",
    "Elu": "train the network with ReLU in its place",
    "Gelu": "train the network with ReLU in its place",
    "Selu": "train the network with ReLU in its place",
}


def read_onnx(
    path: Path, *, input_shape: Shape | None = None, default_shape: Shape | None = None
) -> Network:
    """Read the float network in the ONNX file at `path`.

    `input_shape` says what the file leaves open: sizes, or which axes are which; `default_shape`
    does so where it fits. The input has no mean and scale of its own, unless nodes at its front
    compute them. Raises FileFormatError for a
    file that is damaged, UnsupportedNetworkError for what qrig cannot deploy, with its node, and
    UsageError without the package `onnx`.
    """
    model = read_model(path)
    for node in model.nodes:
        known = node.op in CONVERTERS or node.op in constants.OPERATIONS or node.op in _MAKERS
        if not known:
            advice = _ADVICE.get(node.op, "train or export the network without it")
            raise UnsupportedNetworkError(
                f"{node.where}: found an operator that qrig cannot deploy; {advice}"
            )
    first: LayoutError | None = None
    for value, shape in _inputs(model, input_shape, default_shape):
        try:
            return _network(model, value)
        except InputCutError as cut:
            found = _of_cut_input(model, value, cut, shape)
            if found is not None:
                return found
            first = first or cut
        except LayoutError as error:
            first = first or error
    raise first or FileFormatError(f"{path}: expected an input, found none; export it again")


def _inputs(
    model: Model, said: Shape | None, default: Shape | None
) -> Iterator[tuple[Activation, Shape | None]]:
    """Return the ways to read the input, each with the shape it is to have."""
    dims = model.input.dims or (None,) * 4
    name, where = Names().give(model.input.name, "input"), str(model.path)
    if said is None and default is not None:
        try:
            for value in readings(model.input, dims, default, name, where):
                yield value, default
        except FileFormatError:  # it is the shape of something else
            pass
    for value in readings(model.input, dims, said, name, where):
        yield value, said


def _of_cut_input(
    model: Model, value: Activation, cut: InputCutError, shape: Shape | None
) -> Network | None:
    """Return the network whose first nodes make an image of a flat input, None if none fits."""
    wanted = readings(model.input, cut.dims, shape, value.name, str(model.path))
    for image in wanted:
        flat = reshaped(image, value.dims)
        if flat is not None:
            try:
                return _network(model, flat)
            except LayoutError:
                continue
    return None


def _network(model: Model, value: Activation) -> Network:
    """Return the network for one reading of its input."""
    values: dict[str, Value] = {model.input.name: value}
    build = Build(model, value.name, values, Names({value.name}))
    for node in model.nodes:
        found = _converted(build, node)
        for name in node.outputs[:1]:
            build.values[name] = found
    output = build.values.get(model.output)
    if not isinstance(output, Activation) or not build.layers:
        raise FileFormatError(
            f"{model.path}: expected an output that is computed from the input, found none; "
            "export the network again"
        )
    output = _as_output(build, model.nodes[-1], output)
    order = "gray" if value.shape.c == 1 else "rgb"
    network = Network(
        model.path.stem,
        Input(value.name, value.shape, order),
        tuple(build.layers.values()),
        tuple(build.notices),
    )
    return tidied(network)


def _converted(build: Build, node: Node) -> Value:
    if not node.outputs or not node.outputs[0]:
        raise node.unsupported("a second output alone", "export the network without it")
    if node.op == "Constant":
        return _constant(build, node)
    inputs = [build.value(node, index) for index in range(len(node.inputs))]
    if node.op in ("Shape", "Size") and inputs and isinstance(inputs[0], Activation):
        dims = inputs[0].dims
        return np.array(np.prod(dims)) if node.op == "Size" else constants.shape_of(node, dims)
    arrays = [None if isinstance(value, Activation) else value for value in inputs]
    computes = any(isinstance(value, Activation) for value in inputs)
    if not computes and node.op in constants.OPERATIONS:
        if node.op == "ConstantOfShape":
            arrays.append(build.attribute_tensor(node, "value"))
        result = constants.compute(node, arrays)
        build.spend(result.size, node.where)
        return result
    if node.op not in CONVERTERS:
        raise node.unsupported(
            f"{node.op} of a computed tensor", "train or export the network without it"
        )
    return CONVERTERS[node.op](build, node)


def _constant(build: Build, node: Node) -> Value:
    """Return the value of a Constant node."""
    stored = build.attribute_tensor(node, "value")
    if stored is not None:
        return stored
    for name, dtype in (("value_float", np.float32), ("value_int", np.int64)):
        found = node.attributes.get(name), node.attributes.get(f"{name}s")
        for value in found:
            if isinstance(value, int | float | tuple):
                return np.array(value, dtype=dtype)
    raise node.unsupported("a constant that is no dense tensor", "export it as one")


def _as_output(build: Build, node: Node, output: Activation) -> Activation:
    """Return the output as a tensor whose memory has its order; raises LayoutError."""
    if output.padding != NO_PADDING:
        raise node.unsupported("zeros around the output", "export the network without them")
    letters = tuple(letter for axis in output.axes for letter in axis if letter != "n")
    axes = [axis for axis in output.axes if axis]
    if any(len(axis) > 1 for axis in axes) and letters != output.letters(*output.storage):
        output = build.flattened(node, output)
        letters = tuple(letter for axis in output.axes for letter in axis if letter != "n")
        if letters != output.letters(*output.storage):
            raise build.layout_error(node, "an output in the order of its channels", output)
    if list(build.layers)[-1] != output.name:
        build.layers[output.name] = build.layers.pop(output.name)
    return output
