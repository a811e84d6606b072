"""Layers that cannot be trained say so, with their place."""

from __future__ import annotations

import pytest

from qrig.errors import FileFormatError, InputError, UnsupportedNetworkError

pytest.importorskip("torch", reason="PyTorch is not installed")

from training_layers import SHARED, build, judge, layer, two

REFUSED = {
    "unknown type": (layer("Slice"), "layer 'l' is of type 'Slice'"),
    "stochastic": (layer("Pooling", "pooling_param { pool: STOCHASTIC }"), "stochastic"),
    "no kernel": (layer("Convolution", "convolution_param { num_output: 2 }"), "kernel_size"),
    "both kernels": (
        layer("Convolution", "convolution_param { num_output: 2 kernel_size: 3 kernel_h: 3 }"),
        "found both",
    ),
    "one side": (
        layer("Convolution", "convolution_param { num_output: 2 kernel_h: 3 }"),
        "found neither",
    ),
    "kernel too large": (
        layer("Convolution", "convolution_param { num_output: 2 kernel_size: 30 }"),
        "a kernel within the padded input of 6x6",
    ),
    "stride 0": (
        layer("Convolution", "convolution_param { num_output: 2 kernel_size: 3 stride: 0 }"),
        "strides and dilations of at least 1",
    ),
    "no outputs": (layer("InnerProduct"), "num_output of 1"),
    "huge": (
        layer("InnerProduct", "inner_product_param { num_output: 4000000000 }"),
        "num_output of 1",
    ),
    "huge output": (
        layer("Convolution", "convolution_param { num_output: 60000 kernel_size: 1 pad: 60000 }"),
        "at most 67,108,864 elements",
    ),
    "group": (
        layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 2 }"),
        "a group that divides 3 input and 4 output",
    ),
    "padding": (
        layer("Pooling", "pooling_param { kernel_size: 2 pad: 2 }"),
        "a padding smaller than the kernel",
    ),
    "outside": (
        layer("Pooling", "pooling_param { kernel_size: 1 stride: 9 }"),
        "lies outside the image",
    ),
    "filler": (
        layer("InnerProduct", 'inner_product_param { num_output: 2 weight_filler { type: "x" } }'),
        "a filler of type constant, gaussian, msra, uniform, xavier, found 'x'",
    ),
    "filler range": (
        layer("InnerProduct", "inner_product_param { num_output: 2 weight_filler { min: 2 } }"),
        "min below max",
    ),
    "params": (
        layer(
            "InnerProduct", "param { } param { } param { } inner_product_param { num_output: 2 }"
        ),
        "at most 2 param blocks",
    ),
    "rate": (
        layer("InnerProduct", "param { lr_mult: nan } inner_product_param { num_output: 2 }"),
        "a finite lr_mult",
    ),
    "dropout": (layer("Dropout", "dropout_param { dropout_ratio: 1 }"), "below 1"),
    "lrn": (layer("LRN", "lrn_param { local_size: 4 }"), "an odd local_size"),
    "batch norm": (layer("BatchNorm", "param { lr_mult: 1 }"), "lr_mult 0"),
    "top_k": (judge("Accuracy", "accuracy_param { top_k: 9 }"), "a top_k of 1 to 3"),
    "missing": (layer("ReLU", bottoms=("nowhere",)), "a bottom that an earlier layer makes"),
    "taken": (layer("ReLU").replace('"out"', '"label"'), "a top of its own"),
    "axis": (layer("Softmax", "softmax_param { axis: 7 }"), "an axis of an input of 4 axes"),
    "loss weight": (judge("SoftmaxWithLoss", "loss_weight: nan"), "finite loss weights"),
    "coefficients": (
        two(layer("Eltwise", "eltwise_param { coeff: 1 }", ("data", "r"))),
        "2 coeff for a SUM of 2",
    ),
    "two bottoms": (layer("ReLU", bottoms=("data", "label")), "one bottom"),
    "no top": (layer("ReLU").replace('top: "out"', ""), "1 to 1 tops"),
    "twice": (layer("ReLU") + layer("ReLU").replace('"out"', '"b"'), "a name of its own"),
    "shared shape": (SHARED % ("", 3), "expected a blob of shape (3, 4)"),
    "shared rate": (SHARED % ("lr_mult: 7", 4), "expected lr_mult 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_says_so_with_its_place(case: str) -> None:
    text, expected = REFUSED[case]
    vectors = {"top_k": (4, 3), "loss weight": (4, 3), "shared rate": (2, 4)}
    with pytest.raises(InputError) as caught:
        build(text, vectors.get(case, (2, 3, 6, 6)))
    assert isinstance(caught.value, FileFormatError | UnsupportedNetworkError)
    assert expected in str(caught.value)
    assert str(caught.value).startswith("net.prototxt: layer '")
