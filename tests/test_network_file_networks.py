"""A `.network` file wherever a network is taken."""

import json
from pathlib import Path

import numpy as np
import pytest

from hand_made import hand_made_network
from network_files import ChainMaker, random_chain
from openmv_models import published_path
from qrig.cli import main
from qrig.errors import FileFormatError, UsageError
from qrig.fixedpoint.network_file import CORRECT, HISTORICAL, file_from_network
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.networks.graph import Shape
from qrig.reference import run_reference
from qrig.runs.networks import is_network_file, load_network
from real_models import requires_models


def written(folder: Path, network: QuantizedNetwork, name: str = "made.network") -> Path:
    path = folder / name
    path.write_bytes(file_from_network(network, batch=5, dialect=HISTORICAL).to_bytes())
    return path


def test_a_file_is_a_network_with_its_own_name(tmp_path: Path) -> None:
    loaded = load_network(str(written(tmp_path, hand_made_network(), "smile.2.network")))
    assert (loaded.name, loaded.quantized.name) == ("smile.2", "smile.2")
    assert (loaded.batch, loaded.dialect, loaded.samples) == (5, CORRECT, ())
    assert loaded.file is not None
    pixels = np.random.default_rng(2).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    expected = run_reference(hand_made_network(), pixels).logits
    assert np.array_equal(run_reference(loaded.quantized, pixels).logits, expected)


def test_a_file_needs_no_suffix_and_a_folder_may_have_it(tmp_path: Path) -> None:
    path = written(tmp_path, hand_made_network(), "made.bin")
    assert load_network(str(path)).name == "made"
    (tmp_path / "folder.network").mkdir()
    assert not is_network_file(str(tmp_path / "folder.network"))
    with pytest.raises(FileFormatError, match=r"network\.toml"):
        load_network(str(tmp_path / "folder.network"))
    assert not is_network_file("lenet-mnist")


@pytest.mark.parametrize(
    ("name", "error", "expected"),
    [
        ("absent.network", FileFormatError, "none that can be read"),
        ("absent", UsageError, "a folder with a network.toml, or a .network file"),
        ("\0.network", FileFormatError, "none that can be read"),
        (__file__, FileFormatError, "begins with CAFE"),
    ],
)
def test_what_is_no_network_is_refused(name: str, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=expected):
        load_network(name)


def test_the_dialect_decides_how_the_scale_is_taken(tmp_path: Path) -> None:
    path = str(written(tmp_path, ChainMaker(Shape(5, 5, 1)).ip(2).made(scale=1)))
    correct, historical = (load_network(path, dialect=name) for name in (CORRECT, HISTORICAL))
    assert (correct.quantized.input.multiplier, correct.quantized.input.shift) == (1, 1)
    assert (historical.quantized.input.multiplier, historical.quantized.input.shift) == (64, 0)
    assert (correct.dialect, historical.dialect) == (CORRECT, HISTORICAL)
    (notice,) = correct.notices
    assert "the input scale 1 would leave little but black and white" in notice
    assert historical.notices == ()
    with pytest.raises(UsageError, match="expected a dialect"):
        load_network(path, dialect="swiss")


def test_a_scale_says_that_openmv_wrote_the_file(tmp_path: Path) -> None:
    path = str(written(tmp_path, hand_made_network()))  # scale 7
    found = load_network(path, scale=(1.0,)).quantized.input
    assert (found.multiplier, found.shift, found.fraction_bits) == (2, 0, 1)
    assert load_network(path, scale=(1.0,)).notices == ()
    with pytest.raises(UsageError, match="expected one number as scale"):
        load_network(path, scale=(1.0, 1.0, 0.5))
    with pytest.raises(UsageError, match="a power of two"):
        load_network(path, scale=(1 / 255,))


def test_a_mean_takes_the_place_of_the_files(tmp_path: Path) -> None:
    path = str(written(tmp_path, hand_made_network()))
    assert load_network(path).quantized.input.mean.tolist() == [128, 120, 110]
    assert load_network(path, mean="1.4,2.6,3").quantized.input.mean.tolist() == [1, 3, 3]
    image = tmp_path / "mean.npy"
    np.save(image, np.full((8, 8, 3), 99.6, np.float32))
    found = load_network(path, mean=str(image)).quantized.input.mean
    assert (found.shape, int(found.max()), int(found.min())) == ((8, 8, 3), 100, 100)
    with pytest.raises(FileFormatError, match="the mean: expected shape"):
        load_network(path, mean="1,2")


def test_the_shape_cannot_be_another(tmp_path: Path) -> None:
    path = str(written(tmp_path, hand_made_network()))
    assert load_network(path, input_shape=Shape(8, 8, 3)).quantized.input.shape == (8, 8, 3)
    with pytest.raises(UsageError, match="the input of 8x8x3 that the file has"):
        load_network(path, input_shape=Shape(9, 8, 3))


def _image(folder: Path, shape: Shape) -> Path:
    path = folder / "noise.npy"
    np.save(path, np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8))
    return path


@pytest.mark.parametrize("target", ["host@native", "mps2-an386"])
def test_the_command_runs_a_file(tmp_path: Path, target: str) -> None:
    network = random_chain(6)
    path, out = written(tmp_path, network), tmp_path / "out.json"
    image = _image(tmp_path, network.input.shape)
    words = ["run", "--target", target, "--network", path, "--input", image, "--json", out]
    assert main([str(word) for word in words]) == 0
    document = json.loads(out.read_text())
    assert (document["network"], document["verdict"]) == ("made", "bit-exact")
    expected = run_reference(network, np.load(image)).logits.tolist()
    assert document["logits"] == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--dialect", "openmv"], "run it with --deployment network"),
        (["--dialect", "openmv", "--pooling", "dsp"], "expected --dialect openmv alone"),
        (["--dialect", "openmv", "--truncate"], "expected --dialect openmv alone"),
        (["--scale", "1/255"], "a power of two"),
        (["--input-shape", "9x9x3"], "leave it out"),
    ],
)
def test_the_command_refuses_what_a_file_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    path = written(tmp_path, hand_made_network())
    image = _image(tmp_path, Shape(8, 8, 3))
    command = ["run", "--target", "mps2-an386", "--network", str(path), "--input", str(image)]
    assert main([*command, *words]) == 2
    assert expected in capsys.readouterr().err


def test_formats_cannot_be_chosen_for_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, hand_made_network())
    assert main(["quantize", "--network", str(path)]) == 2
    assert "found a file, which at best holds integers" in capsys.readouterr().err


@requires_models
def test_openmvs_lenet_says_how_its_scale_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, path = _image(tmp_path, Shape(28, 28, 1)), published_path("lenet")
    words = ["run", "--target", "host@native", "--network", path, "--input", image]
    assert main([str(word) for word in words]) == 0
    assert "it is taken as what OpenMV's converter wrote" in capsys.readouterr().err
