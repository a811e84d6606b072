"""Caffe definitions that are refused: what is said, where, and before anything is computed."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from filled_weights import filled
from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.fixedpoint.quantized import QuantizedPooling
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.caffe import build_network, read_prototxt
from qrig.networks.graph import Network, Pooling, Shape
from qrig.networks.lower import lower
from qrig.reference.run import compute_layer
from test_caffe_prototxt import SHAPE, build, replaced
from tiny_network import PROTOTXT

CONV = "num_output: 4 kernel_size: 3 pad: 1"
POOL = "pool: MAX kernel_size: 2 stride: 2"


def built_with_any_weights(folder: Path, text: str) -> Network:
    path = folder / "net.prototxt"
    path.write_text(text)
    definition = read_prototxt(path)
    weights = filled(definition, SHAPE)
    return build_network(definition, weights, Path("weights"), input_shape=SHAPE)


@pytest.mark.parametrize("kind", ["Power", "ELU", "Slice", "Deconvolution", "Nonsense", ""])
def test_an_unknown_layer_is_named_with_its_type_and_line(tmp_path: Path, kind: str) -> None:
    extra = f'layer {{\n name: "odd" type: "{kind}" bottom: "ip1" top: "odd"\n}}\n'
    with pytest.raises(UnsupportedNetworkError) as caught:
        build(tmp_path, PROTOTXT + extra)
    line = PROTOTXT.count("\n") + 1
    assert f"net.prototxt:{line}: layer 'odd' is of type '{kind}'" in str(caught.value)


def test_parameters_of_an_unknown_layer_do_not_hide_its_type(tmp_path: Path) -> None:
    extra = 'layer { name: "odd" type: "PReLU" bottom: "ip1" prelu_param { shared: true } }'
    with pytest.raises(UnsupportedNetworkError, match="layer 'odd' is of type 'PReLU'"):
        build(tmp_path, PROTOTXT + extra)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('bottom: "data"', 'bottom: "ip1"', r":10: layer 'conv1'.*'ip1'.*cycle"),
        ('bottom: "data"', 'bottom: "conv1"', r":10: layer 'conv1'.*'conv1'.*cycle"),
        ('bottom: "data"', 'bottom: "dat"', "'dat', which none does.*misspelt"),
        ('bottom: "data"', 'bottom: "label"', "found 'label'"),
        ('bottom: "data"', "", "expected one bottom, found 0"),
        ('bottom: "data"', 'bottom: "data" bottom: "data"', "expected one bottom, found 2"),
        ('top: "conv1"', "", "one top"),
        ('name: "conv1"', 'name: "data"', "a name of its own"),
        ('name: "conv1"', 'name: ""', "a name of its own"),
        ('type: "Data"', 'type: "ReLU"', "expected one input"),
        ('name: "tiny"', 'input: "second"', "expected one input .*found 2"),
        ("num_output: 4", "num_output: 0", "num_output of 1 to 65535, found 0"),
        ("num_output: 4", "num_output: 1000000000", "num_output of 1 to 65535"),
        ("num_output: 4", "num_output: -1", "line:column"),
        (CONV, "num_output: 4", "a kernel_size, found none"),
        (CONV, "num_output: 4 kernel_size: 0", "kernel and stride of 1"),
        (CONV, "num_output: 4 kernel_size: 11", "a kernel within the padded input 8x8x3"),
        (CONV, "num_output: 4 kernel_h: 3", "both kernel_h and kernel_w"),
        (CONV, CONV + " kernel_h: 3 kernel_w: 3", "kernel_size or kernel_h and kernel_w"),
        (CONV, CONV + " kernel_size: 3 kernel_size: 3", "one or two values"),
        (CONV, CONV + " stride: 0", "kernel and stride of 1"),
        (CONV, CONV + " stride: 4294967295", "kernel and stride of 1"),
        ("pad: 1", "pad: 65535", "sides of 1 to 65,535"),
        ("pad: 1", "pad: 4294967295", "padding"),
        (POOL, "pool: MAX kernel_size: 9", "a kernel within the padded input"),
        (POOL, POOL + " stride_h: 1", "stride or stride_h and stride_w, found both"),
        (POOL, "kernel_size: 2 stride: 0", "kernel and stride of 1"),
        (POOL, "kernel_size: 2 stride: 3 pad: 2", "a padding smaller than the kernel"),
        (CONV, CONV + " group: 2", r":10: layer 'conv1'.*2 groups for 3 input and 4 output"),
        (CONV, CONV + " group: 3", r":10: layer 'conv1'.*3 groups for 3 input and 4 output"),
        (CONV, CONV + " group: 4", r":10: layer 'conv1'.*4 groups for 3 input and 4 output"),
        (CONV, CONV + " group: 0", r":10: layer 'conv1'.*0 groups"),
        (CONV, CONV + " group: 4294967295", r":10: layer 'conv1'.*4294967295 groups"),
        (CONV, CONV + " dilation: 5", r"kernel within the padded input 8x8x3, found .*\(11, 11\)"),
        (CONV, CONV + " dilation: 0", r"a dilation of 1 to 65535, found \(0, 0\)"),
        (CONV, CONV + " dilation: 4294967295", "a dilation of 1 to 65535"),
        (CONV, CONV + " dilation: 1 dilation: 1 dilation: 1", "one or two values of dilation"),
        ('type: "ReLU"', 'type: "ReLU" relu_param { negative_slope: inf }', "finite negative_"),
    ],
)  # fmt: skip
def test_a_broken_definition_is_a_format_error(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(FileFormatError, match=words):
        build(tmp_path, replaced(old, new))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (POOL, "pool: STOCHASTIC kernel_size: 2", "stochastic"),
        (POOL, "kernel_size: 1 stride: 5", "last window lies outside the image"),
        (CONV, CONV + " axis: 2", "convolution over axis 2"),
        (CONV, CONV + " axis: -1", "convolution over axis -1"),
        (POOL, "pool: AVE kernel_size: 3 stride: 2 pad: 1", "average pooling with padding"),
        (POOL, "pool: AVE kernel_size: 3 stride: 2 pad_h: 1", "average pooling with padding"),
        (POOL, "kernel_size: 2 stride: 1 pad: 1", "padding 1 along x, not smaller"),
        (POOL, "kernel_size: 3 stride: 2 pad: 2", "padding 2 along x, not smaller"),
        (POOL, "kernel_size: 2 stride: 1 pad_h: 1", r"larger \(9x7x4\)"),
        ('type: "ReLU"', 'type: "ReLU" relu_param { negative_slope: 0.1 }', "negative_slope 0.1"),
        ("num_output: 3", "num_output: 3 axis: 2", "axis 2"),
        ('type: "ReLU"', 'type: "Softmax"', "a softmax over a tensor of shape 4x4x4"),
        ('type: "ReLU"', 'type: "Softmax" softmax_param { axis: 2 }', "a softmax over axis 2"),
    ],
)  # fmt: skip
def test_what_the_kernels_cannot_do_is_unsupported(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(UnsupportedNetworkError, match=rf"prototxt:\d+: layer '\w+'.*{words}"):
        lower(built_with_any_weights(tmp_path, replaced(old, new)))


def test_a_second_output_is_named_with_its_line(tmp_path: Path) -> None:
    branch = 'layer { name: "side" type: "ReLU" bottom: "conv1" top: "side" }'
    with pytest.raises(UnsupportedNetworkError, match=r":25: .*reads 'ip1' and 'side'; remove"):
        build(tmp_path, PROTOTXT + branch)


def test_a_top_of_an_earlier_layer_is_refused(tmp_path: Path) -> None:
    second = 'layer { name: "again" type: "ReLU" bottom: "ip1" top: "conv1" }'
    with pytest.raises(FileFormatError, match=r":32: layer 'again': .*found 'conv1'; give it"):
        build(tmp_path, PROTOTXT + second)


def test_a_network_of_judges_alone_computes_nothing(tmp_path: Path) -> None:
    text = 'input: "x" layer { name: "loss" type: "SoftmaxWithLoss" bottom: "x" top: "loss" }'
    with pytest.raises(FileFormatError, match="layers that compute something"):
        build(tmp_path, text)


def test_accepted_max_poolings_compute_what_caffe_computes(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    accepted = 0
    for kernel, stride, pad_y, pad_x in itertools.product((2, 3), (1, 2, 3), (0, 1, 2), (0, 1, 2)):
        pool = f"kernel_size: {kernel} stride: {stride} pad_h: {pad_y} pad_w: {pad_x}"
        text = (
            'input: "x" layer { name: "p" type: "Pooling" bottom: "x" top: "p" '
            f"pooling_param {{ {pool} }} }}"
        )
        try:
            layer = lower(build(tmp_path, text, {}, Shape(7, 8, 3))).output
        except (UnsupportedNetworkError, FileFormatError):
            assert pad_y or pad_x
            continue
        assert isinstance(layer, Pooling)
        accepted += 1
        quantized = QuantizedPooling(
            layer.name, layer.inputs, layer.in_shape, layer.out_shape, 0,
            layer.method, layer.kernel, layer.stride, layer.pad,
        )  # fmt: skip
        tensor = numbers.integers(-128, 128, layer.in_shape, dtype=np.int8)
        kernels = compute_layer(quantized, (tensor,), Semantics(pooling="dsp"))
        caffe = compute_layer(quantized, (tensor,), Semantics(pooling="c"))
        assert np.array_equal(kernels, caffe), pool
    assert accepted >= 12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("layers { name: 'a' } layer { name: 'b' }", "the older `layers`, found both"),
        ('name: "empty"', "found none; check that this is the model"),
        ('net: "train.prototxt"\nbase_lr: 0.01', "line:column 1:1"),
        ("layer {", "line:column"),
        ("}", "line:column"),
        ('layer { name: "\\xff\\xfe" }', "line:column"),
        ("layer {" * 3000, "prototxt"),
        ('layer { name: "a" }\n' * 4097, "at most 4,096 layers, found 4,097"),
        ("\x00\x01\x02", "line:column"),
    ],
)
def test_what_is_no_definition_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(FileFormatError, match=words) as caught:
        build(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused_with_their_offset(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(b'name: "\xff"')
    with pytest.raises(FileFormatError, match="not text at offset 7"):
        read_prototxt(path)


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ('mean_file: "mean.binaryproto" mean_value: 1', "mean_file or mean_value"),
        ("scale: 0", "a positive scale"),
        ("scale: -1", "a positive scale"),
        ("scale: inf", "a positive scale"),
        ("scale: nan", "a positive scale"),
    ],
)
def test_a_transform_that_cannot_be_is_refused(tmp_path: Path, transform: str, words: str) -> None:
    text = replaced("include { phase: TEST }", f"transform_param {{ {transform} }}")
    with pytest.raises(FileFormatError, match=words):
        build(tmp_path, text)


def test_a_shape_is_needed_from_somewhere(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="--input-shape HxWxC"):
        build(tmp_path, PROTOTXT, shape=None)
    for absurd in (Shape(0, 8, 3), Shape(8, 70_000, 3), Shape(60_000, 60_000, 3)):
        with pytest.raises(FileFormatError, match="sides of 1 to 65,535"):
            build(tmp_path, PROTOTXT, shape=absurd)
    assert build(tmp_path, PROTOTXT, shape=SHAPE).input.shape == SHAPE
