"""Caffe definitions: what arrives as typed layers, and what is refused with which words."""

import json
from pathlib import Path

import numpy as np
import pytest

from filled_weights import filled
from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe import build_network, read_prototxt, read_weights
from qrig.networks.caffe.weights import Weights
from qrig.networks.graph import (
    Convolution,
    DepthwiseConvolution,
    InnerProduct,
    Network,
    Pair,
    Pooling,
    Shape,
)
from qrig.networks.lower import lower
from real_models import MODELS, requires_models
from tiny_network import PROTOTXT, tiny_blobs

SHAPE = Shape(8, 8, 3)


def build(
    folder: Path, text: str, weights: Weights | None = None, shape: Shape | None = SHAPE
) -> Network:
    path = folder / "net.prototxt"
    path.write_text(text)
    chosen: Weights = dict(tiny_blobs()) if weights is None else weights
    return build_network(read_prototxt(path), chosen, Path("weights"), input_shape=shape)


def replaced(old: str, new: str) -> str:
    assert PROTOTXT.count(old) == 1
    return PROTOTXT.replace(old, new)


@requires_models
@pytest.mark.parametrize(("name", "iterations"), [("m4", 70000), ("m7", 300000)])
def test_arms_networks_have_the_shapes_their_quantiser_saw(name: str, iterations: int) -> None:
    assert MODELS
    folder = MODELS / "arm_cifar10"
    weights = folder / f"cifar10_{name}_iter_{iterations}.caffemodel.h5"
    network = build_network(
        read_prototxt(folder / f"cifar10_{name}_train_test.prototxt"),
        read_weights(weights),
        weights,
        input_shape=Shape(32, 32, 3),
    )
    seen = json.loads((folder / f"cifar10_{name}.pkl.json").read_text())["layer_shape"]
    dims = {layer.name: seen[layer.name] for layer in network.layers}
    for layer in network.layers:
        _, c, h, w = (*dims[layer.name], 1, 1)[:4]
        assert layer.out_shape == Shape(h, w, c)
    assert [layer.type for layer in network.layers] == (
        ["convolution", "pooling", "relu"]
        + ["convolution", "relu", "pooling"] * 2
        + ["innerproduct"]
    )
    first, last = network.layers[0], network.output
    assert isinstance(first, Convolution)
    assert isinstance(last, InnerProduct)
    assert (first.kernel, first.stride, first.pad) == (Pair(5, 5), Pair(1, 1), Pair(2, 2))
    assert first.weights.shape == (32, 5, 5, 3)
    assert last.weights.shape == (10, network.layers[-2].out_shape.size)
    assert [mean for mean in network.notices if "mean.binaryproto" in mean]


@requires_models
@pytest.mark.parametrize("name", ["lenet@280546d63", "smile@175315fd3"])
def test_openmvs_networks_have_the_shapes_their_quantiser_saw(name: str) -> None:
    assert MODELS
    folder = MODELS / "openmv" / "caffemodels"
    stem, _, commit = name.partition("@")
    (weights,) = folder.glob(f"{stem}_iter_*@{commit}.caffemodel")
    seen = json.loads((folder / f"{name}.formats.json").read_text())["layer_shape"]
    _, c, h, w = seen["data"]
    network = build_network(
        read_prototxt(folder / f"{stem}_train_test@{commit}.prototxt"),
        read_weights(weights),
        weights,
        input_shape=Shape(h, w, c),
    )
    for layer in network.layers:
        _, c, h, w = (*seen[layer.name], 1, 1)[:4]
        assert layer.out_shape == Shape(h, w, c)
    assert not [layer for layer in network.layers if "drop" in layer.name]


@requires_models
def test_a_published_network_with_lrn_is_refused_by_type_and_line() -> None:
    assert MODELS
    path = MODELS / "caffe_examples" / "cifar10" / "cifar10_full.prototxt"
    line = [text.strip() for text in path.read_text().splitlines()].index('type: "LRN"')
    definition = read_prototxt(path)
    with pytest.raises(UnsupportedNetworkError, match="'LRN'") as caught:
        lower(build_network(definition, filled(definition), Path("weights")))
    named = int(str(caught.value).split(":")[1])
    assert line - 2 <= named <= line + 1


