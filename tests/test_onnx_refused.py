"""Operators of ONNX that cannot be deployed, or whose inputs do not fit: said with their node."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_files import Array, model, node, numbers, written
from qrig.errors import FileFormatError, InputError, UnsupportedNetworkError
from qrig.networks.onnx import read_onnx

CONV = node("Conv", "x w", "conv")
W = numbers(4, 3, 3, 3)

REFUSED: dict[str, tuple[list[Any], type[InputError], str]] = {
    "ReLU6": (
        [node("Clip", "conv zero six")],
        UnsupportedNetworkError, "found ReLU6, values clipped to 0 .. 6, which qrig cannot deploy",
    ),
    "clipped on both sides": (
        [node("Clip", "conv minus six")], UnsupportedNetworkError, "values clipped to -1 .. 6",
    ),
    "a slope for each channel": (
        [node("PRelu", "conv slopes")], UnsupportedNetworkError, "a slope for each channel",
    ),
    "an even LRN": (
        [node("LRN", "conv", size=4)], UnsupportedNetworkError, "a normalisation over 4 channels",
    ),
    "softmax over rows": (
        [node("Softmax", "conv", axis=2)], UnsupportedNetworkError, "channels to normalise over",
    ),
    "a logarithm within": (
        [node("LogSoftmax", "conv", "l", axis=1), node("Relu", "l")],
        UnsupportedNetworkError, "a logarithm of a softmax within the network",
    ),
    "a choice within": (
        [node("ArgMax", "conv", "l"), node("Relu", "l")],
        UnsupportedNetworkError, "a choice within the network",
    ),
    "an unknown operator": (
        [node("HardSwish", "conv", name="act")],
        UnsupportedNetworkError, "node 'act' (HardSwish): found an operator that qrig cannot",
    ),
    "quantised": (
        [node("QuantizeLinear", "conv six")],
        UnsupportedNetworkError, "export the float network, qrig quantises it",
    ),
    "another domain": (
        [node("FusedConv", "conv", domain="com.vendor")],
        UnsupportedNetworkError, "(com.vendor.FusedConv): found an operator",
    ),
    "a constant operator of a tensor": (
        [node("Sqrt", "conv")], UnsupportedNetworkError, "Sqrt of a computed tensor",
    ),
    "a division of tensors": (
        [node("Div", "conv conv")], UnsupportedNetworkError, "a computed tensor divided by another",
    ),
    "a division of a constant": (
        [node("Div", "six conv")],
        UnsupportedNetworkError, "a constant divided by a computed tensor",
    ),
    "a division by zero": ([node("Div", "conv zero")], FileFormatError, "to divide by"),
    "a constant of each row": (
        [node("Mul", "conv rows")], UnsupportedNetworkError, "the same in all rows",
    ),
    "a constant that is larger": (
        [node("Mul", "conv slopes12")], UnsupportedNetworkError, "with a constant of shape (12, 1",
    ),
    "tensors of two shapes": (
        [node("GlobalAveragePool", "conv", "g"), node("Mul", "conv g")],
        UnsupportedNetworkError, "tensors of shapes (1, 4, 6, 6) and (1, 4, 1, 1)",
    ),
    "rows put together": (
        [node("Concat", "conv conv", axis=2)],
        UnsupportedNetworkError, "the channels of maps or vectors to put together",
    ),
    "maps that do not fit": (
        [node("MaxPool", "conv", "m", kernel_shape=[2, 2]), node("Concat", "conv m", axis=1)],
        FileFormatError, "tensors that differ along one axis",
    ),
    "a channel shuffle": (
        [node("Reshape", "conv five", "r"), node("Transpose", "r", perm=[0, 2, 1, 3, 4])],
        UnsupportedNetworkError, "without cutting one apart",
    ),
    "a wrong target": (
        [node("Reshape", "conv seven")], FileFormatError, "a target shape for 144 elements",
    ),
    "a computed target": (
        [node("Reshape", "conv conv")], UnsupportedNetworkError, "a computed tensor as input 2",
    ),
    "a wrong permutation": (
        [node("Transpose", "conv", perm=[0, 1, 1, 2])], FileFormatError, "a permutation of 4 axes",
    ),
    "a squeeze of rows": (
        [node("Squeeze", "conv two")], FileFormatError, "axes of size 1 to drop",
    ),
    "an axis outside": (
        [node("Concat", "conv conv", axis=4)], FileFormatError, "an axis within 4 dimensions",
    ),
    "axes twice": (
        [node("Unsqueeze", "conv twice")], FileFormatError, "axes that are listed once",
    ),
    "a Gemm of another size": (
        [node("Flatten", "conv", "f"), node("Gemm", "f slopes")],
        FileFormatError, "two matrices",
    ),
    "a MatMul of another size": (
        [node("Flatten", "conv", "f"), node("MatMul", "f matrix")],
        FileFormatError, "weights for a tensor of shape (1, 144), found shape (5, 2)",
    ),
    "a MatMul over columns": (
        [node("MatMul", "conv wide")],
        UnsupportedNetworkError, "values to multiply along the last axis",
    ),
    "a MatMul of tensors": (
        [node("MatMul", "conv conv")], UnsupportedNetworkError, "a computed tensor as input 2",
    ),
    "a dropout that trains": (
        [node("Dropout", "conv ratio true")], UnsupportedNetworkError, "a dropout that still",
    ),
    "a mask of a dropout": (
        [node("Dropout", "conv", "d mask"), node("Mul", "d mask")],
        UnsupportedNetworkError, "a second output of another node ('mask')",
    ),
    "a cast to integers": (
        [node("Cast", "conv", "i", to=7), node("Relu", "i")],
        UnsupportedNetworkError, "a cast to other numbers",
    ),
    "normalisation that trains": (
        [node("BatchNormalization", "conv four four four four", training_mode=1)],
        UnsupportedNetworkError, "a batch normalisation that still trains",
    ),
    "a negative variance": (
        [node("BatchNormalization", "conv four four four minus4")],
        FileFormatError, "positive variances, found -0.9",
    ),
    "normalisation of others": (
        [node("BatchNormalization", "conv six four four four")],
        FileFormatError, "4 values for 4 channels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_said_with_its_node(name: str, tmp_path: Path) -> None:
    nodes, error, text = REFUSED[name]
    weights: dict[str, Array] = {
        "w": W,
        "zero": np.array(0, np.float32),
        "six": np.array(6, np.float32),
        "minus": np.array(-1, np.float32),
        "minus4": np.full(4, -1, np.float32),
        "four": np.ones(4, np.float32),
        "slopes": numbers(4, 1, 1),
        "slopes12": numbers(12, 1, 6, 6),
        "rows": numbers(6, 1),
        "five": np.array([0, 2, 2, 6, 6]),
        "seven": np.array([0, 7]),
        "two": np.array([2]),
        "twice": np.array([0, 0]),
        "matrix": numbers(5, 2),
        "wide": numbers(6, 2),
        "ratio": np.array(0.5, np.float32),
        "true": np.array(True),
    }
    path = written(tmp_path, model([CONV, *nodes], weights))
    with pytest.raises(error) as caught:
        read_onnx(path)
    assert text in str(caught.value)
    assert str(path) in str(caught.value)
