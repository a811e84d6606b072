"""The smile demo: the astronaut's face is found and smiles, on a target as in the reference."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import qrig
from network_files import random_chain
from qrig.cli import main
from qrig.errors import UsageError
from qrig.fixedpoint.network_file import file_from_network
from qrig.reference.image_transform import Roi
from qrig.runs.smile import Face, drawn, faces_in, find_smiles
from real_models import MODELS, requires_models

data = pytest.importorskip("skimage.data", reason="needs scikit-image")
pytest.importorskip("cv2", reason="needs OpenCV")


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    picture: np.ndarray = data.astronaut()
    return picture


def smile_network() -> Path:
    assert MODELS is not None
    return MODELS / "openmv" / "smile" / "smile.network"


def test_the_astronaut_has_one_face(astronaut: np.ndarray) -> None:
    ((x, y, w, h),) = faces_in(astronaut)
    assert x < 224 < x + w
    assert y < 110 < y + h


def test_a_picture_without_a_face(astronaut: np.ndarray) -> None:
    assert faces_in(np.ascontiguousarray(astronaut[300:, :100])) == ()


@requires_models
@pytest.mark.parametrize("dialect", ["correct", "openmv"])
def test_the_astronaut_smiles(astronaut: np.ndarray, dialect: str) -> None:
    found = []
    for target in ("reference", "host@native"):
        with qrig.load(smile_network(), target=target, dialect=dialect) as net:
            (face,) = find_smiles(net, astronaut)
            found.append(face)
    assert found[0] == found[1]
    x, y, w, _ = found[0].box
    assert found[0].roi == (x + 10, y + 25, int(0.7 * w), int(0.7 * w))
    assert found[0].is_smiling


@requires_models
def test_the_command_writes_a_copy(
    astronaut: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, out = tmp_path / "astronaut.png", tmp_path / "out.png"
    Image.fromarray(astronaut).save(picture)
    before = picture.read_bytes()
    command = ["demo", "smile", str(picture), "--network", str(smile_network())]
    assert main([*command, "--target", "host@native", "--out", str(out)]) == 0
    assert "smiling (" in capsys.readouterr().out
    assert picture.read_bytes() == before
    copy = np.asarray(Image.open(out))
    assert copy.shape == astronaut.shape
    changed = (copy != astronaut).any(axis=2)
    assert 100 < changed.sum() < 20_000
    ((x, y, w, h),) = faces_in(astronaut)
    assert changed[y, x : x + w].all()
    assert not changed[y + h :].any()


@requires_models
def test_the_published_network_is_found(
    astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(astronaut).save(tmp_path / "astronaut.png")
    monkeypatch.chdir(tmp_path)
    command = ["demo", "smile", "astronaut.png", "--target", "reference"]
    monkeypatch.delenv("QRIG_MODELS", raising=False)
    assert main(command) == 2
    monkeypatch.setenv("QRIG_MODELS", str(MODELS))
    assert main(command) == 0
    assert (tmp_path / "astronaut-smiles.png").is_file()


def test_faces_at_the_edge_keep_their_region_inside() -> None:
    pixels = np.zeros((50, 60, 3), np.uint8)
    faces = (Face(Roi(40, 30, 20, 20), Roi(50, 40, 10, 10), 0.9),)
    copy = drawn(pixels, faces)
    assert copy.shape == pixels.shape
    assert copy.any()
    assert not pixels.any()


def test_a_network_of_other_outputs_is_refused(astronaut: np.ndarray, tmp_path: Path) -> None:
    network = next(
        found for found in map(random_chain, range(200))
        if found.input.shape.c == 3 and found.stages[-1].out_shape.size != 2
    )  # fmt: skip
    path = tmp_path / "other.network"
    path.write_bytes(file_from_network(network).to_bytes())
    with pytest.raises(UsageError, match="expected a network of two outputs"):
        list(find_smiles(qrig.load(path), astronaut))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "found none that can be read"),
        ("text.png", "expected an image"),
        (".", "directory"),
    ],
)
def test_pictures_that_are_none(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("hello")
    command = ["demo", "smile", str(tmp_path / name), "--network", "lenet-mnist"]
    assert main([*command, "--out", str(tmp_path / "out.png")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("qrig: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "out.png").exists()
