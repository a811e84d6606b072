"""Convolutions and poolings of ONNX, every attribute, against onnx's own evaluator."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_files import compared, model, node, numbers, only, types, written
from qrig.errors import FileFormatError, InputError, UnsupportedNetworkError
from qrig.networks.graph import Convolution, DepthwiseConvolution, Pair, Pooling
from qrig.networks.onnx import read_onnx

Case = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]

CONVOLUTIONS: dict[str, Case] = {
    "plain": ((1, 3, 8, 7), (4, 3, 3, 3), {}),
    "kernel shape stated": ((1, 3, 8, 7), (4, 3, 3, 2), {"kernel_shape": [3, 2]}),
    "strides": ((1, 3, 9, 7), (4, 3, 3, 3), {"strides": [2, 3]}),
    "pads alike": ((1, 3, 8, 7), (4, 3, 5, 3), {"pads": [2, 1, 2, 1]}),
    "more behind": ((1, 2, 8, 8), (4, 2, 3, 3), {"pads": [0, 0, 1, 1], "strides": [2, 2]}),
    "more in front": ((1, 2, 8, 8), (4, 2, 3, 3), {"pads": [2, 1, 0, 0], "strides": [2, 1]}),
    "all unlike": ((1, 2, 9, 8), (4, 2, 2, 3), {"pads": [0, 3, 2, 1], "strides": [1, 2]}),
    "behind unread": ((1, 2, 9, 9), (4, 2, 3, 3), {"pads": [0, 0, 1, 1], "strides": [4, 4]}),
    "same upper": ((1, 3, 8, 6), (4, 3, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "same lower": ((1, 3, 8, 6), (4, 3, 3, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    "same, even kernel": ((1, 3, 8, 7), (4, 3, 4, 2), {"auto_pad": "SAME_UPPER"}),
    "same, 1x1": ((1, 3, 8, 7), (4, 3, 1, 1), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    "valid": ((1, 3, 8, 6), (4, 3, 3, 3), {"auto_pad": "VALID", "strides": [2, 2]}),
    "dilated": ((1, 3, 9, 9), (4, 3, 3, 2), {"dilations": [2, 3], "pads": [2, 1, 2, 1]}),
    "dilated, unlike": ((1, 2, 9, 9), (4, 2, 3, 3), {"dilations": [2, 2], "pads": [1, 0, 2, 3]}),
    "dilated, by two": ((1, 2, 9, 9), (4, 2, 2, 2), {"dilations": [2, 2], "pads": [0, 2, 2, 0]}),
    "groups": ((1, 4, 8, 7), (6, 2, 3, 3), {"group": 2}),
    "two for each": ((1, 3, 8, 7), (6, 1, 3, 3), {"group": 3}),
    "depthwise": ((1, 4, 8, 7), (4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    "depthwise, unlike": ((1, 4, 8, 8), (4, 1, 3, 3), {"group": 4, "pads": [0, 0, 1, 1]}),
    "depthwise, dilated": ((1, 4, 8, 8), (4, 1, 3, 3), {"group": 4, "dilations": [2, 1]}),
    "one channel": ((1, 1, 8, 7), (1, 1, 3, 3), {"group": 1}),
    "one pixel left": ((1, 2, 5, 4), (3, 2, 5, 4), {}),
    "a batch of three": ((3, 2, 6, 6), (3, 2, 3, 3), {}),
    "a row": ((1, 2, 12), (3, 2, 4), {"strides": [2], "pads": [1, 2], "dilations": [2]}),
    "a row, same": ((1, 2, 12), (3, 2, 4), {"auto_pad": "SAME_UPPER", "strides": [3]}),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_computes_what_onnx_computes(name: str, bias: bool, tmp_path: Path) -> None:
    dims, shape, attributes = CONVOLUTIONS[name]
    weights = {"w": numbers(*shape)} | ({"b": numbers(shape[0], seed=1)} if bias else {})
    proto = model([node("Conv", "x w b" if bias else "x w", **attributes)], weights, dims=dims)
    network = compared(tmp_path, proto)
    depthwise = name in ("depthwise", "depthwise, unlike")
    assert types(network) == ["depthwise" if depthwise else "convolution"]


def test_padding_behind_becomes_zeros_in_front_of_the_kernel(tmp_path: Path) -> None:
    _, shape, attributes = CONVOLUTIONS["more behind"]
    proto = model([node("Conv", "x w", **attributes)], {"w": numbers(*shape)}, dims=(1, 2, 8, 8))
    layer = only(compared(tmp_path, proto), "convolution")
    assert isinstance(layer, Convolution)
    assert (layer.kernel, layer.pad, layer.stride) == (Pair(4, 4), Pair(1, 1), Pair(2, 2))
    assert not layer.weights[:, 0].any()
    assert not layer.weights[:, :, 0].any()


def test_no_zeros_are_added_where_the_last_rows_are_never_read(tmp_path: Path) -> None:
    _, shape, attributes = CONVOLUTIONS["behind unread"]
    proto = model([node("Conv", "x w", **attributes)], {"w": numbers(*shape)}, dims=(1, 2, 9, 9))
    layer = only(compared(tmp_path, proto), "convolution")
    assert isinstance(layer, Convolution)
    assert (layer.kernel, layer.pad) == (Pair(3, 3), Pair(0, 0))


def test_dilation_stays_where_the_added_zeros_are_a_multiple_of_it(tmp_path: Path) -> None:
    _, shape, attributes = CONVOLUTIONS["dilated, by two"]
    proto = model([node("Conv", "x w", **attributes)], {"w": numbers(*shape)}, dims=(1, 2, 9, 9))
    layer = only(compared(tmp_path, proto), "convolution")
    assert isinstance(layer, Convolution)
    assert (layer.kernel, layer.dilation) == (Pair(3, 3), Pair(2, 2))


def test_depthwise_weights_are_rows_columns_channels(tmp_path: Path) -> None:
    weights = numbers(4, 1, 3, 2)
    proto = model([node("Conv", "x w", group=4)], {"w": weights}, dims=(1, 4, 8, 7))
    layer = only(compared(tmp_path, proto), "depthwise")
    assert isinstance(layer, DepthwiseConvolution)
    np.testing.assert_array_equal(layer.weights, weights[:, 0].transpose(1, 2, 0))


@pytest.mark.parametrize("seed", range(8))
def test_random_convolutions_compute_what_onnx_computes(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    for _ in range(5):
        dilations = random.integers(1, 4, 2)
        kernel = random.integers(1, 4, 2)
        sides = (kernel - 1) * dilations + 1 + random.integers(0, 6, 2)
        group = int(random.choice([1, 2]))
        pads = [int(pad) for pad in random.integers(0, 4, 4)]
        strides = [int(stride) for stride in random.integers(1, 4, 2)]
        attributes: dict[str, Any] = {"group": group, "pads": pads, "strides": strides}
        weights = numbers(2 * group, 2, *(int(side) for side in kernel), seed=seed)
        proto = model(
            [node("Conv", "x w", dilations=[int(step) for step in dilations], **attributes)],
            {"w": weights},
            dims=(1, 2 * group, *(int(side) for side in sides)),
        )
        assert only(compared(tmp_path, proto), "convolution").inputs == ("x",)


POOLINGS: dict[str, dict[str, Any]] = {
    "plain": {"kernel_shape": [2, 2]},
    "strides": {"kernel_shape": [3, 2], "strides": [2, 3]},
    "pads alike": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    "pads behind": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]},
    "pads in front": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 2, 0, 0]},
    "rounded up": {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    "rounded up from less than one": {
        "kernel_shape": [9, 8], "strides": [2, 2], "ceil_mode": 1
    },
    "rounded up, padded": {
        "kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1
    },
    "same upper": {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "same lower": {"kernel_shape": [2, 3], "strides": [1, 1], "auto_pad": "SAME_LOWER"},
    "valid": {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "VALID"},
    "not dilated": {"kernel_shape": [2, 2], "dilations": [1, 1]},
}  # fmt: skip


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("name", POOLINGS)
def test_a_pooling_computes_what_onnx_computes(op: str, name: str, tmp_path: Path) -> None:
    proto = model([node(op, "x", **POOLINGS[name])], dims=(1, 2, 8, 7), opset=19)
    layer = only(compared(tmp_path, proto), "pooling")
    assert isinstance(layer, Pooling)
    assert (layer.method, layer.counts_padding) == (
        "max" if op == "MaxPool" else "average", False
    )  # fmt: skip


COUNTING = {
    "nothing to count": ({"kernel_shape": [2, 2]}, False),
    "pads alike": (POOLINGS["pads alike"], True),
    "rounded up, padded": (POOLINGS["rounded up, padded"], True),
    "behind, out of reach": (
        {"kernel_shape": [3, 3], "strides": [3, 3], "pads": [1, 1, 2, 1]}, True
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTING)
def test_an_average_that_counts_padding(name: str, tmp_path: Path) -> None:
    attributes, counts = COUNTING[name]
    proto = model(
        [node("AveragePool", "x", count_include_pad=1, **attributes)], dims=(1, 2, 8, 7), opset=19
    )
    layer = only(compared(tmp_path, proto), "pooling")
    assert isinstance(layer, Pooling)
    assert layer.counts_padding == counts


@pytest.mark.parametrize(
    ("op", "dims"),
    [
        ("GlobalMaxPool", (1, 3, 5, 7)),
        ("GlobalAveragePool", (1, 3, 5, 7)),
        ("GlobalAveragePool", (1, 3, 9)),
    ],
)
def test_a_global_pooling_computes_what_onnx_computes(
    op: str, dims: tuple[int, ...], tmp_path: Path
) -> None:
    network = compared(tmp_path, model([node(op, "x")], dims=dims))
    assert tuple(network.output.out_shape) == (1, 1, 3)


REDUCTIONS: dict[str, tuple[str, list[int], int]] = {
    "rows and columns": ("ReduceMean", [2, 3], 1),
    "dropped": ("ReduceMean", [-1, -2], 0),
    "rows": ("ReduceMean", [2], 1),
    "columns, dropped": ("ReduceMax", [3], 0),
    "maximum": ("ReduceMax", [2, 3], 0),
}


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_mean_over_rows_and_columns_is_a_pooling(name: str, opset: int, tmp_path: Path) -> None:
    op, axes, keeps = REDUCTIONS[name]
    if opset == 13:
        proto = model([node(op, "x", axes=axes, keepdims=keeps)], dims=(1, 3, 4, 6), opset=13)
    else:
        made = node(op, "x axes", keepdims=keeps)
        proto = model([made], {"axes": np.array(axes)}, dims=(1, 3, 4, 6))
    order = "hwc" if keeps == 0 and len(axes) == 2 else "chw"
    assert types(compared(tmp_path, proto, out_order=order)) == ["pooling"]


def test_zeros_in_front_of_a_convolution_are_its_padding(tmp_path: Path) -> None:
    nodes = [
        node("Pad", "x pads zero", "padded"),
        node("Conv", "padded w", strides=[2, 2], pads=[1, 0, 0, 0]),
    ]
    pads = np.array([0, 0, 0, 1, 0, 0, 1, 1])
    weights = {"pads": pads, "zero": np.array(0, np.float32), "w": numbers(4, 2, 3, 3)}
    layer = only(compared(tmp_path, model(nodes, weights, dims=(1, 2, 8, 8))), "convolution")
    assert isinstance(layer, Convolution)
    assert layer.pad == Pair(1, 1)


def test_zeros_in_front_of_a_maximum_behind_a_relu_are_its_padding(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x w", "conv"),
        node("Relu", "conv", "relu"),
        node("Pad", "relu pads - axes", "padded"),
        node("MaxPool", "padded", kernel_shape=[3, 3], strides=[2, 2]),
    ]
    pads = {"pads": np.array([1, 1, 1, 1]), "axes": np.array([2, -1])}
    proto = model(nodes, {**pads, "w": numbers(4, 3, 1, 1)})
    assert types(compared(tmp_path, proto)) == ["convolution", "relu", "pooling"]


def test_zeros_in_front_of_an_average_are_counted(tmp_path: Path) -> None:
    nodes = [
        node("Pad", "x pads", "padded"),
        node("AveragePool", "padded", kernel_shape=[3, 3], strides=[2, 2]),
    ]
    proto = model(nodes, {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])})
    layer = only(compared(tmp_path, proto), "pooling")
    assert isinstance(layer, Pooling)
    assert layer.counts_padding


def test_zeros_around_one_row_make_rows_of_it(tmp_path: Path) -> None:
    nodes = [node("Pad", "x pads", "padded"), node("Conv", "padded w")]
    pads = np.array([0, 0, 1, 2, 0, 0, 1, 0])
    proto = model(nodes, {"pads": pads, "w": numbers(2, 3, 3, 3)}, dims=(1, 3, 1, 5))
    assert compared(tmp_path, proto).output.out_shape == (1, 5, 2)


PADDED_RELU = [node("Pad", "x pads", "padded"), node("Relu", "padded")]
NEGATIVE_POOL = [
    node("Pad", "x pads", "padded"), node("MaxPool", "padded", kernel_shape=[2, 2])
]  # fmt: skip

REFUSED: dict[str, tuple[list[Any], type[InputError], str]] = {
    "dilated pooling": (
        [node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 2])],
        UnsupportedNetworkError, "a pooling with dilations (2, 2)",
    ),
    "counts unlike padding": (
        [node("AveragePool", "x", kernel_shape=[3, 3], pads=[0, 0, 1, 1], count_include_pad=1)],
        UnsupportedNetworkError, "counts unlike padding (0 in front, 1 behind)",
    ),
    "padding as large as the kernel": (
        [node("MaxPool", "x", kernel_shape=[2, 2], pads=[0, 0, 2, 2])],
        UnsupportedNetworkError, "a padding as large as the kernel (2, 2)",
    ),
    "zeros in front of a ReLU": (
        PADDED_RELU, UnsupportedNetworkError, "(Relu): found a padding in front of it",
    ),
    "zeros in front of a maximum": (
        NEGATIVE_POOL, UnsupportedNetworkError, "a maximum of values that may be negative",
    ),
    "zeros around the output": (
        [node("Pad", "x pads")], FileFormatError, "expected an output that is computed",
    ),
    "ones around": (
        [node("Pad", "x pads one", "p"), node("Conv", "p w")],
        UnsupportedNetworkError, "a padding with other values than zero",
    ),
    "reflected": (
        [node("Pad", "x pads", "p", mode="reflect"), node("Conv", "p w")],
        UnsupportedNetworkError, "a padding with other values than zero",
    ),
    "cropped": (
        [node("Pad", "x less", "p"), node("Conv", "p w")],
        UnsupportedNetworkError, "train the network without cropping",
    ),
    "channels of zeros": (
        [node("Pad", "x more", "p"), node("Conv", "p w")],
        UnsupportedNetworkError, "zeros around rows and columns alone",
    ),
    "too few pads": (
        [node("Pad", "x short", "p"), node("Conv", "p w")],
        FileFormatError, "two pads for each of 4 axes",
    ),
    "no kernel shape": ([node("MaxPool", "x")], FileFormatError, "a kernel_shape, found none"),
    "kernel of one side": (
        [node("MaxPool", "x", kernel_shape=[2])],
        FileFormatError, "2 numbers of 1 to 65535 as kernel_shape",
    ),
    "stride zero": (
        [node("Conv", "x w", strides=[0, 1])],
        FileFormatError, "2 numbers of 1 to 65535 as strides, found (0, 1)",
    ),
    "negative pads": (
        [node("Conv", "x w", pads=[0, 0, -1, 0])],
        FileFormatError, "4 pads of 0 to 65535, found (0, 0, -1, 0)",
    ),
    "unknown auto_pad": (
        [node("Conv", "x w", auto_pad="SOME")], FileFormatError, "auto_pad of NOTSET, VALID",
    ),
    "strides as a number": (
        [node("Conv", "x w", strides=2)], FileFormatError, "integers as strides, found 2",
    ),
    "kernel larger than the image": (
        [node("Conv", "x w", dilations=[9, 1])],
        FileFormatError, "a kernel within the padded input 8x8x3",
    ),
    "another kernel shape": (
        [node("Conv", "x w", kernel_shape=[2, 2])],
        FileFormatError, "a kernel_shape of (3, 3), as its weights are",
    ),
    "weights for other channels": (
        [node("Conv", "x w", group=2)], FileFormatError, "weights for 3 input channels",
    ),
    "group zero": (
        [node("Conv", "x w", group=0)], FileFormatError, "weights for 3 input channels",
    ),
    "bias of another length": (
        [node("Conv", "x w pads")], FileFormatError, "floating-point numbers as input 3",
    ),
    "short bias": ([node("Conv", "x w one")], FileFormatError, "a bias of 4 values"),
    "weights of a matrix": (
        [node("Conv", "x matrix")], FileFormatError, "weights of 4 dimensions",
    ),
    "computed weights": (
        [node("Conv", "x x")], UnsupportedNetworkError, "a computed tensor as input 2",
    ),
    "no weights": ([node("Conv", "x")], UnsupportedNetworkError, "nothing as input 2"),
    "mean of channels": (
        [node("Conv", "x w", "c"), node("ReduceMean", "c", axes=[1])],
        UnsupportedNetworkError, "rows and columns to reduce over",
    ),
    "a volume": (
        [node("Unsqueeze", "x two", "v"), node("MaxPool", "v", kernel_shape=[1, 2, 2])],
        UnsupportedNetworkError, "expected batch, channels, rows, columns",
    ),
    "huge dilation": (
        [node("Conv", "x w", dilations=[60000, 60000], pads=[65535, 65535, 65534, 65534])],
        FileFormatError, "in an array",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_said_with_its_node(name: str, tmp_path: Path) -> None:
    nodes, error, text = REFUSED[name]
    weights = {
        "w": numbers(4, 3, 3, 3),
        "matrix": numbers(4, 3),
        "one": np.ones(1, np.float32),
        "two": np.array([2]),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "less": np.array([0, 0, -1, 0, 0, 0, 0, 0]),
        "more": np.array([0, 1, 0, 0, 0, 0, 0, 0]),
        "short": np.array([0, 1]),
    }
    opset = 13 if name == "mean of channels" else 19
    path = written(tmp_path, model(nodes, weights, opset=opset))
    with pytest.raises(error) as caught:
        read_onnx(path)
    assert text in str(caught.value)
    assert str(path) in str(caught.value)
