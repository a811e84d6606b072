"""Caffe's layer types: their parameters and blobs arrive as layers that compute what Caffe does."""

import math
from pathlib import Path

import numpy as np
import pytest

from qrig.errors import FileFormatError
from qrig.networks.caffe import Weights, build_network, read_prototxt
from qrig.networks.caffe.layer_types import COMPUTED_TYPES
from qrig.networks.caffe.layers import CONVERTERS
from qrig.networks.forward import forward
from qrig.networks.graph import (
    Convolution,
    DepthwiseConvolution,
    Eltwise,
    FloatArray,
    LocalResponseNormalization,
    Network,
    Pooling,
    Shape,
)

INPUT = 'input: "x" input_shape { dim: [1, 4, 5, 6] }\n'
NUMBERS = np.random.default_rng(11)
PIXELS = NUMBERS.integers(0, 256, (5, 6, 4), dtype=np.uint8)
PLANES = PIXELS.transpose(2, 0, 1).astype(np.float64)


def floats(*shape: int) -> FloatArray:
    return NUMBERS.normal(size=shape).astype(np.float32)


def layer(kind: str, param: str = "", bottom: str = "x", name: str = "y", top: str = "") -> str:
    bottoms = " ".join(f'bottom: "{each}"' for each in bottom.split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms} top: "{top or name}" {param} }}\n'


def build(folder: Path, text: str, weights: Weights | None = None) -> Network:
    path = folder / "net.prototxt"
    path.write_text(INPUT + text)
    return build_network(read_prototxt(path), weights or {}, Path("w"))


def planes(network: Network) -> dict[str, FloatArray]:
    """Every tensor, channels first."""
    return {key: each.transpose(2, 0, 1) for key, each in forward(network, PIXELS).items()}


def close(found: FloatArray, expected: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * scale)


def test_every_computed_type_has_a_converter() -> None:
    assert set(CONVERTERS) == COMPUTED_TYPES


