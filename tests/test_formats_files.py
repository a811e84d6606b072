"""formats.json: what is read is what was written, and every mistake is named by its key."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.fixedpoint import Formats, LayerFormat, read_formats
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.formats import formats_document, formats_from_json
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedInnerProduct
from qrig.networks.caffe import build_network, read_prototxt
from qrig.networks.graph import Network, Shape
from tiny_network import FORMATS, tiny_blobs, write_tiny_network


def edited(keys: str, value: Any) -> dict[str, Any]:
    """Return FORMATS with the value at a dotted path replaced; DROP removes it."""
    document: dict[str, Any] = copy.deepcopy(FORMATS)
    *path, last = keys.split(".")
    table = document
    for key in path:
        table = table[key]
    if value == "DROP":
        del table[last]
    else:
        table[last] = value
    return document


def read(document: Any) -> Formats:
    return formats_from_json(Path("formats.json"), json.dumps(document).encode())


def tiny_float_network(folder: Path) -> Network:
    files = write_tiny_network(folder)
    return build_network(
        read_prototxt(files.model), dict(tiny_blobs()), files.weights, input_shape=Shape(8, 8, 3)
    )


@pytest.mark.parametrize(
    "formats",
    [
        read(FORMATS),
        Formats({"x": LayerFormat(activation_fraction_bits=0)}, "x"),
        Formats(
            {
                "x": LayerFormat(activation_fraction_bits=-64),
                "conv/1 ü": LayerFormat(64, -64, 0, 31, 0),
                "empty": LayerFormat(),
            },
            "x",
            Shape(1, 65535, 1),
            "bgr",
            (0.5, -1.25),
            2.0**-8,
        ),
    ],
)
def test_a_document_reads_back_as_the_same_formats(formats: Formats, tmp_path: Path) -> None:
    path = tmp_path / "formats.json"
    path.write_text(json.dumps(formats_document(formats)))
    found = read_formats(path)
    assert found == formats
    assert found.source == str(path)
    assert formats_document(found) == formats_document(formats)


def test_the_fields_of_a_document_arrive() -> None:
    formats = read(FORMATS)
    assert formats.layers["conv1"] == LayerFormat(7, 7, -1, 0, 8)
    assert formats.layers["data"] == LayerFormat(activation_fraction_bits=0)
    assert formats.input_shape == Shape(8, 8, 3)
    assert (formats.channel_order, formats.mean, formats.scale) == ("rgb", (120, 121, 122), 1.0)


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        ("schema", "qrig-formats/2", '"schema": "qrig-formats/1", found \'qrig-formats/2\''),
        ("schema", "DROP", "found None"),
        ("schema", ["x"] * 9999, "found"),
        ("extra", 1, "top level: expected only input, layers, schema, found 'extra'"),
        ("input", "DROP", "input: expected an object, found None"),
        ("input", [], "input: expected an object"),
        ("layers", None, "layers: expected an object"),
        ("input.name", "DROP", "input.name: expected a name"),
        ("input.name", "", "input.name: expected a name"),
        ("input.name", 7, "input.name: expected a name"),
        ("input.men", [1], "input: expected only .*found 'men'"),
        ("input.shape", [8, 8], r"input.shape: expected \[height, width, channels\]"),
        ("input.shape", [8, 8, "3"], "input.shape: expected"),
        ("input.shape", [8, 8, True], "input.shape: expected"),
        ("input.shape", [8, 8, 0], "input.shape: expected sides of 1 to 65,535"),
        ("input.shape", [-8, 8, 3], "input.shape: expected sides of 1 to 65,535"),
        ("input.shape", [65535, 65535, 3], "input.shape: expected sides"),
        ("input.shape", [10**40, 1, 1], "input.shape: expected sides"),
        ("input.channel_order", "RGB", "input.channel_order: expected"),
        ("input.channel_order", 3, "input.channel_order: expected"),
        ("input.mean", 5, "input.mean: expected a list"),
        ("input.mean", ["1"], "input.mean: expected a list"),
        ("input.mean", [True], "input.mean: expected a list"),
        ("input.mean", [float("nan")], "input.mean: expected a list"),
        ("input.mean", [float("inf")], "input.mean: expected a list"),
        ("input.mean", [10**400], "input.mean: expected a list"),
        ("input.scale", 0, "input.scale: expected a positive number"),
        ("input.scale", -1.0, "input.scale: expected a positive number"),
        ("input.scale", "1", "input.scale: expected a positive number"),
        ("input.scale", True, "input.scale: expected a positive number"),
        ("input.scale", float("inf"), "input.scale: expected a positive number"),
        ("input.scale", 10**400, "input.scale: expected a positive number"),
        ("input.activation_fraction_bits", 65, "activation_fraction_bits: expected an integer"),
        ("layers.conv1", [1], "layers.conv1: expected an object"),
        ("layers.conv1.weights", 7, "layers.conv1: expected only .*found 'weights'"),
        ("layers.conv1.weight_fraction_bits", 7.0, "weight_fraction_bits: expected an integer"),
        ("layers.conv1.weight_fraction_bits", True, "weight_fraction_bits: expected an integer"),
        ("layers.conv1.weight_fraction_bits", "7", "weight_fraction_bits: expected an integer"),
        ("layers.conv1.weight_fraction_bits", -65, "from -64 to 64, found -65"),
        ("layers.conv1.bias_shift", -1, "bias_shift: expected an integer from 0 to 31, found -1"),
        ("layers.conv1.output_shift", 32, "output_shift: expected an integer from 0 to 31"),
        ("layers.a\nb", 1, r"layers.'a\\nb': expected an object"),
    ],
)
def test_every_mistake_is_named_by_its_key(keys: str, value: Any, words: str) -> None:
    with pytest.raises(FileFormatError, match=words) as caught:
        read(edited(keys, value))
    message = str(caught.value)
    assert message.startswith("formats.json: ")
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"{}x",
        b"{\xff}",
        b'{"schema": }',
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b" \n\t{nothing}",
    ],
)
def test_what_is_no_json_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "formats.json"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="not JSON") as caught:
        read_formats(path)
    assert "\n" not in str(caught.value)


def test_shifts_follow_from_formats(tmp_path: Path) -> None:
    quantized = quantize_network(tiny_float_network(tmp_path), read(FORMATS))
    conv, ip = quantized.layers[0], quantized.layers[-1]
    assert isinstance(conv, QuantizedConvolution)
    assert isinstance(ip, QuantizedInnerProduct)
    assert (conv.bias_shift, conv.output_shift) == (0, 8)
    # The inner product reads Q8.-1: 6 - 1 - 4 and 6 - 1 + 2.
    assert (ip.bias_shift, ip.output_shift) == (1, 7)


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        ("layers.conv1.output_shift", 7, "expected output_shift 8, .*found 7"),
        ("layers.conv1.bias_shift", 1, "expected bias_shift 0, .*found 1"),
        ("layers.ip1", {}, "layer 'ip1': expected activation fraction bits, found none"),
        ("layers.ip1", "DROP", "formats for layer 'ip1', found none"),
        ("layers.ip1.bias_fraction_bits", None, "expected bias fraction bits, found none"),
        ("layers.ip1.activation_fraction_bits", None, "expected activation fraction bits"),
        ("layers.ip2", {"weight_fraction_bits": 7}, "'ip2' it does not have.*another network"),
        ("input.name", "pixels", "."),
        ("input.activation_fraction_bits", None, "layer 'data': expected activation fraction"),
        ("input.mean", [], "."),
    ],
)
def test_formats_of_another_network_are_told(
    tmp_path: Path, keys: str, value: Any, words: str
) -> None:
    formats = read(edited(keys, value))
    if words == ".":
        assert quantize_network(tiny_float_network(tmp_path), formats)
        return
    with pytest.raises(FileFormatError, match=words):
        quantize_network(tiny_float_network(tmp_path), formats)


@pytest.mark.parametrize(
    ("layer", "entry", "words"),
    [
        ("ip1", {"bias_fraction_bits": 12}, "bias_shift of 0 to 31, found -7"),
        ("ip1", {"activation_fraction_bits": 9}, "output_shift of 0 to 31, found -4"),
        ("ip1", {"weight_fraction_bits": 40}, "bias_shift of 0 to 31, found 35"),
        ("pool1", {"activation_fraction_bits": 3}, r"input \(-1 fractional bits\), found 3"),
        ("relu1", {"activation_fraction_bits": 0}, "a relu cannot change formats"),
    ],
)
def test_formats_the_kernels_cannot_shift_to_are_unsupported(
    tmp_path: Path, layer: str, entry: dict[str, int], words: str
) -> None:
    document = edited(f"layers.{layer}", {**FORMATS["layers"].get(layer, {}), **entry})
    with pytest.raises(UnsupportedNetworkError, match=words):
        quantize_network(tiny_float_network(tmp_path), read(document))


def test_an_input_factor_out_of_range_is_unsupported(tmp_path: Path) -> None:
    formats = read(edited("input.activation_fraction_bits", -64))
    with pytest.raises(UnsupportedNetworkError, match="the input factor"):
        quantize_network(tiny_float_network(tmp_path), formats)
