"""Axes in every order: files as Keras and TensorFlow exporters write them, flat inputs, rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_files import Array, compared, model, node, numbers, types, written
from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.graph import Convolution, InnerProduct, Shape
from qrig.networks.lower import lower
from qrig.networks.onnx import read_onnx

TO_FIRST, TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def keras_nodes() -> list[Any]:
    """A Keras network of an image of 12x10x3: what tf2onnx makes of it before it tidies up."""
    halved = {"strides": [2, 2]}
    return [
        node("Transpose", "x", "c0", name="model/conv1/Conv2D__6", perm=TO_FIRST),
        node("Conv", "c0 w1", "c1", name="model/conv1/Conv2D", auto_pad="SAME_UPPER", **halved),
        node("Transpose", "c1", "c2", name="model/conv1/Conv2D__7", perm=TO_LAST),
        node("Add", "c2 b1", "c3", name="model/conv1/BiasAdd"),
        node("Relu", "c3", "c4", name="model/conv1/Relu"),
        node("Transpose", "c4", "p0", name="model/pool/MaxPool__10", perm=TO_FIRST),
        node("MaxPool", "p0", "p1", name="model/pool/MaxPool", kernel_shape=[2, 2], **halved),
        node("Transpose", "p1", "p2", name="model/pool/MaxPool__11", perm=TO_LAST),
        node("Reshape", "p2 target", "f", name="model/flatten/Reshape"),
        node("MatMul", "f w2", "d1", name="model/dense/MatMul"),
        node("Add", "d1 b2", "d2", name="model/dense/BiasAdd"),
        node("Relu", "d2", "d3", name="model/dense/Relu"),
        node("MatMul", "d3 w3", "d4", name="model/dense_1/MatMul"),
        node("Add", "d4 b3", "d5", name="model/dense_1/BiasAdd"),
        node("Softmax", "d5", "y", name="model/dense_1/Softmax"),
    ]  # fmt: skip


def keras_weights() -> dict[str, Array]:
    return {
        "w1": numbers(4, 3, 3, 3, seed=1) / 100,
        "b1": numbers(4, seed=2),
        "target": np.array([-1, 3 * 2 * 4]),
        "w2": numbers(24, 6, seed=3),
        "b2": numbers(6, seed=4),
        "w3": numbers(6, 3, seed=5),
        "b3": numbers(3, seed=6),
    }


@pytest.mark.parametrize("batch", ["batch", None, 1, 4])
def test_a_network_of_keras(batch: Any, tmp_path: Path) -> None:
    proto = model(keras_nodes(), keras_weights(), dims=(batch, 12, 10, 3), opset=15)
    network = compared(tmp_path, proto, order="hwc")
    assert (network.input.shape, network.input.channel_order) == (Shape(12, 10, 3), "rgb")
    assert [(layer.type, layer.name) for layer in network.layers] == [
        ("convolution", "model.conv1"),
        ("relu", "model.conv1.Relu"),
        ("pooling", "model.pool"),
        ("innerproduct", "model.dense"),
        ("relu", "model.dense.Relu"),
        ("innerproduct", "model.dense_1"),
        ("softmax", "model.dense_1.Softmax"),
    ]
    first = network.layers[0]
    assert isinstance(first, Convolution)
    np.testing.assert_array_equal(first.bias, keras_weights()["b1"])
    assert first.where == (
        f"{tmp_path / 'net.onnx'}: node 'model/conv1/Conv2D': layer 'model.conv1'"
    )
    assert types(lower(network)) == types(network)


def test_an_image_of_one_channel_reshaped_instead_of_transposed(tmp_path: Path) -> None:
    nodes = [
        node("Reshape", "x first", "r"),
        node("Conv", "r w"),
    ]
    weights = {"first": np.array([-1, 1, 8, 7]), "w": numbers(2, 1, 3, 3)}
    network = compared(tmp_path, model(nodes, weights, dims=("n", 8, 7, 1)), out_order="chw")
    assert network.input.shape == Shape(8, 7, 1)


@pytest.mark.parametrize(
    ("dims", "target", "shape"),
    [
        ((1, 60), [-1, 2, 6, 5], (6, 5, 2)),
        ((1, 60), [0, 2, 6, -1], (6, 5, 2)),
        ((1, 6, 10), [1, 1, 6, 10], (6, 10, 1)),
        (("n", 12, 5), [-1, 2, 6, 5], (6, 5, 2)),
    ],
)
def test_a_flat_input_that_the_network_makes_an_image_of(
    dims: Any, target: list[int], shape: tuple[int, int, int], tmp_path: Path
) -> None:
    nodes = [node("Reshape", "x target", "r"), node("Conv", "r w")]
    weights = {"target": np.array(target), "w": numbers(3, shape[2], 2, 3)}
    network = compared(tmp_path, model(nodes, weights, dims=dims))
    assert tuple(network.input.shape) == shape


def test_a_flat_input_of_keras(tmp_path: Path) -> None:
    nodes = [
        node("Reshape", "x target", "r"),
        node("Transpose", "r", "t", perm=TO_FIRST),
        node("Conv", "t w", "c"),
        node("Transpose", "c", perm=TO_LAST),
    ]
    weights = {"target": np.array([-1, 6, 5, 2]), "w": numbers(3, 2, 2, 3)}
    network = compared(tmp_path, model(nodes, weights, dims=(None, 60)), order="hwc")
    assert network.input.shape == Shape(6, 5, 2)


@pytest.mark.parametrize("order", ["chw", "hwc"])
def test_a_vector_that_the_user_calls_an_image(order: str, tmp_path: Path) -> None:
    """A perceptron of a flat image: only the user knows that it is one."""
    proto = model([node("Gemm", "x w")], {"w": numbers(30, 4)}, dims=("n", 30))
    vector = read_onnx(written(tmp_path, proto))
    assert vector.input.shape == Shape(1, 1, 30)
    network = compared(tmp_path, proto, shape=Shape(5, 3, 2))
    assert network.input.shape == Shape(5, 3, 2)
    again = read_onnx(tmp_path / "net.onnx", default_shape=Shape(5, 3, 2))
    assert again.input.shape == Shape(5, 3, 2)
    other = read_onnx(tmp_path / "net.onnx", default_shape=Shape(28, 28, 1))
    assert other.input.shape == Shape(1, 1, 30)


def test_the_user_says_which_axis_are_channels(tmp_path: Path) -> None:
    proto = model(
        [node("Flatten", "x", "f"), node("Gemm", "f w")], {"w": numbers(40, 4)}, dims=(1, 4, 5, 2)
    )
    first = compared(tmp_path, proto)
    last = compared(tmp_path, proto, order="hwc", shape=Shape(4, 5, 2))
    assert (first.input.shape, last.input.shape) == (Shape(5, 2, 4), Shape(4, 5, 2))
    assert types(first) == types(last) == ["innerproduct"]


def test_columns_follow_the_map_they_read(tmp_path: Path) -> None:
    weights = numbers(24, 2)
    nodes = [node("Conv", "x k", "c"), node("Flatten", "c", "f"), node("Gemm", "f w")]
    proto = model(nodes, {"k": numbers(4, 1, 1, 1), "w": weights}, dims=(1, 1, 3, 2))
    layer = compared(tmp_path, proto).output
    assert isinstance(layer, InnerProduct)
    wanted = weights.T.reshape(2, 4, 3, 2).transpose(0, 2, 3, 1).reshape(2, 24)
    np.testing.assert_array_equal(layer.weights, wanted)


def test_normalisation_of_a_vector_of_keras(tmp_path: Path) -> None:
    """A BatchNormalization between Flatten and Dense, whose order is rows, columns, channels."""
    count = 6 * 4 * 5
    parameters = {name: numbers(count, seed=seed, low=0.1) for seed, name in enumerate("sbmv")}
    nodes = [
        node("Transpose", "x", "t", perm=TO_FIRST),
        node("Conv", "t w", "c"),
        node("Transpose", "c", "l", perm=TO_LAST),
        node("Reshape", "l target", "f"),
        node("BatchNormalization", "f s b m v", "n"),
        node("MatMul", "n d"),
    ]
    weights = {
        "w": numbers(5, 3, 3, 3), "target": np.array([-1, count]), "d": numbers(count, 3)
    }  # fmt: skip
    proto = model(nodes, {**weights, **parameters}, dims=(None, 8, 6, 3))
    network = compared(tmp_path, proto, order="hwc")
    assert types(network) == ["convolution", "flatten", "scale", "innerproduct"]
    assert types(lower(network)) == ["convolution", "innerproduct"]


def test_rows_of_keras(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", "x", "t", perm=[0, 2, 1]),
        node("Conv", "t w", "c", strides=[2]),
        node("Relu", "c", "r"),
        node("MaxPool", "r", "m", kernel_shape=[2], strides=[2]),
        node("Transpose", "m", "l", perm=[0, 2, 1]),
        node("Reshape", "l target", "f"),
        node("MatMul", "f d"),
    ]
    weights = {"w": numbers(4, 2, 3), "target": np.array([-1, 16]), "d": numbers(16, 3)}
    network = compared(tmp_path, model(nodes, weights, dims=(None, 18, 2)), order="hwc")
    assert network.input.shape == Shape(1, 18, 2)


def test_a_signal_of_one_channel(tmp_path: Path) -> None:
    nodes = [node("Unsqueeze", "x one", "u"), node("Conv", "u w")]
    weights = {"one": np.array([1]), "w": numbers(4, 1, 3)}
    network = compared(tmp_path, model(nodes, weights, dims=("n", 20)))
    assert network.input.shape == Shape(1, 20, 1)


def test_rows_made_maps_and_back(tmp_path: Path) -> None:
    """tf2onnx computes Keras's Conv1D as a two-dimensional convolution of one row."""
    nodes = [
        node("Unsqueeze", "x one", "u"),
        node("Transpose", "u", "t", perm=TO_FIRST),
        node("Conv", "t w", "c"),
        node("Squeeze", "c two", "s"),
        node("Transpose", "s", "l", perm=[0, 2, 1]),
        node("ReduceMean", "l one", keepdims=0),
    ]
    weights = {"one": np.array([1]), "two": np.array([2]), "w": numbers(4, 2, 1, 3)}
    network = compared(tmp_path, model(nodes, weights, dims=(None, 18, 2)), order="hwc")
    assert (network.input.shape, types(network)) == (Shape(1, 18, 2), ["convolution", "pooling"])


