"""`qrig quantize`: options that belong to images, methods that do not apply, tables that fit."""

import io
import re
import shutil
from pathlib import Path

import attrs
import numpy as np
import pytest
from rich.console import Console

from float_networks import FloatMaker, branches, images_for
from image_files import write_images
from qrig.cli import main
from qrig.datasets.image_set import ImageSet
from qrig.datasets.known import FASHION_FOLDER
from qrig.datasets.places import place_of
from qrig.networks.caffe import write_network
from qrig.networks.graph import Convolution, Network, Shape
from qrig.quantize.calibration import calibrate
from qrig.reports.quantization import formats_table, methods_table, shown_costs, shown_formats
from qrig.reports.tables import render_table
from qrig.resources import models_root
from qrig.runs.quantize import METHODS, quantize

LENET = models_root() / "lenet-mnist"
COMMAND = ["quantize", "--network", "lenet-mnist", "--method", "minmax"]
SAMPLES = str(LENET / "samples-images.idx.gz")
SAME = "accuracy on images that chose the formats says nothing about others"


def written(network: Network, folder: Path) -> list[str]:
    """The options that name a network as Caffe's files, and images for it."""
    write_network(network, folder / "net.prototxt", folder / "net.caffemodel")
    np.save(folder / "images.npy", images_for(network, 12))
    files = {"--model": "net.prototxt", "--weights": "net.caffemodel", "--data": "images.npy"}
    return [word for option, name in files.items() for word in (option, str(folder / name))]


def test_a_comparison_leaves_out_what_does_not_apply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = written(branches(), tmp_path)
    assert main(["quantize", *files, "--compare", "--save", str(tmp_path / "f.json")]) == 0
    captured = capsys.readouterr()
    assert re.search(r"note: arm is not compared: .*expected one chain of layers", captured.err)
    for method in ("search", "minmax"):
        assert captured.out.count(method) >= 2
    assert (tmp_path / "f.json").is_file()
    assert main(["quantize", *files, "--compare", "--method", "arm"]) == 2
    captured = capsys.readouterr()
    assert "expected one chain of layers" in captured.err
    assert "use --method search" in captured.err
    assert not captured.out.strip()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--labels", "l.txt"], "expected --data with --labels, found none"),
        (["--part", "train"], "expected --data with --part, found none"),
        (["--test-labels", "l.txt"], "expected --test-data with --test-labels, found none"),
        (["--test-part", "test"], "expected --test-data with --test-part, found none"),
        (
            ["--data", "mnist", "--test-labels", "l.txt"],
            "expected --test-data with --test-labels, found none",
        ),
    ],
)
def test_options_of_images_that_are_not_named(
    words: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMAND, *words]) == 2
    error = capsys.readouterr().err
    assert found in error
    assert error.count("\n") == 1


def test_a_part_of_what_is_not_divided_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--data", SAMPLES, "--part", "test"]) == 0
    expected = f"note: {SAMPLES} is not divided into parts: --part test changes nothing"
    assert expected in capsys.readouterr().err
    assert main([*COMMAND, "--data", SAMPLES]) == 0
    assert "divided" not in capsys.readouterr().err


def test_so_many_of_the_networks_own_samples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--images", "20"]) == 0
    captured = capsys.readouterr()
    assert "(20 images), which chose the formats" in " ".join(captured.out.split())
    assert "formats are chosen on 20 of the network's 200 samples" in captured.err
    assert main([*COMMAND, "--images", "900"]) == 0
    assert "formats are chosen on the network's 200 samples" in capsys.readouterr().err