def test_the_tiny_network_arrives_in_hwc_order(tmp_path: Path) -> None:
    blobs = tiny_blobs()
    network = build(tmp_path, PROTOTXT)
    conv, pool, relu, ip = network.layers
    assert isinstance(conv, Convolution)
    assert isinstance(ip, InnerProduct)
    assert network.name == "tiny"
    assert [str(layer.out_shape) for layer in network.layers] == [
        "8x8x4",
        "4x4x4",
        "4x4x4",
        "1x1x3",
    ]
    assert conv.weights[1, 2, 0, 2] == blobs["conv1"][0][1, 2, 2, 0]
    # Column (y, x, c) of HWC is column (c, y, x) of Caffe.
    assert ip.weights[2, (3 * 4 + 1) * 4 + 2] == blobs["ip1"][0][2, (2 * 4 + 3) * 4 + 1]
    assert relu.inputs == ("pool1",)
    assert ip.inputs == ("relu1",)
    assert pool.in_shape == conv.out_shape


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ("", True),
        ("include { phase: TEST }", True),
        ("include { phase: TRAIN }", False),
        ("include { phase: TRAIN } include { phase: TEST }", True),
        ("exclude { phase: TEST }", False),
        ("exclude { phase: TRAIN }", True),
        ('include { stage: "deploy" }', False),
        ('include { not_stage: "deploy" }', True),
        ("include { min_level: 1 }", False),
        ("include { max_level: 0 }", True),
    ],
)
def test_rules_choose_the_layers_of_the_test_phase(tmp_path: Path, rules: str, kept: bool) -> None:
    extra = f'layer {{ name: "extra" type: "ReLU" bottom: "ip1" top: "extra" {rules} }}'
    network = build(tmp_path, PROTOTXT + extra)
    assert (network.output.name == "extra") is kept


def test_the_state_of_the_net_is_what_rules_are_met_by(tmp_path: Path) -> None:
    rules = 'include { stage: "deploy" min_level: 2 max_level: 2 }'
    extra = f'layer {{ name: "extra" type: "ReLU" bottom: "ip1" top: "extra" {rules} }}'
    network = build(tmp_path, PROTOTXT + extra + ' state { stage: "deploy" level: 2 }')
    assert network.output.name == "extra"


def test_include_and_exclude_together_are_refused(tmp_path: Path) -> None:
    text = replaced('type: "Convolution"', 'type: "Convolution" include { } exclude { }')
    with pytest.raises(FileFormatError, match=r"net\.prototxt:10: layer 'conv1'.*both"):
        build(tmp_path, text)


def test_colons_angle_brackets_comments_and_quotes_are_read(tmp_path: Path) -> None:
    text = (
        PROTOTXT.replace("layer {", "layer: {  # } not a brace", 3)
        .replace("pooling_param {", "pooling_param <")
        .replace("stride: 2 }", "stride: 2 >")
        .replace('"pool1"', "'pool1'")
    )
    assert len(build(tmp_path, text).layers) == 4


@pytest.mark.parametrize(
    ("window", "kernel", "stride", "pad"),
    [
        ("kernel_h: 3 kernel_w: 1", (3, 1), (1, 1), (0, 0)),
        ("kernel_size: 3 kernel_size: 1", (3, 1), (1, 1), (0, 0)),
        ("kernel_size: 3 stride_h: 2", (3, 3), (2, 1), (0, 0)),
        ("kernel_size: 3 stride: 2 pad_w: 1", (3, 3), (2, 2), (0, 1)),
        ("kernel_size: 3 pad: 2 pad: 1", (3, 3), (1, 1), (2, 1)),
    ],
)
def test_every_way_to_write_a_window(
    tmp_path: Path,
    window: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, int],
) -> None:
    conv = 'layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param {'
    text = f'input: "x" {conv} num_output: 2 bias_term: false {window} }} }}'
    blobs: Weights = {"c": [np.ones((2, 3, *kernel), dtype=np.float32)]}
    layer = build(tmp_path, text, blobs).output
    assert isinstance(layer, Convolution)
    assert (layer.kernel, layer.stride, layer.pad) == (kernel, stride, pad)
    assert not layer.bias.any()
    assert layer.out_shape == (
        (8 + 2 * pad[0] - kernel[0]) // stride[0] + 1,
        (8 + 2 * pad[1] - kernel[1]) // stride[1] + 1,
        2,
    )


def grouped(channels: int, groups: int, window: str = "kernel_h: 3 kernel_w: 2 pad_h: 1") -> str:
    """One convolution of the input `x`."""
    return (
        'input: "x" layer { name: "c" type: "Convolution" bottom: "x" top: "c" '
        f"convolution_param {{ num_output: {channels} group: {groups} {window} }} }}"
    )


