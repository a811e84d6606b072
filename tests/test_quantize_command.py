"""`qrig quantize`: what it writes, and how it meets what it cannot use."""

import json
from pathlib import Path

import numpy as np
import pytest

from float_networks import branches, chain, images_for
from qrig.cli import main
from qrig.datasets.idx import write_idx
from qrig.fixedpoint import read_formats
from qrig.fixedpoint.convert import quantize_network
from qrig.networks.graph import Network
from qrig.quantize import choose_formats
from qrig.quantize.calibration import calibrate
from qrig.reports.quantization_plot import plot_quantization
from qrig.resources import models_root
from qrig.runs.networks import load_network

LENET = models_root() / "lenet-mnist"
FILES = ["--model", str(LENET / "lenet.prototxt"), "--weights", str(LENET / "lenet.caffemodel.h5")]


@pytest.fixture
def digits(tmp_path: Path) -> list[str]:
    """The options that name the bundled digits as IDX files."""
    samples = load_network("lenet-mnist").samples[:60]
    write_idx(tmp_path / "images.gz", np.stack([sample.pixels[:, :, 0] for sample in samples]))
    labels = np.array([sample.label for sample in samples], dtype=np.uint8)
    write_idx(tmp_path / "labels.gz", labels)
    return ["--data", str(tmp_path / "images.gz"), "--labels", str(tmp_path / "labels.gz")]


def test_formats_document_and_plot(
    tmp_path: Path, digits: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, json_out = tmp_path / "formats.json", tmp_path / "found.json"
    for suffix, begins in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        plot = tmp_path / f"histograms{suffix}"
        assert main(["quantize", *FILES, *digits, "--save", str(out), "--plot", str(plot)]) == 0
        assert plot.read_bytes().startswith(begins)
    assert main(["quantize", *FILES, *digits, "--json", str(json_out)]) == 0
    document = json.loads(json_out.read_text())
    assert document["schema"] == "qrig-quantization/1"
    assert document["formats"] == json.loads(out.read_text())
    assert document["chosen_on"]["float_accuracy"]["count"] == 60
    assert document["tested_on"] is None
    assert [row["name"] for row in document["layers"]][:2] == ["data", "conv1"]
    formats = read_formats(out)
    assert formats.input_shape == (28, 28, 1)
    shown = capsys.readouterr().out
    assert f"{out}: use it with --formats {out}" in shown.replace("\n", "")
    command = ["bench", *FILES, "--formats", str(out), "--target", "mps2-an386"]
    assert main([*command, "--input", digits[1]]) == 2  # an IDX file is no single input


def test_the_command_line_agrees_with_the_reference(tmp_path: Path, digits: list[str]) -> None:
    """The accuracy printed is that of the kernels: the reference, image by image."""
    from qrig.fixedpoint.convert import quantize_network as convert
    from qrig.reference import run_reference
    from qrig.runs.float_networks import InputFacts, float_network

    out, found = tmp_path / "formats.json", tmp_path / "found.json"
    assert main(["quantize", *FILES, *digits, "--save", str(out), "--json", str(found)]) == 0
    formats = read_formats(out)
    network = float_network(
        LENET / "lenet.prototxt",
        LENET / "lenet.caffemodel.h5",
        InputFacts(shape=formats.input_shape),
    )
    quantized = convert(network, formats)
    samples = load_network("lenet-mnist").samples[:60]
    right = [run_reference(quantized, sample.pixels).top1 == sample.label for sample in samples]
    document = json.loads(found.read_text())
    assert document["chosen_on"]["fixed_accuracy"]["percent"] == pytest.approx(100 * np.mean(right))


def test_methods_side_by_side(digits: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["quantize", "--network", "lenet-mnist", *digits, "--images", "24", "--compare"]
    assert main([*command, "--test-data", digits[1], "--test-labels", digits[3]]) == 0
    captured = capsys.readouterr()
    for method in ("search", "minmax", "arm"):
        assert captured.out.count(method) >= 3
    assert "(24 images), which chose the formats" in captured.out
    assert "(60 images)" in captured.out
    assert "says nothing about others" in captured.err


def test_the_networks_own_samples(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["quantize", "--network", "lenet-mnist", "--method", "minmax", "--json", "-"]
    assert main(command) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["method"] == "minmax"
    assert "formats are chosen on the network's 200 samples" in captured.err


def test_smaller_images_amid_zeros(
    tmp_path: Path, digits: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small.gz"
    write_idx(small, np.zeros((3, 20, 20), dtype=np.uint8))
    command = ["quantize", "--network", "lenet-mnist", "--data", str(small), "--method", "minmax"]
    assert main(command) == 2
    assert "expected images of 28x28x1, the network's input, found 20x20x1" in (
        capsys.readouterr().err
    )
    assert main([*command, "--pad"]) == 0


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], "expected --network N, or --model"),
        (["--network", "lenet-mnist", *FILES], "found both"),
        (["--network", "ds-cnn", "--data", "no/such/images"], "no/such/images"),
        (FILES, "expected the shape of input 'data'"),
        (
            ["--network", "lenet-mnist", "--save", "no/folder/f.json"],
            "--save no/folder/f.json: expected a file in a folder that is there",
        ),
        (["--network", "lenet-mnist", "--plot", "plot.pdf"], ".png or .svg for --plot"),
        (["--network", "lenet-mnist", "--tolerance", "-1"], "--tolerance"),
        (["--network", "lenet-mnist", "--tolerance", "nan"], "--tolerance"),
        (["--network", "lenet-mnist", "--scale", "0"], "--scale"),
        (["--network", "lenet-mnist", "--method", "magic"], "--method"),
        (["--network", "lenet-mnist", "--mean", "1,2,3,4"], "mean"),
        (["--network", "lenet-mnist", "--channel-order", "rgb"], "channel order"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["quantize", *arguments])
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    captured = capsys.readouterr()
    assert code == 2
    assert found in captured.err
    assert "Traceback" not in captured.err


def test_labels_beyond_the_outputs(
    tmp_path: Path, digits: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "wrong.gz"
    write_idx(labels, np.full(60, 10, dtype=np.uint8))
    command = ["quantize", "--network", "lenet-mnist", "--data", digits[1], "--labels", str(labels)]
    out = tmp_path / "formats.json"
    assert main([*command, "--save", str(out)]) == 2
    assert "image 0: expected a label from 0 to 9, found 10" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("network", [chain(), branches()], ids=lambda network: network.name)
def test_every_layer_with_weights_is_drawn(network: Network) -> None:
    images = images_for(network, 8)
    formats = choose_formats(network, list(images))
    figure = plot_quantization(calibrate(network, images), quantize_network(network, formats))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    for layer in network.layers:
        drawn = [title for title in titles if title.startswith(f"{layer.name}, ")]
        expected = {"convolution": 2, "depthwise": 2, "innerproduct": 2, "eltwise": 1}
        assert len(drawn) == expected.get(layer.type, 0)
