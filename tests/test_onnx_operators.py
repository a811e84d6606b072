"""Products, functions, arithmetic and joins of ONNX against onnx's own evaluator."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_files import (
    Array,
    compared,
    model,
    node,
    numbers,
    only,
    pixels_for,
    types,
    written,
)
from qrig.networks.forward import forward
from qrig.networks.graph import (
    Concat,
    Eltwise,
    InnerProduct,
    ReLU,
    Scale,
)
from qrig.networks.onnx import read_onnx

VECTOR = (1, 6)
CONV = node("Conv", "x w", "conv")
W = numbers(4, 3, 3, 3)

GEMMS: dict[str, tuple[tuple[int, ...], tuple[int, ...] | None, dict[str, Any]]] = {
    "plain": ((6, 4), (4,), {}),
    "transposed B": ((4, 6), (4,), {"transB": 1}),
    "no C": ((6, 4), None, {}),
    "C of one row": ((6, 4), (1, 4), {}),
    "C of one number": ((6, 4), (1,), {}),
    "C of no axes": ((6, 4), (), {}),
    "C of 1x1": ((6, 4), (1, 1), {}),
    "alpha and beta": ((6, 4), (4,), {"alpha": 0.5, "beta": -2.0}),
    "one output": ((6, 1), (1,), {}),
}


@pytest.mark.parametrize("name", GEMMS)
def test_gemm_is_an_inner_product(name: str, tmp_path: Path) -> None:
    shape, addend, attributes = GEMMS[name]
    weights = {"b": numbers(*shape)}
    if addend is not None:
        weights["c"] = numbers(*addend, seed=1)
    made = node("Gemm", "x b" if addend is None else "x b c", **attributes)
    network = compared(tmp_path, model([made], weights, dims=VECTOR))
    assert types(network) == ["innerproduct"]


def test_gemm_of_a_transposed_a(tmp_path: Path) -> None:
    nodes = [node("Transpose", "x", "t", perm=[1, 0]), node("Gemm", "t b", transA=1)]
    assert types(compared(tmp_path, model(nodes, {"b": numbers(6, 4)}, dims=VECTOR))) == [
        "innerproduct"
    ]


def test_gemm_of_a_batch_with_one_row_of_c(tmp_path: Path) -> None:
    proto = model(
        [node("Gemm", "x b c")], {"b": numbers(6, 4), "c": numbers(1, 4, seed=2)}, dims=(3, 6)
    )
    assert compared(tmp_path, proto).input.shape == (1, 1, 6)


MATMULS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "matrix": ([node("MatMul", "x w")], (6, 4)),
    "stack of one": (
        [node("Unsqueeze", "x zero", "u"), node("MatMul", "u w", "m"), node("Squeeze", "m zero")],
        (1, 6, 4),
    ),
    "column": ([node("MatMul", "x w", "m"), node("Unsqueeze", "m one")], (6,)),
    "weights on the left": (
        [
            node("Transpose", "x", "t", perm=[1, 0]),
            node("MatMul", "w t", "m"),
            node("Transpose", "m", perm=[1, 0]),
        ],
        (4, 6),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MATMULS)
def test_matmul_is_an_inner_product(name: str, tmp_path: Path) -> None:
    nodes, shape = MATMULS[name]
    weights = {"w": numbers(*shape), "zero": np.array([0]), "one": np.array([1])}
    assert types(compared(tmp_path, model(nodes, weights, dims=VECTOR))) == ["innerproduct"]


@pytest.mark.parametrize("order", ["matmul first", "bias first"])
def test_an_addend_behind_a_product_is_its_bias(order: str, tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x w", "product", name="dense/MatMul"),
        node("Add", "product b" if order == "matmul first" else "b product", name="dense/BiasAdd"),
    ]
    weights = {"w": numbers(6, 4), "b": numbers(4, seed=1)}
    layer = only(compared(tmp_path, model(nodes, weights, dims=VECTOR)), "innerproduct")
    assert isinstance(layer, InnerProduct)
    np.testing.assert_array_equal(layer.bias, weights["b"])


def test_a_product_over_the_channels_of_a_map_is_a_convolution(tmp_path: Path) -> None:
    nodes = [CONV, node("Transpose", "conv", "t", perm=[0, 2, 3, 1]), node("MatMul", "t m")]
    proto = model(nodes, {"w": W, "m": numbers(4, 5)})
    assert types(compared(tmp_path, proto, out_order="hwc")) == ["convolution", "convolution"]


FUNCTIONS: dict[str, tuple[Any, str]] = {
    "Relu": (node("Relu", "conv"), "relu"),
    "LeakyRelu": (node("LeakyRelu", "conv", alpha=0.2), "relu"),
    "LeakyRelu by default": (node("LeakyRelu", "conv"), "relu"),
    "PRelu": (node("PRelu", "conv slope"), "relu"),
    "Sigmoid": (node("Sigmoid", "conv"), "sigmoid"),
    "Tanh": (node("Tanh", "conv"), "tanh"),
    "Clip from zero": (node("Clip", "conv zero"), "relu"),
    "Clip to the largest float": (node("Clip", "conv zero huge"), "relu"),
    "maximum with zero": (node("Max", "conv zero"), "relu"),
    "zero in front of a maximum": (node("Max", "zero conv"), "relu"),
    "Softmax over channels": (node("Softmax", "conv", axis=1), "softmax"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_computes_what_onnx_computes(name: str, tmp_path: Path) -> None:
    made, kind = FUNCTIONS[name]
    weights: dict[str, Array] = {
        "w": W / 100,
        "slope": np.full((4, 1, 1), 0.3, np.float32),
        "zero": np.array(0, np.float32),
        "huge": np.array(np.finfo(np.float32).max),
    }
    assert types(compared(tmp_path, model([CONV, made], weights))) == ["convolution", kind]


def test_a_slope_arrives(tmp_path: Path) -> None:
    proto = model([CONV, node("LeakyRelu", "conv", alpha=0.25)], {"w": W})
    relu = only(compared(tmp_path, proto), "relu")
    assert isinstance(relu, ReLU)
    assert relu.negative_slope == 0.25


@pytest.mark.parametrize(
    "attributes",
    [
        {"size": 3, "alpha": 0.5, "beta": 0.6, "bias": 2.0},
        {"size": 5},
        {"size": 1, "alpha": 0.1},
    ],
)
def test_a_local_response_normalisation(attributes: dict[str, Any], tmp_path: Path) -> None:
    # Not compared with onnx's evaluator, which loops over the batch where channels are meant.
    proto = model([node("LRN", "x", **attributes)], dims=(1, 6, 3, 2))
    network = read_onnx(written(tmp_path, proto))
    pixels = pixels_for(network.input.shape)
    found = forward(network, pixels)[network.output.name]
    size, k = attributes["size"], attributes.get("bias", 1.0)
    alpha, beta = attributes.get("alpha", 0.0001), attributes.get("beta", 0.75)
    for y, x, c in np.ndindex(*found.shape):
        near = [float(pixels[y, x, i]) for i in range(6) if abs(i - c) <= size // 2]
        norm = (k + alpha / size * sum(value**2 for value in near)) ** beta
        assert found[y, x, c] == pytest.approx(float(pixels[y, x, c]) / norm, rel=1e-4)


@pytest.mark.parametrize("opset", [11, 13])
def test_a_softmax_of_a_vector(opset: int, tmp_path: Path) -> None:
    proto = model([node("Softmax", "x")], dims=VECTOR, opset=opset)
    assert types(compared(tmp_path, proto)) == ["softmax"]


def test_a_logarithm_of_a_softmax_at_the_end_is_a_softmax_with_a_note(tmp_path: Path) -> None:
    path = written(tmp_path, model([node("LogSoftmax", "x", name="end")], dims=VECTOR))
    network = read_onnx(path)
    assert types(network) == ["softmax"]
    assert network.notices[0].startswith(f"{path}: node 'end' (LogSoftmax): became a Softmax")


def test_a_choice_at_the_end_is_left_out_with_a_note(tmp_path: Path) -> None:
    nodes = [node("Gemm", "x b", "scores"), node("ArgMax", "scores", name="top", axis=1)]
    network = read_onnx(written(tmp_path, model(nodes, {"b": numbers(6, 4)}, dims=VECTOR)))
    assert types(network) == ["innerproduct"]
    assert "left out: the output is the scores" in network.notices[0]


ARITHMETIC: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "Add": ("Add", "relu c", (4, 1, 1)),
    "Add in front": ("Add", "c relu", (1, 4, 1, 1)),
    "Sub": ("Sub", "relu c", (4, 1, 1)),
    "Sub in front": ("Sub", "c relu", (4, 1, 1)),
    "Mul": ("Mul", "relu c", (4, 1, 1)),
    "Mul by a number": ("Mul", "c relu", ()),
    "Mul by 1x1x1x1": ("Mul", "c relu", (1, 1, 1, 1)),
    "Div": ("Div", "relu c", (4, 1, 1)),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_with_constants_is_a_scale(name: str, tmp_path: Path) -> None:
    op, inputs, shape = ARITHMETIC[name]
    nodes = [CONV, node("Relu", "conv", "relu"), node(op, inputs)]
    proto = model(nodes, {"w": W, "c": numbers(*shape, seed=3, low=0.5)})
    assert types(compared(tmp_path, proto)) == ["convolution", "relu", "scale"]


def test_arithmetic_in_a_row_is_one_scale(tmp_path: Path) -> None:
    nodes = [
        CONV,
        node("Relu", "conv", "relu"),
        node("Mul", "relu c", "m"),
        node("Add", "m d", "a"),
        node("Div", "a c"),
    ]
    constants = {"c": numbers(4, 1, 1, seed=1, low=0.5), "d": numbers(4, 1, 1, seed=2)}
    layer = only(compared(tmp_path, model(nodes, {"w": W, **constants})), "scale")
    assert isinstance(layer, Scale)
    np.testing.assert_allclose(layer.weights, 1, rtol=1e-6)


def test_what_changes_nothing_is_no_layer(tmp_path: Path) -> None:
    nodes = [
        CONV,
        node("Mul", "conv one", "m"),
        node("Add", "m zero", "a"),
        node("Identity", "a", "i"),
        node("Dropout", "i", "d"),
        node("Cast", "d", "f", to=1),
        node("Sum", "f", "s"),
        node("Relu", "s"),
    ]
    constants = {"one": np.ones(1, np.float32), "zero": np.zeros((4, 1, 1), np.float32)}
    network = compared(tmp_path, model(nodes, {"w": W, **constants}))
    assert types(network) == ["convolution", "relu"]


@pytest.mark.parametrize("dims", [(1, 3, 8, 8), (1, 3, 9), (1, 3)])
def test_batch_normalisation_is_a_scale(dims: tuple[int, ...], tmp_path: Path) -> None:
    weights = {name: numbers(3, seed=seed) for seed, name in enumerate("sbm")}
    weights["v"] = numbers(3, seed=7, low=0.1)
    nodes = [node("Relu", "x", "r"), node("BatchNormalization", "r s b m v", epsilon=0.01)]
    network = compared(tmp_path, model(nodes, weights, dims=dims))
    assert types(network) == ["relu", "scale"]
    assert isinstance(network.output, Scale)
    # Before opset 14 the operator means the same; onnx's evaluator then computes its training.
    older = read_onnx(written(tmp_path, model(nodes, weights, dims=dims, opset=9)))
    assert isinstance(older.output, Scale)
    np.testing.assert_array_equal(older.output.weights, network.output.weights)


def test_batch_normalisation_of_a_flattened_map(tmp_path: Path) -> None:
    count = 4 * 6 * 6
    weights = {name: numbers(count, seed=seed, low=0.1) for seed, name in enumerate("sbmv")}
    nodes = [
        CONV,
        node("Flatten", "conv", "flat"),
        node("BatchNormalization", "flat s b m v", "n"),
        node("Gemm", "n g"),
    ]
    network = compared(tmp_path, model(nodes, {"w": W / 10, "g": numbers(count, 3), **weights}))
    assert types(network) == ["convolution", "flatten", "scale", "innerproduct"]


JOINS: dict[str, tuple[Any, tuple[str, tuple[float, ...]]]] = {
    "Add": (node("Add", "a b"), ("sum", (1, 1))),
    "Sub": (node("Sub", "a b"), ("sum", (1, -1))),
    "Sum of three": (node("Sum", "a b conv"), ("sum", (1, 1, 1))),
    "Mean": (node("Mean", "a b"), ("sum", (0.5, 0.5))),
    "Mul": (node("Mul", "a b"), ("product", ())),
    "Max": (node("Max", "a b"), ("max", ())),
    "with itself": (node("Add", "a a"), ("sum", (1, 1))),
}


@pytest.mark.parametrize("name", JOINS)
def test_tensors_of_one_shape_are_joined_by_value(name: str, tmp_path: Path) -> None:
    made, expected = JOINS[name]
    nodes = [CONV, node("Relu", "conv", "a"), node("Tanh", "conv", "b"), made]
    layer = only(compared(tmp_path, model(nodes, {"w": W / 10})), "eltwise")
    assert isinstance(layer, Eltwise)
    assert (layer.operation, layer.coefficients) == expected


CONCATS: dict[str, list[Any]] = {
    "maps": [node("Concat", "a b conv", axis=1)],
    "from the back": [node("Concat", "a b", axis=-3)],
    "channels last": [
        node("Transpose", "a", "at", perm=[0, 2, 3, 1]),
        node("Transpose", "b", "bt", perm=[0, 2, 3, 1]),
        node("Concat", "at bt", "c", axis=3),
        node("Transpose", "c", perm=[0, 3, 1, 2]),
    ],
    "one": [node("Concat", "a", axis=1)],
}


@pytest.mark.parametrize("name", CONCATS)
def test_channels_are_put_side_by_side(name: str, tmp_path: Path) -> None:
    nodes = [CONV, node("Relu", "conv", "a"), node("Tanh", "conv", "b"), *CONCATS[name]]
    network = compared(tmp_path, model(nodes, {"w": W / 10}))
    assert isinstance(network.output, ReLU if name == "one" else Concat)


def test_flattened_maps_are_put_side_by_side_as_vectors(tmp_path: Path) -> None:
    nodes = [
        CONV,
        node("MaxPool", "conv", "p", kernel_shape=[3, 3], strides=[3, 3]),
        node("Flatten", "p", "f"),
        node("Flatten", "x", "xf"),
        node("Gemm", "xf g", "v"),
        node("Concat", "f v", "c", axis=1),
        node("Gemm", "c h"),
    ]
    proto = model(nodes, {"w": W, "g": numbers(192, 5), "h": numbers(4 * 4 + 5, 3)})
    network = compared(tmp_path, proto)
    assert types(network)[-3:] == ["flatten", "concat", "innerproduct"]