@pytest.mark.parametrize(
    ("param", "channels", "groups", "kernel", "dilation"),
    [
        ("group: 2 kernel_size: 3", 6, 2, (3, 3), (1, 1)),
        ("group: 4 kernel_size: 2", 8, 4, (2, 2), (1, 1)),
        ("group: 4 kernel_size: 2", 4, 4, (2, 2), (1, 1)),
        ("group: 4 kernel_size: 2 dilation: 2", 4, 4, (2, 2), (2, 2)),
        ("kernel_h: 3 kernel_w: 2 dilation: 1 dilation: 3 pad: 1", 3, 1, (3, 2), (1, 3)),
        ("group: 2 kernel_size: 3 dilation: 2 pad_h: 1 stride_w: 2", 2, 2, (3, 3), (2, 2)),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_sums_over_its_group_and_its_dilated_kernel(
    tmp_path: Path,
    param: str,
    channels: int,
    groups: int,
    kernel: tuple[int, int],
    dilation: tuple[int, int],
    bias: bool,
) -> None:
    blobs = [floats(channels, 4 // groups, *kernel), floats(channels)]
    term = "" if bias else "bias_term: false"
    text = layer("Convolution", f"convolution_param {{ num_output: {channels} {param} {term} }}")
    network = build(tmp_path, text, {"y": blobs if bias else blobs[:1]})
    made = network.output
    assert isinstance(made, Convolution | DepthwiseConvolution)
    assert isinstance(made, DepthwiseConvolution) == (groups == channels == 4 and dilation[0] == 1)
    (py, px), (sy, sx) = made.pad, made.stride
    padded = np.pad(PLANES, ((0, 0), (py, py), (px, px)))
    expected = np.zeros((channels, *made.out_shape[:2]))
    for o, y, x in np.ndindex(*expected.shape):
        first = o // (channels // groups) * (4 // groups)
        for i, ky, kx in np.ndindex(*blobs[0].shape[1:]):
            seen = padded[first + i, y * sy + ky * dilation[0], x * sx + kx * dilation[1]]
            expected[o, y, x] += seen * blobs[0][o, i, ky, kx]
        expected[o, y, x] += blobs[1][o] if bias else 0
    close(planes(network)["y"], expected)


@pytest.mark.parametrize("transpose", [False, True])
def test_an_inner_product_reads_channels_rows_and_columns(tmp_path: Path, transpose: bool) -> None:
    matrix = floats(3, 120)
    param = f"inner_product_param {{ num_output: 3 bias_term: false transpose: {transpose} }}"
    text = layer("InnerProduct", param.lower())
    network = build(tmp_path, text, {"y": [matrix.T if transpose else matrix]})
    close(planes(network)["y"].ravel(), matrix @ PLANES.ravel())


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ("pool: AVE kernel_size: 3 stride: 2 pad: 1", True),
        ("pool: AVE kernel_size: 3 stride: 2", False),
        ("pool: MAX kernel_size: 3 stride: 2 pad: 1", False),
        ("pool: MAX kernel_size: 2 stride: 2 pad_w: 1", False),
        ("pool: AVE kernel_size: 2 stride: 2 round_mode: FLOOR", False),
        ("pool: AVE kernel_size: 6 stride: 2", False),
        ("pool: AVE global_pooling: true", False),
    ],
)
def test_poolings_clip_windows_and_count_padding(
    tmp_path: Path, param: str, expected: bool
) -> None:
    network = build(tmp_path, layer("Pooling", f"pooling_param {{ {param} }}"))
    made = network.output
    assert isinstance(made, Pooling)
    assert made.counts_padding == expected
    values = np.zeros((4, *made.out_shape[:2]))
    for c, y, x in np.ndindex(*values.shape):
        top, left = y * made.stride.y - made.pad.y, x * made.stride.x - made.pad.x
        bottom = min(top + made.kernel.y, 5 + made.pad.y)
        right = min(left + made.kernel.x, 6 + made.pad.x)
        window = PLANES[c, max(top, 0) : bottom, max(left, 0) : right]
        area = (bottom - top) * (right - left)
        values[c, y, x] = window.max() if made.method == "max" else window.sum() / area
    close(planes(network)["y"], values)


def test_padding_along_one_side_drops_windows_along_both(tmp_path: Path) -> None:
    pool = "pooling_param { kernel_h: 1 kernel_w: 2 stride: 3 pad_w: 1 }"
    network = build(tmp_path, layer("Pooling", pool))
    # Rows 0, 3 and, rounded up, 6: behind the image, and dropped for there is padding somewhere.
    assert network.output.out_shape == Shape(2, 3, 4)


def test_activations(tmp_path: Path) -> None:
    text = (
        layer("Scale", "", name="scaled")
        + layer("ReLU", "relu_param { negative_slope: 0.25 }", "scaled", "leaky")
        + layer("Sigmoid", "", "leaky", "sigmoid")
        + layer("TanH", "", "leaky", "tanh")
        + layer("Concat", "", "sigmoid tanh", "both")
        + layer("Softmax", "softmax_param { axis: -3 }", "both", "y")
    )
    factors = np.array([0.01, -0.02, 0.005, 1e-3], dtype=np.float32)
    found = planes(build(tmp_path, text, {"scaled": [factors]}))
    values = PLANES * factors[:, None, None]
    leaky = np.where(values > 0, values, 0.25 * values)
    both = np.concatenate([1 / (1 + np.exp(-leaky)), np.tanh(leaky)])
    close(found["leaky"], leaky)
    close(found["both"], both)
    close(found["y"], np.exp(both) / np.exp(both).sum(axis=0))


@pytest.mark.parametrize("count", [1.0, 0.5, 999.98, 0.0])
def test_a_batch_norm_divides_its_sums_by_what_they_count(tmp_path: Path, count: float) -> None:
    mean, variance = floats(4) * 100, np.abs(floats(4)) * 100
    text = layer("BatchNorm", "batch_norm_param { eps: 0.125 use_global_stats: true }")
    blobs = [mean, variance, np.array([count], np.float32)]
    factor = 1 / np.float64(blobs[2][0]) if count else 0.0
    expected = (PLANES - (mean * factor)[:, None, None]) / np.sqrt(variance * factor + 0.125)[
        :, None, None
    ]
    close(planes(build(tmp_path, text, {"y": blobs}))["y"], expected)


@pytest.mark.parametrize(
    ("param", "blobs"),
    [
        ("", [(4,)]),
        ("bias_term: true", [(4,), (4,)]),
        ("axis: -3", [(4,)]),
        ("num_axes: 0 bias_term: true", [(), ()]),
        ("num_axes: 0", [(1, 1, 1, 1)]),
    ],
)
def test_a_scale_is_by_channel_or_one_number(
    tmp_path: Path, param: str, blobs: list[tuple[int, ...]]
) -> None:
    arrays = [np.asarray(floats(*shape)) for shape in blobs]
    found = planes(build(tmp_path, layer("Scale", f"scale_param {{ {param} }}"), {"y": arrays}))
    expected = PLANES * arrays[0].reshape(-1, 1, 1)
    if len(arrays) == 2:
        expected = expected + arrays[1].reshape(-1, 1, 1)
    close(found["y"], expected)


def test_a_scale_of_a_vector_may_cover_all_its_axes(tmp_path: Path) -> None:
    text = layer("Flatten", name="flat") + layer("Scale", "scale_param { num_axes: -1 }", "flat")
    factors = floats(120)
    close(planes(build(tmp_path, text, {"y": [factors]}))["y"].ravel(), PLANES.ravel() * factors)


def test_lrn_across_channels(tmp_path: Path) -> None:
    text = layer("LRN", "lrn_param { local_size: 3 alpha: 0.003 beta: 0.75 k: 2 }")
    expected = np.empty_like(PLANES)
    for c in range(4):
        squares = (PLANES[max(c - 1, 0) : c + 2] ** 2).sum(axis=0)
        expected[c] = PLANES[c] / (2 + 0.001 * squares) ** 0.75
    close(planes(build(tmp_path, text))["y"], expected)


def test_lrn_within_a_channel_adds_one_whatever_k(tmp_path: Path) -> None:
    param = "local_size: 3 alpha: 0.009 beta: 0.5 norm_region: WITHIN_CHANNEL k: 7"
    network = build(tmp_path, layer("LRN", f"lrn_param {{ {param} }}"))
    assert isinstance(network.output, LocalResponseNormalization)
    assert network.output.k == 1
    expected = np.empty_like(PLANES)
    for c, y, x in np.ndindex(*PLANES.shape):
        window = PLANES[c, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        expected[c, y, x] = PLANES[c, y, x] / math.sqrt(1 + 0.001 * (window**2).sum())
    close(planes(network)["y"], expected)


@pytest.mark.parametrize("param", ["", "axis: 1", "axis: -3", "concat_dim: 1"])
def test_a_concat_puts_channels_behind_each_other(tmp_path: Path, param: str) -> None:
    text = layer("TanH", name="t") + layer("Concat", f"concat_param {{ {param} }}", "x t x")
    expected = np.concatenate([PLANES, np.tanh(PLANES), PLANES])
    close(planes(build(tmp_path, text))["y"], expected)


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ("", PLANES + np.tanh(PLANES)),
        ("operation: SUM coeff: 2 coeff: -0.5", 2 * PLANES - 0.5 * np.tanh(PLANES)),
        ("operation: PROD", PLANES * np.tanh(PLANES)),
        ("operation: MAX", np.maximum(PLANES, np.tanh(PLANES))),
    ],
)
def test_eltwise(
    tmp_path: Path, param: str, expected: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> None:
    text = layer("TanH", name="t") + layer("Eltwise", f"eltwise_param {{ {param} }}", "x t")
    network = build(tmp_path, text)
    assert isinstance(network.output, Eltwise)
    assert len(network.output.coefficients) == (2 if network.output.operation == "sum" else 0)
    close(planes(network)["y"], expected)


@pytest.mark.parametrize(
    "text",
    [
        layer("Flatten"),
        layer("Flatten", "flatten_param { axis: -3 end_axis: 3 }"),
        layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }"),
        layer("Reshape", "reshape_param { shape { dim: -1 dim: 120 } }"),
        layer("Reshape", "reshape_param { shape { dim: [1, 120, 1, 1] } }"),
        layer("Reshape", "reshape_param { shape { dim: -1 } axis: 1 }"),
        layer("Reshape", "reshape_param { shape { dim: -1 } axis: -4 num_axes: 3 }"),
        layer("Flatten", name="f")
        + layer("Reshape", "reshape_param { shape { dim: [0, 0] } }", "f"),
        layer("Flatten", name="f") + layer("Flatten", "", "f"),
    ],
)  # fmt: skip
def test_vectors_run_over_channels_rows_and_columns(tmp_path: Path, text: str) -> None:
    network = build(tmp_path, text)
    assert network.output.out_shape == Shape(1, 1, 120)
    close(planes(network)["y"].ravel(), PLANES.ravel())


def test_a_vector_may_be_longer_than_a_side_of_a_map(tmp_path: Path) -> None:
    text = 'input: "x" input_shape { dim: [1, 32, 64, 64] }' + layer("Flatten")
    (tmp_path / "net.prototxt").write_text(text)
    network = build_network(read_prototxt(tmp_path / "net.prototxt"), {}, Path("w"))
    assert network.output.out_shape == Shape(1, 1, 131072)


def test_layers_in_place_are_read_as_of_when_they_are_read(tmp_path: Path) -> None:
    text = (
        layer("TanH", name="t")
        + layer("Sigmoid", "", "t", "early")
        + layer("ReLU", "", "t", "changed", top="t")
        + layer("ReLU", "relu_param { negative_slope: 0.5 }", "t", "twice", top="t")
        + layer("Eltwise", "", "early t", "y")
    )
    network = build(tmp_path, text)
    inputs = {each.name: each.inputs for each in network.layers}
    assert inputs == {
        "t": ("x",),
        "early": ("t",),
        "changed": ("t",),
        "twice": ("changed",),
        "y": ("early", "twice"),
    }
    values = np.tanh(PLANES)
    close(planes(network)["y"], 1 / (1 + np.exp(-values)) + np.maximum(values, 0))


def test_dropout_and_split_pass_on_the_tensor_of_the_moment(tmp_path: Path) -> None:
    text = (
        layer("TanH", name="t")
        + 'layer { name: "s" type: "Split" bottom: "t" top: "a" top: "b" }\n'
        + layer("Dropout", "", "a", "d", top="a")
        + layer("ReLU", "", "a", "r", top="a")
        + layer("Eltwise", "", "a b", "y")
    )
    inputs = {each.name: each.inputs for each in build(tmp_path, text).layers}
    assert inputs == {"t": ("x",), "r": ("t",), "y": ("r", "t")}


def test_blobs_shared_by_name_may_be_kept_once(tmp_path: Path) -> None:
    conv = (
        'param { name: "w" } param { name: "b" } convolution_param { num_output: 4 kernel_size: 1 }'
    )
    text = layer("Convolution", conv) + layer("Convolution", conv, "y", "z")
    blobs = [floats(4, 4, 1, 1), floats(4)]
    network = build(tmp_path, text, {"y": blobs})
    first, second = network.layers
    assert isinstance(first, Convolution)
    assert isinstance(second, Convolution)
    assert np.array_equal(first.weights, second.weights)
    with pytest.raises(FileFormatError, match="2 blobs for layer 'z' of the model, found no such"):
        build(tmp_path, text.replace('name: "b"', "", 2), {"y": blobs})


def test_every_layer_knows_its_line(tmp_path: Path) -> None:
    text = (
        "\n" + layer("TanH", name="t") + layer("Eltwise", "", "x t") + layer("ReLU", "", "y", "z")
    )
    network = build(tmp_path, text)
    places = [f"{tmp_path / 'net.prototxt'}:{line}" for line in (3, 4, 5)]
    assert [each.source for each in network.layers] == places
    assert network.output.where == f"{places[2]}: layer 'z'"
