"""`qrig.load`: the reference and a target give the same answers, to every image and region."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import qrig
from network_files import random_chain
from qrig.errors import FileFormatError, InputError, UsageError
from qrig.fixedpoint.network_file import file_from_network
from qrig.reference.image_transform import to_rgb565
from qrig.runs.net import Net
from qrig.runs.shown import Pixels, as_image, as_roi

NATIVE = "host@native"
NUMBERS = np.random.default_rng(11)
COLOUR = NUMBERS.integers(0, 256, (60, 80, 3), dtype=np.uint8)
IMAGES: dict[str, Pixels] = {
    "colour": COLOUR,
    "gray": COLOUR[:, :, 1].copy(),
    "gray with an axis": COLOUR[:, :, 1:2].copy(),
    "rgb565": to_rgb565(COLOUR),
}
REGIONS = (None, (0, 0, 60, 60), (13, 7, 31, 22), (-9, -4, 40, 30), (79, 59, 9, 9))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network file of an input of 3 channels."""
    network = next(found for found in map(random_chain, range(100)) if found.input.shape.c == 3)
    path = tmp_path_factory.mktemp("net") / "some.network"
    path.write_bytes(file_from_network(network).to_bytes())
    return path


@pytest.fixture(scope="module", params=["correct", "openmv"])
def nets(path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Net, Net]]:
    """The reference and a target, in one dialect."""
    expected = qrig.load(path, dialect=request.param)
    with qrig.load(path, target=NATIVE, dialect=request.param) as found:
        yield expected, found


@pytest.mark.parametrize("roi", REGIONS)
@pytest.mark.parametrize("kind", IMAGES)
def test_a_target_answers_as_the_reference(
    nets: tuple[Net, Net], kind: str, roi: tuple[int, int, int, int] | None
) -> None:
    expected, found = nets
    for softmax in (False, True):
        right = expected.integers(IMAGES[kind], roi, softmax=softmax)
        assert np.array_equal(found.integers(IMAGES[kind], roi, softmax=softmax), right)
        values = found.forward(IMAGES[kind], roi, softmax=softmax)
        assert np.array_equal(values, (right.astype(float) + 128) / 255)
        assert values.min() >= (0.5 if softmax else 0)


def test_searches_find_the_same(nets: tuple[Net, Net]) -> None:
    found = [
        net.search(COLOUR, (5, 5, 60, 50), threshold=0.1, min_scale=0.4, x_overlap=0.5)
        for net in nets
    ]
    assert found[0] == found[1]
    assert found[0]


def test_an_image_larger_than_the_targets_memory(nets: tuple[Net, Net]) -> None:
    large = np.random.default_rng(1).integers(0, 256, (700, 500, 3), dtype=np.uint8)
    expected, found = nets
    assert np.array_equal(found.integers(large), expected.integers(large))


def test_files_of_images(path: Path, tmp_path: Path) -> None:
    from PIL import Image

    net = qrig.load(path)
    expected = net.integers(COLOUR)
    Image.fromarray(COLOUR).save(tmp_path / "some.png")
    np.save(tmp_path / "some.npy", COLOUR)
    for name in ("some.png", "some.npy"):
        assert np.array_equal(net.integers(tmp_path / name), expected)
        assert np.array_equal(net.integers(str(tmp_path / name)), expected)
    (tmp_path / "some.txt").write_text("no image")
    with pytest.raises(FileFormatError, match=r"some\.txt: expected an image"):
        net.integers(tmp_path / "some.txt")


def test_bundled_networks_have_labels() -> None:
    net = qrig.load("lenet-mnist")
    assert net.labels == tuple("0123456789")
    assert repr(net) == "<Net lenet-mnist: 28x28x1 -> 1x1x10>"
    sample = net.loaded.samples[0]
    assert net.forward(sample.pixels).argmax() == sample.label


@pytest.mark.parametrize(
    "shown", [np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4)), np.zeros(4, np.uint8), [[1]]]
)
def test_what_is_no_image_is_refused(shown: object) -> None:
    with pytest.raises(InputError, match="expected"):
        as_image(shown)  # type: ignore[arg-type]


@pytest.mark.parametrize("box", [(80, 0, 1, 1), (0, 0, 0, 5), (0, -9, 5, 9), (1, 2, 3), "abcd"])
def test_regions_without_a_pixel_are_refused(box: object) -> None:
    with pytest.raises(InputError, match="expected a region"):
        as_roi(as_image(COLOUR), box)  # type: ignore[arg-type]


def test_what_cannot_be_loaded(path: Path) -> None:
    with pytest.raises(UsageError, match="dialect"):
        qrig.load(path, dialect="klingon")
    with pytest.raises(UsageError, match="board"):
        qrig.load(path, target="nowhere")
    with pytest.raises(UsageError, match="expected a network"):
        qrig.load("nothing")
    with pytest.raises(InputError, match="deploy it as generated C"):
        qrig.load("ds-cnn", target=NATIVE)
