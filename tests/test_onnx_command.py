"""ONNX files where users name networks: options, network.toml, and the way to fixed point."""

import json
import re
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from onnx_files import Array, model, node, numbers, pixels_for, types, written
from qrig.cli import main
from qrig.errors import FileFormatError, UsageError
from qrig.fixedpoint import QuantizedNetwork
from qrig.networks.description import NetworkDescription, read_description
from qrig.networks.forward import forward
from qrig.networks.graph import Input, Network, ReLU, Scale, Shape
from qrig.networks.lower import lower
from qrig.networks.normalise import read_scale, with_scale
from qrig.networks.onnx import read_onnx
from qrig.networks.onnx.constants import OPERATIONS
from qrig.networks.onnx.convert import CONVERTERS
from qrig.networks.onnx.names import Names
from qrig.networks.read import read_network
from qrig.reference import run_reference
from qrig.runs.float_networks import InputFacts, float_network
from qrig.runs.networks import load_description, load_network

SCALE = "1/255"
WORD = re.compile(r"\w+").findall


def small(folder: Path) -> Path:
    """Write a network of an image of 8x8x3 with four classes."""
    nodes = [
        node("Conv", "x w b", "c", name="/conv/Conv", pads=[1, 1, 1, 1]),
        node("Relu", "c", "r", name="/relu/Relu"),
        node("MaxPool", "r", "p", name="/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "p", "f"),
        node("Gemm", "f g", name="/head/Gemm"),
    ]
    weights: dict[str, Array] = {"w": numbers(5, 3, 3, 3, seed=1), "b": numbers(5, seed=2) / 4}
    weights["g"] = numbers(80, 4, seed=3)
    proto = model(nodes, weights, dims=("batch", 3, 8, 8))
    return written(folder, proto)


def images(count: int = 12) -> Any:
    return np.stack([pixels_for(Shape(8, 8, 3), seed) for seed in range(count)])


def quantized(folder: Path, path: Path, scale: str = SCALE) -> Path:
    """Run `qrig quantize` on the network; return the formats."""
    np.save(folder / "images.npy", images())
    formats = folder / "formats.json"
    data = ["--data", str(folder / "images.npy"), "--method", "minmax", "--save", str(formats)]
    assert main(["quantize", "--model", str(path), "--scale", scale, *data]) == 0
    return formats


def test_a_model_alone_is_quantised_and_loaded(tmp_path: Path) -> None:
    path = small(tmp_path)
    formats = quantized(tmp_path, path)
    document = json.loads(formats.read_text())
    assert document["input"]["scale"] == pytest.approx(1 / 255)
    loaded = load_description(NetworkDescription("small", path, None, formats))
    assert agreement(loaded.quantized, with_scale(read_onnx(path), [1 / 255])) >= 10


def test_a_folder_names_a_model_without_weights(tmp_path: Path) -> None:
    path = small(tmp_path)
    quantized(tmp_path, path, "1/58.4,1/57.1,1/57.4")
    lines = [
        'schema = "qrig-network/1"',
        'name = "mine"',
        'model = "net.onnx"',
        'formats = "formats.json"',
        "scale = [0.017123, 0.017513, 0.017422]",
    ]
    (tmp_path / "network.toml").write_text("\n".join(lines))
    loaded = load_network(str(tmp_path))
    assert [layer.name for layer in loaded.quantized.layers] == ["conv", "relu", "pool", "head"]
    network = with_scale(read_onnx(path), [0.017123, 0.017513, 0.017422])
    assert agreement(loaded.quantized, lower(network)) >= 10


def agreement(integers: QuantizedNetwork, floats: Network) -> int:
    """Return for how many of the 12 images both say the same class."""
    return sum(
        int(
            run_reference(integers, pixels).logits.argmax()
            == forward(floats, pixels)["head"].argmax()
        )
        for pixels in images()
    )


DESCRIPTIONS: dict[str, tuple[str, str]] = {
    "no scale": ("scale = 0", "scale: expected a positive number or a list of channel values"),
    "negative": ("scale = [1.0, -1]", "found [1.0, -1]"),
    "no numbers": ("scale = []", "scale: expected"),
    "text": ('scale = "1"', "scale: expected"),
    "true": ("scale = true", "scale: expected"),
    "infinite": ("scale = inf", "scale: expected"),
    "not a number": ("scale = nan", "scale: expected"),
    "weights of no text": ("weights = 1", "weights: expected a text, found 1"),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_descriptions_that_cannot_be(name: str, tmp_path: Path) -> None:
    line, text = DESCRIPTIONS[name]
    (tmp_path / "network.toml").write_text(
        'schema = "qrig-network/1"\nname = "mine"\nmodel = "net.ONNX"\nformats = "f"\n' + line
    )
    with pytest.raises(FileFormatError) as caught:
        read_description(tmp_path)
    assert text in str(caught.value)


def test_a_prototxt_still_needs_its_weights(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text(
        'schema = "qrig-network/1"\nname = "mine"\nmodel = "net.prototxt"\nformats = "f"\n'
    )
    with pytest.raises(FileFormatError, match="weights: expected a text"):
        read_description(tmp_path)
    with pytest.raises(UsageError, match=r"expected weights .* with a Caffe prototxt, found none"):
        read_network(tmp_path / "net.prototxt", None)


def test_weights_beside_an_onnx_file_are_refused(tmp_path: Path) -> None:
    path = small(tmp_path)
    with pytest.raises(UsageError, match="expected no weights beside an ONNX file"):
        read_network(path, path)


def test_a_model_alone_without_a_scale_is_told_of(tmp_path: Path) -> None:
    path = small(tmp_path)
    network = float_network(path, None, InputFacts())
    assert f"{path} does not say how it was given its pixels" in network.notices[0]
    assert float_network(path, None, InputFacts(scale=(0.5,))).notices == ()


COMMANDS: dict[str, tuple[list[str], str]] = {
    "a scale of zero": (["--scale", "0"], "expected a positive number as scale"),
    "a scale of text": (["--scale", "1/two"], "found '1/two'"),
    "a division by zero": (["--scale", "1/0"], "found '1/0'"),
    "two scales for three channels": (["--scale", "1,2"], "expected one number as scale or 3"),
    "a shape that does not fit": (["--input-shape", "8x8x4"], "an input of shape 8x8x4"),
    "weights": (["--weights", "net.caffemodel"], "expected no weights beside an ONNX file"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_that_cannot_be(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options, text = COMMANDS[name]
    path = small(tmp_path)
    np.save(tmp_path / "images.npy", images())
    arguments = ["quantize", "--model", str(path), "--data", str(tmp_path / "images.npy")]
    try:
        code: Any = main([*arguments, *options])
    except SystemExit as ended:  # argparse refuses by itself
        code = ended.code
    assert code == 2
    assert text in capsys.readouterr().err


def test_scales_are_numbers_and_quotients() -> None:
    assert read_scale("0.5") == (0.5,)
    assert read_scale("1/255,2,1e-3") == (1 / 255, 2.0, 0.001)
    for text in ("", "1,", "-1", "nan", "inf", "1/0", "1e40", "1//2"):
        with pytest.raises(UsageError, match="expected a positive number as scale"):
            read_scale(text)


def test_a_scale_for_each_channel_is_a_layer_behind_the_input() -> None:
    shape = Shape(1, 2, 2)
    layers = (ReLU("x_scale", ("x",), shape, shape),)
    network = Network("net", Input("x", shape), layers)
    scaled = with_scale(network, [0.5, 0.25])
    assert types(scaled) == ["scale", "relu"]
    first = scaled.layers[0]
    assert isinstance(first, Scale)
    assert (first.name, scaled.layers[1].inputs) == ("x_scale1", ("x_scale1",))
    pixels = np.array([[[4, 4], [8, 8]]], np.uint8)
    found = forward(scaled, pixels)["x_scale"]
    np.testing.assert_array_equal(found, [[[2, 1], [4, 2]]])
    assert with_scale(network, [2.0, 2.0]).layers == network.layers
    alone = attrs.evolve(network, layers=layers)
    assert with_scale(alone, [3.0]).input.scale == 3.0


def test_the_docs_name_every_operator() -> None:
    text = (Path(__file__).parent.parent / "docs" / "onnx.md").read_text(encoding="utf-8")
    table = {word for line in text.splitlines() if line.startswith("| ") for word in WORD(line)}
    assert set(CONVERTERS) <= table
    assert not table & set(OPERATIONS) - set(CONVERTERS) - {"Gather", "Slice", "Shape"}


NAMES: list[tuple[str, str, str]] = [
    ("/conv1/Conv", "Conv", "conv1"),
    ("/layer1/layer1.0/conv1/Conv", "Conv", "layer1.0.conv1"),
    ("/Relu_1", "Relu", "Relu_1"),
    ("node_conv2d_1", "Conv", "conv2d_1"),
    ("StatefulPartitionedCall/model/dense/MatMul", "MatMul", "model.dense"),
    ("model/dense/BiasAdd", "Add", "model.dense"),
    ("", "Conv", "conv1"),
    ("", "com.vendor.Thing", "thing1"),
    ("Conv", "Conv", "Conv"),
    ("a b\n\0c", "Conv", "a_b_c"),
    ("///", "Conv", "conv1"),
    ("入力", "Conv", "conv1"),
    ("x" * 300, "Conv", "x" * 64),
]


@pytest.mark.parametrize(("name", "op", "wanted"), NAMES)
def test_names_are_readable(name: str, op: str, wanted: str) -> None:
    assert Names().give(name, op) == wanted


def test_names_are_given_once() -> None:
    names = Names({"model.dense"})
    given = [names.give("model/dense/MatMul", "MatMul") for _ in range(3)]
    assert given == ["model.dense.MatMul", "model.dense.MatMul_2", "model.dense.MatMul_3"]
    assert [names.give("", "Relu") for _ in range(2)] == ["relu1", "relu2"]