def test_an_image_without_a_batch(tmp_path: Path) -> None:
    nodes = [node("Unsqueeze", "x zero", "u"), node("Conv", "u w")]
    proto = model(nodes, {"zero": np.array([0]), "w": numbers(2, 3, 3, 3)}, dims=(3, 8, 6))
    assert read_onnx(written(tmp_path, proto)).input.shape == Shape(8, 6, 3)


SHAPES = [
    node("Shape", "c", "dims"),
    node("Gather", "dims zero", "n", axis=0),
    node("Unsqueeze", "n axis", "rows"),
    node("Concat", "rows rest", "target", axis=0),
    node("Reshape", "c target", "f"),
    node("Gemm", "f w"),
]
SLICES = [
    node("Shape", "c", "dims", end=1),
    node("Cast", "dims", "wide", to=6),
    node("Cast", "wide", "n", to=7),
    node("Shape", "c", "others", start=1),
    node("ReduceProd", "others", "count"),
    node("Concat", "n count", "target", axis=0),
    node("Reshape", "c target", "f"),
    node("Gemm", "f w"),
]
COMPUTED = [
    node("ConstantOfShape", "axis", "blank"),
    node("Size", "c", "size"),
    node("Div", "size size", "unit"),
    node("Range", "zero size size", "first"),
    node("Slice", "rest first unit1", "last"),
    node("Equal", "last rest", "same"),
    node("Where", "same last axis", "chosen"),
    node("Expand", "unit unit1", "one"),
    node("Mul", "one unit1", "ones"),
    node("Concat", "ones chosen", "target", axis=0),
    node("Reshape", "c target", "f"),
    node("Gemm", "f w"),
]