def test_images_sorted_by_class_are_chosen_from_every_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten classes of ten, one after the other; a class that is missing is told by the labels."""
    images, labels = tmp_path / "images.npy", np.repeat(np.arange(10), 10)
    np.save(images, np.zeros((100, 28, 28, 1), np.uint8))
    labels[95:] = 77  # in the last class: found if that is asked for an image
    np.save(tmp_path / "labels.npy", labels)
    words = ["--data", str(images), "--labels", str(tmp_path / "labels.npy"), "--images", "10"]
    assert main([*COMMAND, *words]) == 2
    assert "images.npy: image 99: expected a label from 0 to 9, found 77" in capsys.readouterr().err


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The samples of LeNet under several names."""
    for part, folder in (("train", "train"), ("t10k", "train"), ("train", "copy")):
        (tmp_path / folder).mkdir(exist_ok=True)
        shutil.copyfile(SAMPLES, tmp_path / folder / f"{part}-images-idx3-ubyte.gz")
    (tmp_path / "link").symlink_to("train")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("data", "test", "same"),
    [
        ("train", "train/", True),
        ("train", "./link", True),
        ("link", "{root}/train", True),
        ("train", "train/train-images-idx3-ubyte.gz", True),
        ("train", "train/t10k-images-idx3-ubyte.gz", False),
        ("train", "copy", False),
        ("copy/*.gz", "{root}/copy/*.gz", True),
        (None, SAMPLES, True),
        (None, "train", False),
    ],
)
def test_images_that_judge_and_choose_are_known_by_their_place(
    data: str | None,
    test: str,
    same: bool,
    places: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if data is not None and "*" in data:  # a pattern names image files alone
        write_images(places / "copy", ["a.gz"], np.zeros((1, 28, 28, 1), np.uint8))
        (places / "copy" / "train-images-idx3-ubyte.gz").unlink()
    chosen = [] if data is None else ["--data", data]
    words = ["--test-data", test.format(root=places), "--test-part", "train"]
    assert main([*COMMAND, *chosen, *words]) == 0
    assert (SAME in capsys.readouterr().err) == same


def test_one_place_has_one_name(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
    assert place_of(tmp_path, "train") == place_of(tmp_path / "train", "")
    assert place_of(tmp_path, "train") != place_of(tmp_path, "test")
    assert place_of("mnist", "train") != place_of("mnist", "test")
    assert place_of("fashion-mnist", "test") == place_of(FASHION_FOLDER, "test")
    np.savez(tmp_path / "a.npz", x_train=[1], x_test=[1])
    assert place_of(tmp_path / "a.npz", "train") != place_of(tmp_path / "a.npz", "test")
    database = tmp_path / "lmdb"
    database.mkdir()
    (database / "data.mdb").touch()
    assert place_of(database, "") == place_of(database / "data.mdb", "")


def large() -> Network:
    """Layers whose values go from 1e-6 to 1e6, with names of some length."""
    made = FloatMaker(1, Shape(8, 8, 1))
    made.convolution(3, 4)
    made.relu()
    made.pooling("average", 2, 2)
    made.convolution(3, 4)
    made.inner_product(10)
    network = made.network("large")
    layers = list(network.layers)
    for index, factor in ((0, 1e6), (3, 1e-12)):
        layer = layers[index]
        assert isinstance(layer, Convolution)
        weights, bias = layer.weights * np.float32(factor), layer.bias * np.float32(factor)
        layers[index] = attrs.evolve(layer, weights=weights, bias=bias)
    return attrs.evolve(network, layers=tuple(layers))


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_a_terminal(width: int) -> None:
    """No cell is broken: every text of the tables is there in one piece, a line for every row."""
    network = large()
    images = images_for(network, 20)
    answers = calibrate(network, images).logits.argmax(axis=1).astype(np.int64)
    found = quantize(network, ImageSet("made", images, answers, "gray"), methods=tuple(METHODS))
    assert max(layer.largest for layer in found[0].layers) > 1e5
    assert min(abs(layer.smallest) for layer in found[0].layers if layer.smallest) < 1e-3
    for table in (
        shown_formats(found[0].layers),
        shown_costs(found[0].layers),
        formats_table([(one.method, one.formats) for one in found]),
        methods_table([(one.method, one.chosen_on) for one in found]),
    ):
        shown = io.StringIO()
        Console(width=width, file=shown).print(render_table(table, "title"))
        lines = shown.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) == len(table) + 5  # blank, title, blank, heads, rule
        for line, row in zip(lines[-len(table) - 1 :], table.itertuples(index=False), strict=False):
            for text in row:
                assert str(text) in line
