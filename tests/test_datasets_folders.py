"""Folders of images, list files, and every image format they may hold."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_files import encoded, some_images, write_images
from qrig.datasets import read_image_set
from qrig.datasets.resize import resized
from qrig.errors import FileFormatError
from qrig.networks.graph import Shape

IMAGES = some_images(6)


def labels_of(found: object) -> list[int]:
    labels = getattr(found, "labels", None)
    assert labels is not None
    return [int(label) for label in labels]


def test_class_folders_are_numbered_by_name(tmp_path: Path) -> None:
    names = ["dog/b.png", "dog/a.png", "cat/z.png", "cat/3.png", "emu/9.png", "emu/x.png"]
    write_images(tmp_path / "animals", names, IMAGES)
    (tmp_path / "animals" / "readme.txt").write_text("not an image")
    (tmp_path / "animals" / ".cache").mkdir()
    (tmp_path / "animals" / "cat" / ".DS_Store").write_bytes(b"\0")
    found = read_image_set(tmp_path / "animals")
    assert found.class_names == ("cat", "dog", "emu")
    assert labels_of(found) == [0, 0, 1, 1, 2, 2]
    assert found.records[:2] == ("cat/3.png", "cat/z.png")
    assert np.array_equal(found.images, IMAGES[[3, 2, 1, 0, 4, 5]])
    assert (found.name, found.channel_order) == ("animals", "rgb")
    spread = read_image_set(tmp_path / "animals", limit=3)
    assert labels_of(spread) == [0, 1, 2]
    assert spread.class_names == found.class_names


def test_folders_named_by_numbers_are_these_classes(tmp_path: Path) -> None:
    write_images(tmp_path, ["10/a.png", "2/a.png", "2/b.png"], IMAGES[:3])
    found = read_image_set(tmp_path)
    assert labels_of(found) == [10, 2, 2]
    assert found.class_names == ()
    with pytest.raises(FileFormatError, match=r"image 0 \(10/a\.png\): .*0 to 9, found 10"):
        read_image_set(tmp_path, classes=10)


def test_a_flat_folder_has_labels_in_its_names_or_none(tmp_path: Path) -> None:
    write_images(tmp_path / "a", ["cifar10_00_3.png", "cifar10_01_8.png"], IMAGES[:2])
    assert labels_of(read_image_set(tmp_path / "a")) == [3, 8]
    write_images(tmp_path / "b", ["x.png", "y.png"], IMAGES[:2])
    assert read_image_set(tmp_path / "b").labels is None
    write_images(tmp_path / "a", ["z.png"], IMAGES[:1])
    with pytest.raises(FileFormatError, match=r"z\.png: expected a label, as other images have"):
        read_image_set(tmp_path / "a")
    pattern = read_image_set(tmp_path / "a" / "cifar10_*.png")
    assert labels_of(pattern) == [3, 8]
    assert len(read_image_set(str(tmp_path / "a" / "?.png"))) == 1


def test_every_format_arrives(tmp_path: Path) -> None:
    for kind, suffix in (("PNG", "png"), ("BMP", "BMP"), ("PPM", "ppm"), ("PPM", "pnm")):
        (tmp_path / f"a_1.{suffix}").write_bytes(encoded(IMAGES[0], kind))
    np.save(tmp_path / "a_1.npy", IMAGES[0])
    found = read_image_set(tmp_path)
    assert len(found) == 5
    assert all(np.array_equal(image, IMAGES[0]) for image in found.images)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "JPG"])
def test_jpeg_files_are_read(tmp_path: Path, suffix: str) -> None:
    smooth = np.zeros((16, 24, 3), dtype=np.uint8) + np.arange(24, dtype=np.uint8)[:, None] * 5
    (tmp_path / f"a.{suffix}").write_bytes(encoded(smooth, "JPEG", quality=95))
    found = read_image_set(tmp_path)
    assert np.abs(found.images[0].astype(int) - smooth).max() <= 4


def test_photos_are_turned_upright(tmp_path: Path) -> None:
    wide = np.zeros((8, 16, 3), dtype=np.uint8)
    wide[:, :8] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn to the right
    (tmp_path / "a.jpg").write_bytes(encoded(wide, "JPEG", exif=exif, quality=95))
    found = read_image_set(tmp_path)
    assert found.shape == Shape(16, 8, 3)
    assert found.images[0, :7].min() > 150
    assert found.images[0, 9:].max() < 50


def test_grey_and_colour_mix_to_colour(tmp_path: Path) -> None:
    for order in ((1, 3, 1), (3, 1, 1), (1, 1, 1)):
        for place, channels in enumerate(order):
            (tmp_path / f"{place}.png").write_bytes(encoded(IMAGES[place][..., :channels]))
        found = read_image_set(tmp_path)
        assert found.shape.c == max(order)
        assert found.channel_order == ("rgb" if max(order) == 3 else "gray")
        for place, channels in enumerate(order):
            assert np.array_equal(
                found.images[place],
                np.broadcast_to(IMAGES[place][..., :channels], found.images[place].shape),
            )


def test_images_are_made_grey_or_colour_where_asked(tmp_path: Path) -> None:
    write_images(tmp_path, ["1.png", "2.png"], [IMAGES[0], IMAGES[1][..., :1]])
    grey = np.asarray(Image.fromarray(IMAGES[0]).convert("L"))
    for found in (
        read_image_set(tmp_path, channels=1),
        read_image_set(tmp_path, shape=Shape(6, 5, 1)),
    ):
        assert found.channel_order == "gray"
        assert np.array_equal(found.images[0, ..., 0], grey)
    assert read_image_set(tmp_path, shape=Shape(6, 5, 3)).channel_order == "rgb"


def test_one_bad_image_among_many_is_named(tmp_path: Path) -> None:
    images = some_images(40)
    write_images(tmp_path, [f"cat/{place:02d}.png" for place in range(40)], images)
    bad = tmp_path / "cat" / "27.png"
    good = bad.read_bytes()
    for data, words in (
        (good[: len(good) // 2], "found a damaged one"),
        (b"", "found an empty file"),
        (b"no image", "damaged header"),
        (good[:8], "damaged"),
        (encoded(images[0][:4]), "expected an image of 6x5x3 as the ones before it, found 4x5x3"),
        (encoded(np.zeros((6, 5), dtype=np.uint16)), "expected 8-bit grey or colour"),
    ):
        bad.write_bytes(data)
        with pytest.raises(FileFormatError, match=rf"27\.png: .*{words}"):
            read_image_set(tmp_path)
    bad.unlink()
    bad.mkdir()
    with pytest.raises(FileFormatError, match=r"27\.png: expected images in a class folder, found"):
        read_image_set(tmp_path)


def test_a_colour_space_that_is_not_supported_is_refused(tmp_path: Path) -> None:
    Image.new("CMYK", (5, 6)).save(tmp_path / "a.jpg")
    with pytest.raises(FileFormatError, match=r"a\.jpg: expected 8-bit .*found mode CMYK"):
        read_image_set(tmp_path)


def test_folders_that_are_no_image_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="in it, found none"):
        read_image_set(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(FileFormatError, match="in its folders, found none"):
        read_image_set(tmp_path)
    write_images(tmp_path, ["1.png"], IMAGES[:1])
    with pytest.raises(FileFormatError, match=r"found 1\.png beside the folder cat"):
        read_image_set(tmp_path)


def test_a_list_names_images_and_classes(tmp_path: Path) -> None:
    write_images(tmp_path, ["a/1.png", "a b/2.png", "3.png"], IMAGES[:3])
    listed = tmp_path / "train.txt"
    listed.write_text("a/1.png 4\n\na b/2.png 0\r\n3.png\t7\n")
    found = read_image_set(listed)
    assert np.array_equal(found.images, IMAGES[:3])
    assert labels_of(found) == [4, 0, 7]
    assert found.records == ("line 1, 1.png", "line 3, 2.png", "line 4, 3.png")
    assert found.name == "train"
    assert labels_of(read_image_set(listed, limit=2)) == [4, 7]
    elsewhere = tmp_path / "lists"
    elsewhere.mkdir()
    (elsewhere / "l").write_text(f"/a/1.png 1\na/1.png 2\n{tmp_path.name}.png 3\n")
    with pytest.raises(FileFormatError, match=rf"l: line 3: .*{tmp_path.name}\.png: .*No such"):
        read_image_set(elsewhere / "l", root=tmp_path)
    (elsewhere / "l").write_text(f"{tmp_path}/a/1.png 1\n")
    assert len(read_image_set(elsewhere / "l")) == 1


def test_a_list_may_be_written_for_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, ["data/1.png", "1.png", "data/2.png"], IMAGES[:3])
    (tmp_path / "data" / "list").write_text("data/1.png 0\n1.png 1\n2.png 2\n")
    monkeypatch.chdir(tmp_path)
    found = read_image_set("data/list")
    assert np.array_equal(found.images, IMAGES[[0, 0, 2]])  # beside the list goes first
    (tmp_path / "data" / "list").write_text(f"{'x' * 300}.png 0\n")
    with pytest.raises(FileFormatError, match=r"list: line 1: .*File name too long"):
        read_image_set("data/list")


def test_a_list_may_begin_with_the_letters_of_an_image_format(tmp_path: Path) -> None:
    names = ["BMW/front.png", "P5.png", "P6 1 1.png"]
    write_images(tmp_path, names, IMAGES[:3])
    for first in range(3):
        (tmp_path / "list").write_text("".join(f"{name} 1\n" for name in names[first:]))
        assert len(read_image_set(tmp_path / "list")) == 3 - first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.png 0\n1.png\n", r"line 2: expected .path label. .*found '1\.png'"),
        ("1.png 0\n1.png -1\n", "line 2: expected .path label. with a label of 0 or more"),
        ("1.png 0\n1.png 1.5\n", "line 2: expected"),
        ("1.png 0\n1.png 99999999999999\n", "line 2: expected"),
        ("1.png 0\nmissing.png 3\n", r"line 2: .*missing\.png: .*No such file"),
        ("1.png 0\nbad.png 3\n", r"line 2: .*bad\.png: .*damaged"),
        ("1.png 0\n2.png 3\n", r"line 2, 2\.png: expected an image of 6x5x3 .*found 3x5x3"),
        ("1.png 0\n. 3\n", "line 2: .*found a directory"),
        ("\n \n", "found no line"),
        ("1.png 0\n\0 1\n", "line 2: "),
        ("\xff", "found no line|UTF-8|expected .path"),
    ],
)
def test_a_bad_line_of_a_list_is_named(tmp_path: Path, text: str, words: str) -> None:
    write_images(tmp_path, ["1.png", "2.png"], [IMAGES[0], IMAGES[1][:3]])
    (tmp_path / "bad.png").write_bytes(encoded(IMAGES[0])[:50])
    (tmp_path / "list.txt").write_text(text, encoding="latin-1")
    with pytest.raises(FileFormatError, match=rf"list\.txt: .*({words})"):
        read_image_set(tmp_path / "list.txt")


def slow_resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return bilinear interpolation between the centres of pixels, one value at a time."""
    out = np.zeros((height, width, pixels.shape[2]))
    for y, x, c in np.ndindex(out.shape):
        fy = min(max((y + 0.5) * pixels.shape[0] / height - 0.5, 0.0), pixels.shape[0] - 1.0)
        fx = min(max((x + 0.5) * pixels.shape[1] / width - 0.5, 0.0), pixels.shape[1] - 1.0)
        total = 0.0
        for row in (int(fy), int(fy) + 1):
            for column in (int(fx), int(fx) + 1):
                weight = max(0.0, 1 - abs(fy - row)) * max(0.0, 1 - abs(fx - column))
                if weight > 0:
                    total += weight * float(pixels[row, column, c])
        out[y, x, c] = total
    return out


@pytest.mark.parametrize("size", [(6, 5), (12, 10), (3, 5), (9, 4), (1, 1), (7, 13)])
def test_resizing_is_bilinear(size: tuple[int, int]) -> None:
    found = resized(IMAGES[0], *size)
    assert found.dtype == np.uint8
    assert np.abs(found - slow_resize(IMAGES[0], *size)).max() <= 0.5 + 1e-9


def test_image_files_are_resized_to_one_size(tmp_path: Path) -> None:
    write_images(tmp_path, ["1.png", "2.png"], [IMAGES[0], some_images(1, 9, 31)[0]])
    found = read_image_set(tmp_path, resize=(12, 10))
    assert found.shape == Shape(12, 10, 3)
    assert np.array_equal(found.images[0], resized(IMAGES[0], 12, 10))
    (tmp_path / "list").write_text("1.png 0\n2.png 1\n")
    listed = read_image_set(tmp_path / "list", resize=(12, 10), shape=Shape(12, 10, 3))
    assert np.array_equal(listed.images, found.images)