@pytest.mark.parametrize("chain", [SHAPES, SLICES, COMPUTED])
@pytest.mark.parametrize("batch", ["n", 1])
def test_targets_that_are_computed_from_shapes(
    chain: list[Any], batch: Any, tmp_path: Path
) -> None:
    weights = {
        "k": numbers(4, 3, 3, 3), "w": numbers(144, 5), "zero": np.array(0), "axis": np.array([0]),
        "rest": np.array([-1]), "unit1": np.array([1]),
    }  # fmt: skip
    proto = model([node("Conv", "x k", "c"), *chain], weights, dims=(batch, 3, 8, 8))
    assert types(compared(tmp_path, proto)) == ["convolution", "innerproduct"]


def test_weights_that_are_computed_from_constants(tmp_path: Path) -> None:
    nodes = [
        node("Identity", "k0", "k1"),
        node("Transpose", "k1", "k2", perm=[3, 2, 0, 1]),
        node("Mul", "k2 half", "k3"),
        node("Conv", "x k3", "c"),
        node("Constant", "", "bias", value_floats=[1.0, 2.0, -3.0, 4.0]),
        node("Constant", "", "axes", value_ints=[1, 2]),
        node("Unsqueeze", "bias axes", "b"),
        node("Add", "c b"),
    ]
    weights = {"k0": numbers(3, 3, 3, 4), "half": np.array(0.5, np.float32)}
    network = compared(tmp_path, model(nodes, weights))
    layer = network.output
    assert isinstance(layer, Convolution)
    np.testing.assert_array_equal(layer.bias, [1, 2, -3, 4])


