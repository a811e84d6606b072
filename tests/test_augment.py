"""Augmented images: what may happen to a pixel, and the folders `qrig augment` makes."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from PIL import Image

from image_files import Pixels, encoded, some_images, write_images
from qrig.cli import main
from qrig.datasets import read_image_set
from qrig.datasets.augment import Augmentation, augmented
from qrig.errors import UsageError

NOTHING = Augmentation(flip=False, shift_px=0, rotate_deg=0, brightness=0, noise_sigma=0)
IMAGES = some_images(10, 9, 11)


def with_only(**options: Any) -> Augmentation:
    return attrs.evolve(NOTHING, **options)


def variants(images: Pixels, options: Augmentation, seed: int = 1) -> Pixels:
    return augmented(images, np.random.default_rng(seed), options)


def test_nothing_asked_for_changes_nothing() -> None:
    found = variants(IMAGES, NOTHING)
    assert np.array_equal(found, IMAGES)
    assert not np.shares_memory(found, IMAGES)
    assert len(variants(IMAGES[:0], Augmentation())) == 0


def test_half_of_the_images_are_flipped() -> None:
    many = np.repeat(IMAGES[:1], 1000, axis=0)
    found = variants(many, with_only(flip=True))
    flipped = (found == IMAGES[0, :, ::-1]).all(axis=(1, 2, 3))
    kept = (found == IMAGES[0]).all(axis=(1, 2, 3))
    assert (flipped ^ kept).all()
    assert 430 <= flipped.sum() <= 570


def test_shifts_are_of_whole_pixels_and_repeat_the_edge() -> None:
    many = np.repeat(IMAGES[:1], 600, axis=0)
    edged = np.pad(IMAGES[0], ((2, 2), (2, 2), (0, 0)), mode="edge")
    windows = {
        edged[2 - down : 11 - down, 2 - right : 13 - right].tobytes(): (down, right)
        for down in range(-2, 3)
        for right in range(-2, 3)
    }
    seen = Counter(windows[one.tobytes()] for one in variants(many, with_only(shift_px=2)))
    assert len(seen) == 25
    assert min(seen.values()) >= 6


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (64, 48), (7, 9)])
def test_the_shift_of_its_own_is_a_sixteenth_of_the_shorter_side(size: tuple[int, int]) -> None:
    expected = {16: 1, 28: 2, 48: 3, 7: 0}[min(size)]
    assert Augmentation().shift_for(*size) == expected
    assert Augmentation(shift_px=5).shift_for(*size) == 5


def slow_turn(image: Pixels, angle: float) -> np.ndarray:
    """Return the image turned by `angle` radians about its centre, one value at a time."""
    height, width, channels = image.shape
    my, mx = (height - 1) / 2, (width - 1) / 2
    out = np.zeros(image.shape)
    for y, x, c in np.ndindex(height, width, channels):
        fy = np.cos(angle) * (y - my) - np.sin(angle) * (x - mx) + my
        fx = np.sin(angle) * (y - my) + np.cos(angle) * (x - mx) + mx
        fy, fx = min(max(fy, 0.0), height - 1.0), min(max(fx, 0.0), width - 1.0)
        total = 0.0
        for row in (int(fy), int(fy) + 1):
            for column in (int(fx), int(fx) + 1):
                weight = max(0.0, 1 - abs(fy - row)) * max(0.0, 1 - abs(fx - column))
                if weight > 1e-12:
                    total += weight * float(image[row, column, c])
        out[y, x, c] = total
    return out


def test_a_turn_is_a_turn_about_the_centre() -> None:
    patch = np.zeros((13, 13, 1), dtype=np.uint8)
    patch[5:8, 8:11] = 250  # to the right of the centre
    angles = np.linspace(-np.pi / 6, np.pi / 6, 301)
    turned = {float(angle): slow_turn(patch, float(angle)) for angle in angles}
    many = np.repeat(patch[np.newaxis], 25, axis=0)
    best = []
    for one in variants(many, with_only(rotate_deg=30)):
        differences = {angle: np.abs(one - value).max() for angle, value in turned.items()}
        best.append(min(differences, key=lambda angle: differences[angle]))
        assert min(differences.values()) < 2.5
    assert min(best) < -0.2
    assert max(best) > 0.2


def test_turned_and_shifted_images_keep_their_values_in_range() -> None:
    extremes = np.where(IMAGES > 127, 255, 0).astype(np.uint8)
    found = variants(np.repeat(extremes, 30, axis=0), Augmentation(rotate_deg=180, shift_px=30))
    assert found.min() == 0
    assert found.max() == 255


def test_brightness_is_one_factor_for_each_image() -> None:
    flat = np.full((2000, 4, 4, 3), 100, dtype=np.uint8)
    found = variants(flat, with_only(brightness=0.2))
    assert (found == found[:, :1, :1, :1]).all()
    assert (found.min(), found.max()) == (80, 120)
    assert abs(float(found.mean()) - 100) < 1
    bright = np.full((50, 4, 4, 1), 250, dtype=np.uint8)
    assert variants(bright, with_only(brightness=1.0)).max() == 255


def test_noise_has_its_deviation() -> None:
    flat = np.full((100, 16, 16, 3), 128, dtype=np.uint8)
    found = variants(flat, with_only(noise_sigma=5)).astype(float) - 128
    assert abs(found.mean()) < 0.1
    assert abs(found.std() - 5) < 0.1
    assert len({one.tobytes() for one in found}) == 100


def test_the_seed_decides_and_portions_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    images = some_images(50, 20, 20)
    first = variants(images, Augmentation(), seed=3)
    assert np.array_equal(first, variants(images, Augmentation(), seed=3))
    assert not np.array_equal(first, variants(images, Augmentation(), seed=4))
    monkeypatch.setattr("qrig.datasets.augment._CHUNK_VALUES", 3000)
    assert np.array_equal(first, variants(images, Augmentation(), seed=3))


@pytest.mark.parametrize(
    "options",
    [{"shift_px": -1}, {"rotate_deg": 181}, {"rotate_deg": float("nan")}, {"brightness": 1.5},
     {"noise_sigma": -1}, {"noise_sigma": float("inf")}],
)  # fmt: skip
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    (name,) = options
    with pytest.raises(UsageError, match=f"expected {name} from 0 to"):
        with_only(**options)


def faces(folder: Path) -> Path:
    """Three smiles, five without."""
    names = [f"{'smile' if place < 3 else 'other'}/face{place}.png" for place in range(8)]
    return write_images(folder / "faces", names, some_images(8))


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_class_gets_as_many_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = faces(tmp_path), tmp_path / "balanced"
    assert main(["augment", str(source), "--out", str(out), "--count", "12"]) == 0
    assert names_in(out) == {"smile", "other"}
    made = read_image_set(out)
    assert made.class_names == ("other", "smile")
    assert made.labels is not None
    assert np.bincount(made.labels).tolist() == [12, 12]
    assert len({image.tobytes() for image in made.images}) == 24
    turns = Counter(name.rpartition("_")[2] for name in names_in(out / "smile"))
    assert turns == {"face0.png": 4, "face1.png": 4, "face2.png": 4}
    printed = capsys.readouterr().out
    assert "smile                       3 -> 12" in printed
    assert "24 images" in printed
    assert names_in(tmp_path) == {"faces", "balanced"}
    assert oct(out.stat().st_mode & 0o777) == "0o755"


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    source = faces(tmp_path)
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        arguments = ["augment", str(source), "--out", str(tmp_path / name), "--seed", seed]
        assert main([*arguments, "--count", "7"]) == 0
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert content(tmp_path / "a") != content(tmp_path / "c")


def test_originals_are_kept_where_that_is_asked(tmp_path: Path) -> None:
    source, out = faces(tmp_path), tmp_path / "out"
    call = ["augment", str(source), "--out", str(out), "--keep", "--count"]
    assert main([*call, "4"]) == 2
    assert not out.exists()
    assert main([*call, "6"]) == 0
    originals = set(content(source).values())
    made = content(out)
    assert len(made) == 12
    assert originals < set(made.values())
    assert sum(data in originals for data in made.values()) == 8


def test_a_flat_folder_keeps_the_labels_in_its_names(tmp_path: Path) -> None:
    names = ["cifar10_00_3.png", "cifar10_01_8.png", "cifar10_02_0.png"]
    source = write_images(tmp_path / "flat", names, some_images(3))
    assert main(["augment", str(source), "--out", str(tmp_path / "o"), "--count", "9"]) == 0
    made = read_image_set(tmp_path / "o")
    assert made.labels is not None
    assert np.bincount(made.labels).tolist() == [3, 0, 0, 3, 0, 0, 0, 0, 3]
    # Names without numbers get none, or the number of a copy would be taken for a class.
    source = write_images(tmp_path / "bare", ["a.png", "b.png"], some_images(2))
    assert main(["augment", str(source), "--out", str(tmp_path / "p"), "--count", "70"]) == 0
    made = read_image_set(tmp_path / "p")
    assert len(made) == 70
    assert made.labels is None


def test_a_list_becomes_class_folders_and_a_list(tmp_path: Path) -> None:
    write_images(tmp_path / "in", ["a.png", "b/a.png", "c.png"], some_images(3))
    (tmp_path / "in" / "list.txt").write_text("a.png 7\nb/a.png 7\nc.png 0\n")
    call = ["augment", str(tmp_path / "in" / "list.txt"), "--out", str(tmp_path / "o"), "--keep"]
    assert main([*call, "--count", "5"]) == 0
    listed = read_image_set(tmp_path / "o" / "list.txt")
    (tmp_path / "o" / "list.txt").unlink()
    folders = read_image_set(tmp_path / "o")
    for made in (listed, folders):
        assert made.labels is not None
        assert np.bincount(made.labels).tolist() == [5, 0, 0, 0, 0, 0, 0, 5]
    assert np.array_equal(listed.images, folders.images)


def test_images_of_several_sizes_and_formats_keep_their_size(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    sizes = {"a_1.jpg": (20, 30, 3), "b_1.png": (9, 7, 1), "c_1.bmp": (12, 12, 3)}
    for name, shape in sizes.items():
        kind = {"jpg": "JPEG", "png": "PNG", "bmp": "BMP"}[name[-3:]]
        (source / name).write_bytes(encoded(some_images(1, *shape)[0], kind))
    assert main(["augment", str(source), "--out", str(tmp_path / "o"), "--count", "6"]) == 0
    found: Counter[tuple[int, ...]] = Counter()
    for path in (tmp_path / "o").iterdir():
        with Image.open(path) as image:
            assert image.format == "PNG"
            found[(image.height, image.width, len(image.getbands()))] += 1
    assert found == dict.fromkeys(sizes.values(), 2)


def test_options_reach_the_images(tmp_path: Path) -> None:
    image = some_images(1, 16, 16)[0]
    source = write_images(tmp_path / "in", ["a_1.png"], [image])
    call = ["augment", str(source), "--count", "30", "--rotate", "0", "--brightness", "0"]
    plain = [*call, "--noise", "0", "--shift", "0"]
    assert main([*plain, "--no-flip", "--out", str(tmp_path / "o")]) == 0
    assert (read_image_set(tmp_path / "o").images == image).all()
    assert main([*plain, "--flip", "--out", str(tmp_path / "p")]) == 0
    found = {one.tobytes() for one in read_image_set(tmp_path / "p").images}
    assert found == {image.tobytes(), image[:, ::-1].tobytes()}


def test_an_unreadable_image_among_many_is_named_and_nothing_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = faces(tmp_path)
    bad = source / "smile" / "face1.png"
    bad.write_bytes(bad.read_bytes()[:40])
    assert main(["augment", str(source), "--out", str(tmp_path / "o"), "--count", "1"]) == 2
    assert "face1.png: expected an image" in capsys.readouterr().err
    assert names_in(tmp_path) == {"faces"}


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    from qrig.datasets.augment_files import augment_files

    def stop(done: int, total: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        augment_files(faces(tmp_path), tmp_path / "o", count=4, progress=stop)
    assert names_in(tmp_path) == {"faces"}


def test_an_empty_folder_may_be_there_already(tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    assert (
        main(["augment", str(faces(tmp_path)), "--out", str(tmp_path / "o"), "--count", "2"]) == 0
    )
    assert names_in(tmp_path / "o") == {"smile", "other"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["faces", "--out", "faces", "--count", "3"], "outside faces, found one inside"),
        (["faces", "--out", "faces/new", "--count", "3"], "outside faces, found one inside"),
        (["faces", "--out", "taken", "--count", "3"], "new or empty, found something there"),
        (["faces", "--out", "taken/file", "--count", "3"], "new or empty, found something there"),
        (["faces", "--out", "no/where", "--count", "3"], "found no no; make it"),
        (["missing", "--out", "o", "--count", "3"], "missing: expected a folder of images"),
        (["empty", "--out", "o", "--count", "3"], "empty: expected an image .* found none"),
        (["faces", "--out", "o", "--count", "99999999999"], "a count from 1 to 5000000"),
        (["faces", "--out", "o", "--count", "3", "--rotate", "200"], "rotate_deg from 0 to 180"),
        (["taken/file", "--out", "o", "--count", "3"], "line 1: expected .path label."),
        (["faces", "--out", "x" * 300, "--count", "3"], "new folder|can be written"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_at_once(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    faces(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("text\n")
    monkeypatch.chdir(tmp_path)
    before = content(tmp_path)
    assert main(["augment", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(words, line), line
    assert content(tmp_path) == before
    assert names_in(tmp_path) == {"faces", "empty", "taken"}


def test_a_class_without_images_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = faces(tmp_path)
    (source / "frown").mkdir()
    assert main(["augment", str(source), "--out", str(tmp_path / "o"), "--count", "3"]) == 2
    assert "frown: expected images of this class, found none" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["augment", str(faces(tmp_path)), "--out", "/proc/augmented", "--count", "3"]
    assert main(arguments) == 2
    assert "/proc/augmented: expected a folder that can be written" in capsys.readouterr().err
