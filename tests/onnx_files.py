"""ONNX models made by hand, and what onnx's own evaluator says they compute."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from qrig.errors import FileFormatError, InputError
from qrig.networks.forward import forward
from qrig.networks.graph import FloatArray, Layer, Network, Shape
from qrig.networks.onnx import read_onnx

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed (qrig[onnx])")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402 - only where onnx is
from onnx.reference import ReferenceEvaluator  # noqa: E402

Array = npt.NDArray[Any]
Dims = Sequence[int | str | None]
IMAGE = (1, 3, 8, 8)


def numbers(*shape: int, seed: int = 0, low: float = -1.0, high: float = 1.0) -> FloatArray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def node(op: str, inputs: str, output: str = "y", name: str = "", **attributes: Any) -> Any:
    """Make a node; `inputs` are names with blanks between, "-" for one that is left out."""
    names = ["" if text == "-" else text for text in inputs.split()]
    return helper.make_node(op, names, output.split(), name=name, **attributes)


def model(
    nodes: Sequence[Any],
    weights: Mapping[str, Array] | None = None,
    *,
    dims: Dims | None = IMAGE,
    opset: int = 18,
    output: str = "y",
    kind: int = TensorProto.FLOAT,
) -> Any:
    """Make a model with input `x` of `dims` and one output."""
    graph = helper.make_graph(
        list(nodes),
        "made",
        [helper.make_tensor_value_info("x", kind, dims)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def written(folder: Path, proto: Any, name: str = "net.onnx") -> Path:
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path


def pixels_for(shape: Shape, seed: int = 5) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, tuple(shape), dtype=np.uint8)


def expected(proto: Any, pixels: npt.NDArray[np.uint8], order: str, dims: Sequence[int]) -> Array:
    """Return what onnx's evaluator computes of an image, whose axes the input has in `order`."""
    values = pixels.astype(np.float32)
    values = values.transpose(2, 0, 1) if order == "chw" else values
    if proto.graph.input[0].type.tensor_type.elem_type == TensorProto.DOUBLE:
        values = values.astype(np.float64)
    batch = np.concatenate([values[np.newaxis]] * dims[0]).reshape(dims)
    results: Any = ReferenceEvaluator(proto).run(None, {"x": batch})
    return np.asarray(results[0])


def as_hwc(array: Array, order: str) -> Array:
    """Return an output of the evaluator without batch, in the order of the graph's memory."""
    first = array[0]
    if first.ndim == 3 and order == "chw":
        first = first.transpose(1, 2, 0)
    if first.ndim == 2 and order == "chw":
        first = first.T
    flat: Array = first.reshape(-1)
    return flat


def compared(
    folder: Path,
    proto: Any,
    *,
    order: str = "chw",
    out_order: str | None = None,
    shape: Shape | None = None,
    tolerance: float = 1e-4,
) -> Network:
    """Read a model and compare its output with the evaluator's; return the network."""
    network = read_onnx(written(folder, proto), input_shape=shape)
    pixels = pixels_for(network.input.shape)
    declared = proto.graph.input[0].type.tensor_type.shape.dim
    dims = [dim.dim_value or 1 for dim in declared]
    wanted = as_hwc(expected(proto, pixels, order, dims), out_order or order)
    found = forward(network, pixels)[network.output.name].reshape(-1)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * 10)
    return network


def types(network: Network) -> list[str]:
    return [layer.type for layer in network.layers]


def only(network: Network, kind: str) -> Layer:
    found = [layer for layer in network.layers if layer.type == kind]
    assert len(found) == 1, types(network)
    return found[0]


def good(**options: Any) -> Any:
    """A convolution, a pooling and an inner product, all with names."""
    nodes = [
        node("Conv", "x w b", "c", name="conv", pads=[0, 0, 1, 1]),
        node("MaxPool", "c", "p", name="pool", kernel_shape=[7, 7]),
        node("Reshape", "p target", "f", name="flat"),
        node("Gemm", "f g", name="fc"),
    ]
    weights = {
        "w": numbers(4, 3, 3, 3),
        "b": numbers(4),
        "target": np.array([0, -1]),
        "g": numbers(4, 2),
    }
    return model(nodes, weights, **options)


def refused(path: Path, kind: type[InputError] = FileFormatError) -> str:
    with pytest.raises(kind) as caught:
        read_onnx(path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text