PIXELS = {
    "divided": ([node("Div", "x c255", "s")], 1 / 255, None),
    "rescaled": (
        [node("Mul", "x c127", "m"), node("Add", "m minus", "s")], 1 / 127.5, [127.5] * 3
    ),
    "cast": ([node("Cast", "x", "f", to=1), node("Mul", "f c127", "s")], 1 / 127.5, None),
}  # fmt: skip


@pytest.mark.parametrize("name", PIXELS)
def test_what_is_done_to_pixels_first_is_the_inputs_mean_and_scale(
    name: str, tmp_path: Path
) -> None:
    nodes, scale, mean = PIXELS[name]
    weights = {
        "c255": np.array(255, np.float32),
        "c127": np.array(1 / 127.5, np.float32),
        "minus": np.array(-1, np.float32),
        "w": numbers(4, 3, 3, 3),
    }
    proto = model([*nodes, node("Conv", "s w", pads=[1, 1, 1, 1])], weights)
    network = compared(tmp_path, proto)
    assert types(network) == ["convolution"]
    assert network.input.scale == pytest.approx(scale)
    if mean is None:
        assert network.input.mean is None
    else:
        np.testing.assert_allclose(np.asarray(network.input.mean), mean, rtol=1e-5)


def test_a_scale_for_each_channel_goes_into_the_weights(tmp_path: Path) -> None:
    """torchvision's normalisation within the network; padding is zero behind it."""
    weights = {
        "c255": np.array(255, np.float32),
        "mean": np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1),
        "std": np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1),
        "w": numbers(4, 3, 3, 3),
    }
    nodes = [
        node("Div", "x c255", "a"),
        node("Sub", "a mean", "b"),
        node("Div", "b std", "c"),
        node("Conv", "c w", pads=[1, 1, 1, 1]),
    ]
    network = compared(tmp_path, model(nodes, weights))
    assert types(network) == ["scale", "convolution"]
    assert network.input.scale == pytest.approx(1 / 255 / 0.224)
    np.testing.assert_allclose(np.asarray(network.input.mean), [123.675, 116.28, 103.53], rtol=1e-5)
    lowered = lower(network)
    assert types(lowered) == ["convolution"]


def test_an_input_that_is_read_twice_keeps_its_arithmetic(tmp_path: Path) -> None:
    nodes = [node("Mul", "x half", "h"), node("Add", "h x", "s"), node("Relu", "s")]
    network = compared(tmp_path, model(nodes, {"half": np.array(0.5, np.float32)}))
    assert (network.input.scale, types(network)) == (1.0, ["scale", "eltwise", "relu"])


def test_sizes_that_are_open_come_from_the_user(tmp_path: Path) -> None:
    proto = model([node("Conv", "x w")], {"w": numbers(2, 3, 3, 3)}, dims=("n", 3, "h", "w"))
    path = written(tmp_path, proto)
    with pytest.raises(FileFormatError, match=r"found \?x3x\?x\?; give --input-shape HxWxC"):
        read_onnx(path)
    assert read_onnx(path, input_shape=Shape(9, 7, 3)).output.out_shape == (7, 5, 2)
    assert read_onnx(path, default_shape=Shape(9, 7, 3)).output.out_shape == (7, 5, 2)
    with pytest.raises(FileFormatError, match="an input of shape 9x7x1, found axes of sizes"):
        read_onnx(path, input_shape=Shape(9, 7, 1))


def test_an_input_without_a_shape_needs_the_user(tmp_path: Path) -> None:
    path = written(tmp_path, model([node("Conv", "x w")], {"w": numbers(2, 3, 3, 3)}, dims=None))
    with pytest.raises(FileFormatError, match="give --input-shape"):
        read_onnx(path)
    assert read_onnx(path, input_shape=Shape(9, 7, 3)).output.out_shape == (7, 5, 2)


def test_axes_that_are_never_put_right_are_refused(tmp_path: Path) -> None:
    nodes = [node("Transpose", "x", "t", perm=[0, 1, 3, 2]), node("Conv", "t w")]
    path = written(tmp_path, model(nodes, {"w": numbers(2, 3, 3, 3)}, dims=(1, 3, 8, 6)))
    with pytest.raises(UnsupportedNetworkError) as caught:
        read_onnx(path)
    assert str(caught.value).startswith(
        f"{path}: unnamed node number 2 (Conv): expected batch, channels, rows, columns, found "
        "axes (1, channels, columns, rows) of shape 1x3x6x8"
    )