def test_a_group_for_every_channel_is_depthwise(tmp_path: Path) -> None:
    numbers = np.random.default_rng(2)
    weights = numbers.normal(size=(3, 1, 3, 2)).astype(np.float32)
    bias = numbers.normal(size=3).astype(np.float32)
    layer = build(tmp_path, grouped(3, 3), {"c": [weights, bias]}).output
    assert isinstance(layer, DepthwiseConvolution)
    assert layer.type == "depthwise"
    assert (layer.kernel, layer.stride, layer.pad) == ((3, 2), (1, 1), (1, 0))
    assert layer.out_shape == (8, 7, 3)
    # Caffe's (channel, 1, ky, kx) becomes (ky, kx, channel).
    assert layer.weights.shape == (3, 2, 3)
    assert layer.weights[2, 0, 1] == weights[1, 0, 2, 0]
    assert layer.weights.flags.c_contiguous
    assert np.array_equal(layer.bias, bias)


def test_one_group_of_one_channel_is_an_ordinary_convolution(tmp_path: Path) -> None:
    blobs: Weights = {"c": [np.ones((1, 1, 3, 2), np.float32), np.ones(1, np.float32)]}
    layer = build(tmp_path, grouped(1, 1), blobs, Shape(8, 8, 1)).output
    assert isinstance(layer, Convolution)


@pytest.mark.parametrize("shape", [(3, 3, 3, 2), (3, 1, 2, 3), (1, 3, 3, 2), (3, 6)])
def test_weights_that_are_not_depthwise_are_told(tmp_path: Path, shape: tuple[int, ...]) -> None:
    blobs: Weights = {"c": [np.ones(shape, np.float32), np.ones(3, np.float32)]}
    with pytest.raises(FileFormatError, match=r"'c': expected a blob of shape \(3, 1, 3, 2\)"):
        build(tmp_path, grouped(3, 3), blobs)


@pytest.mark.parametrize(
    "declared",
    [
        'input: "x" input_dim: 1 input_dim: 3 input_dim: 6 input_dim: 7',
        'input: "x" input_shape { dim: 10 dim: 3 dim: 6 dim: 7 }',
        'layer { name: "in" type: "Input" top: "x" '
        "input_param { shape: { dim: 1 dim: 3 dim: 6 dim: 7 } } }",
        'layer { name: "in" type: "MemoryData" top: "x" top: "label" '
        "memory_data_param { batch_size: 1 channels: 3 height: 6 width: 7 } }",
    ],
)
def test_deploy_forms_declare_the_shape(tmp_path: Path, declared: str) -> None:
    text = declared + ' layer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
    network = build(tmp_path, text, {}, None)
    assert network.input.shape == Shape(6, 7, 3)
    assert build(tmp_path, text, {}, SHAPE).input.shape == SHAPE


def test_identities_and_judges_leave_no_layer(tmp_path: Path) -> None:
    extra = """
      layer { name: "drop" type: "Dropout" bottom: "ip1" top: "ip1" dropout_param { } }
      layer { name: "same" type: "Split" bottom: "ip1" top: "copy" }
      layer { name: "prob" type: "Softmax" bottom: "copy" top: "prob" }
      layer { name: "accuracy" type: "Accuracy" bottom: "ip1" bottom: "label" top: "accuracy" }
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" }
    """
    network = build(tmp_path, PROTOTXT + extra)
    assert [layer.name for layer in network.layers] == ["conv1", "pool1", "relu1", "ip1", "prob"]
    assert network.output.inputs == ("ip1",)


def test_global_average_pooling_covers_the_image(tmp_path: Path) -> None:
    pool = "pooling_param { pool: AVE global_pooling: true }"
    text = f'input: "x" layer {{ name: "p" type: "Pooling" bottom: "x" top: "p" {pool} }}'
    layer = build(tmp_path, text, {}, Shape(5, 7, 3)).output
    assert isinstance(layer, Pooling)
    assert (layer.method, layer.kernel, layer.out_shape) == ("average", (5, 7), (1, 1, 3))


def test_the_transform_gives_scale_and_channel_means(tmp_path: Path) -> None:
    text = replaced(
        "include { phase: TEST }",
        "transform_param { scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3 }",
    )
    source = build(tmp_path, text).input
    assert source.scale == 0.5
    assert source.mean is not None
    assert source.mean.tolist() == [1, 2, 3]
