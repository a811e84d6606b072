"""LMDB databases of Caffe's Datum records: what liblmdb wrote is read, damage is named."""

import contextlib
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lmdb", reason="needs lmdb, which the dev extra brings")

import lmdb

from datum_records import (
    chunk,
    encoded_datum,
    float_datum,
    header,
    number,
    raw_datum,
    write_lmdb,
    write_raw,
)
from image_files import encoded, some_images
from qrig.datasets import ImageSet, read_image_set
from qrig.datasets.lmdb_file import LmdbFile
from qrig.errors import FileFormatError, InputError
from qrig.networks.graph import Shape

IMAGES = some_images(30, 8, 7)
CLASSES = [place % 10 for place in range(30)]


def records_of(path: Path) -> list[tuple[bytes, bytes]]:
    with LmdbFile(path) as file:
        return [*file.records()]


@pytest.mark.parametrize(
    ("count", "size"),
    [(0, 0), (1, 0), (1, 2000), (3, 70_000), (700, 33), (3000, 900), (500, 2040), (90, 5000)],
)
def test_every_record_arrives_in_order(tmp_path: Path, count: int, size: int) -> None:
    rng = np.random.RandomState(count + size)
    keys = [f"{place:0{1 + place % 3 * 20}d}" for place in rng.permutation(count)]
    expected = {key: rng.bytes(size) for key in keys}
    write_lmdb(tmp_path, expected.items())
    found = records_of(tmp_path)
    assert found == [(key.encode(), expected[key]) for key in sorted(expected)]
    assert records_of(tmp_path / "data.mdb") == found


def test_several_transactions_and_deletions(tmp_path: Path) -> None:
    expected: dict[bytes, bytes] = {}
    rng = np.random.RandomState(7)
    with lmdb.open(str(tmp_path), map_size=1 << 24) as environment:
        for _ in range(12):
            with environment.begin(write=True) as transaction:
                for place in rng.randint(0, 400, size=150):
                    key, value = b"%05d" % place, rng.bytes(int(rng.randint(0, 4000)))
                    if place % 4 == 0 and expected.pop(key, None) is not None:
                        transaction.delete(key)
                    else:
                        transaction.put(key, value)
                        expected[key] = value
            assert records_of(tmp_path) == sorted(expected.items())


def test_reading_changes_and_locks_nothing(tmp_path: Path) -> None:
    folder = write_raw(tmp_path / "db", IMAGES, CLASSES)
    (folder / "lock.mdb").unlink()
    before = (folder / "data.mdb").read_bytes()
    (folder / "data.mdb").chmod(stat.S_IRUSR)
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert len(read_image_set(folder)) == 30
    folder.chmod(stat.S_IRWXU)
    assert os.listdir(folder) == ["data.mdb"]  # noqa: PTH208
    assert (folder / "data.mdb").read_bytes() == before


def test_a_database_another_process_has_open_is_read(tmp_path: Path) -> None:
    write_raw(tmp_path, IMAGES, CLASSES)
    with lmdb.open(str(tmp_path), map_size=1 << 20):
        assert len(read_image_set(tmp_path)) == 30


def test_raw_records_keep_channels_labels_and_keys(tmp_path: Path) -> None:
    found = read_image_set(write_raw(tmp_path / "cifar10_train_lmdb", IMAGES, CLASSES))
    assert np.array_equal(found.images, IMAGES)
    assert found.labels is not None
    assert found.labels.tolist() == CLASSES
    assert (found.name, found.channel_order, found.scale) == ("cifar10_train_lmdb", "rgb", 1.0)
    assert found.record(12) == "image 12 (00012)"
    some = read_image_set(tmp_path / "cifar10_train_lmdb", limit=4, shape=Shape(8, 7, 3))
    assert np.array_equal(some.images, IMAGES[[0, 9, 19, 29]])
    assert some.record(2) == "image 19 (00019)"
    grey = read_image_set(write_raw(tmp_path / "grey", IMAGES[..., :1], CLASSES))
    assert (grey.shape, grey.channel_order) == (Shape(8, 7, 1), "gray")


def test_keys_of_convert_imageset_mean_blue_first(tmp_path: Path) -> None:
    folder = write_raw(tmp_path, IMAGES, CLASSES, "{:08d}_faces/a.jpg")
    found = read_image_set(folder)
    assert found.channel_order == "bgr"
    assert np.array_equal(found.images, IMAGES)
    assert "convert_imageset" in found.notices[0]
    assert np.array_equal(found.in_order("rgb").images, IMAGES[..., ::-1])
    told = read_image_set(folder, channel_order="rgb")
    assert (told.channel_order, told.notices) == ("rgb", ())


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_encoded_records_are_decoded_to_rgb(tmp_path: Path, kind: str) -> None:
    pairs = [
        (f"{place:08d}_a.png", encoded_datum(encoded(image, kind), place))
        for place, image in enumerate(IMAGES)
    ]
    found = read_image_set(write_lmdb(tmp_path, pairs))
    assert np.array_equal(found.images, IMAGES)
    assert (found.channel_order, found.notices) == ("rgb", ())
    grey = read_image_set(tmp_path, channels=1, resize=(4, 4))
    assert grey.shape == Shape(4, 4, 1)


def test_encoded_jpeg_records_are_close(tmp_path: Path) -> None:
    smooth = np.zeros((16, 16, 3), dtype=np.uint8) + np.arange(16, dtype=np.uint8)[:, None] * 9
    pairs = [("0", encoded_datum(encoded(smooth[:, :, :], "JPEG", quality=95), 4))]
    found = read_image_set(write_lmdb(tmp_path, pairs))
    assert np.abs(found.images[0].astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("divisor", [1, 255, 256])
def test_float_records_are_pixels_by_a_scale(tmp_path: Path, divisor: int, packed: bool) -> None:
    pairs = [
        (f"{place:05d}", float_datum(image / divisor, place, packed=packed))
        for place, image in enumerate(IMAGES)
    ]
    found = read_image_set(write_lmdb(tmp_path, pairs))
    assert np.array_equal(found.images, IMAGES)
    assert found.scale == pytest.approx(1 / divisor)


GOOD = raw_datum(IMAGES[0], 1)
BAD_RECORDS = {
    "too few bytes": (header((8, 7, 3)) + chunk(4, bytes(100)), "expected 168 bytes .*found 100"),
    "no pixels": (header((8, 7, 3)), "expected 168 bytes for 3 channels of 8x7, found 0"),
    "no shape": (chunk(4, bytes(168)), r"with channels, .*found \(0, 0, 0\)"),
    "negative": (header((-8, -7, 3)) + chunk(4, bytes(168)), r"of 1 or more .*found \(3, -8, -7\)"),
    "absurd": (header((1 << 30, 1 << 30, 1)), "at most 67,108,864 pixels"),
    "other size": (raw_datum(IMAGES[0, :7], 1), "expected an image of 8x7x3 .* found 7x7x3"),
    "negative label": (raw_datum(IMAGES[0], -1), "a label of 0 or more, found -1"),
    "no message": (b"\xff" * 40, "expected one of Caffe's Datum records"),
    "cut short": (GOOD[:-30], "expected one of Caffe's Datum records"),
    "empty": (b"", r"found \(0, 0, 0\)"),
    "damaged PNG": (encoded_datum(encoded(IMAGES[0])[:60], 1), "damaged"),
    "text": (encoded_datum(b"hello", 1), "expected a JPEG, PNG, PPM or BMP image"),
    "not encoded": (encoded_datum(b"", 1), "expected a JPEG, PNG, PPM or BMP image"),
    "NaN": (float_datum(IMAGES[0] * np.nan, 1), "floats among 30|NaN"),
    "few floats": (header((8, 7, 3)) + number(5, 1) + chunk(6, bytes(40)), "expected 168 floats"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_RECORDS)
def test_a_bad_record_among_many_is_named(tmp_path: Path, name: str) -> None:
    record, words = BAD_RECORDS[name]
    pairs = [(f"{place:05d}", raw_datum(IMAGES[place], place)) for place in range(30)]
    pairs[17] = ("00017", record)
    with pytest.raises(FileFormatError, match=words) as caught:
        read_image_set(write_lmdb(tmp_path / "bad_lmdb", pairs))
    assert "bad_lmdb" in str(caught.value)
    if "records of one kind" not in str(caught.value):
        assert "00017" in str(caught.value)


def test_a_float_that_is_no_pixel_is_named_by_its_key(tmp_path: Path) -> None:
    values = [image.astype(np.float32) for image in IMAGES]
    for wrong, words in ((np.nan, "finite numbers"), (0.5, "found 0.5"), (-7, "found -7")):
        values[9] = values[9].copy()
        values[9][0, 0, 0] = wrong
        pairs = [(f"{place:05d}", float_datum(value, 0)) for place, value in enumerate(values)]
        with pytest.raises(FileFormatError, match=rf"image 9 \(00009\): .*{words}"):
            read_image_set(write_lmdb(tmp_path, pairs))


def test_a_label_outside_the_classes_is_named_by_its_key(tmp_path: Path) -> None:
    folder = write_raw(tmp_path, IMAGES, [*CLASSES[:29], 10])
    assert len(read_image_set(folder, classes=11)) == 30
    with pytest.raises(FileFormatError, match=r"image 29 \(00029\): .*from 0 to 9, found 10"):
        read_image_set(folder, classes=10)


def test_an_empty_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected images, found none"):
        read_image_set(write_lmdb(tmp_path, []))


def test_other_databases_are_refused(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path / "named"), map_size=1 << 20, max_dbs=2) as environment:
        environment.open_db(b"inner")
    with pytest.raises(FileFormatError, match="behind 'inner', found a database within"):
        read_image_set(tmp_path / "named")
    data = bytearray((write_raw(tmp_path / "twice", IMAGES, CLASSES) / "data.mdb").read_bytes())
    for meta in (0, 4096):
        data[meta + 92] |= 4  # MDB_DUPSORT
    (tmp_path / "twice" / "data.mdb").write_bytes(data)
    with pytest.raises(FileFormatError, match="one value for each key"):
        read_image_set(tmp_path / "twice")


def test_files_that_are_no_lmdb_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.mdb"
    for data, words in (
        (b"", "cut short"),
        (b"short", "cut short"),
        (bytes(8192), "found bytes that begin with 0000"),
        (bytes(12) + b"\xde\xc0\xef\xbe" + bytes(8000), "found one of a 32-bit machine"),
        (bytes(16) + b"\xde\xc0\xef\xbe\x02" + bytes(8000), "an LMDB data file .version 1."),
        (bytes(16) + b"\xde\xc0\xef\xbe\x01" + bytes(8000), "pages of 256 to 65536 bytes, found 0"),
    ):
        path.write_bytes(data)
        with pytest.raises(FileFormatError, match=rf"data\.mdb: .*{words}"):
            read_image_set(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError):
        read_image_set(tmp_path)


def test_every_truncation_is_noticed_and_named(tmp_path: Path) -> None:
    images = some_images(40, 32, 32)  # long values lie on pages of their own
    data = (write_raw(tmp_path / "db", images, range(40)) / "data.mdb").read_bytes()
    path = tmp_path / "data.mdb"
    for length in range(0, len(data) - 4096, 1999):
        path.write_bytes(data[:length])
        with pytest.raises(
            FileFormatError, match=r"data\.mdb: .*cut short|data\.mdb: .*found none"
        ):
            read_image_set(path.parent)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FileFormatError, match=r"record '000\d\d' at byte \d+, found the file cut"):
        read_image_set(path.parent)


def test_a_tree_that_goes_in_circles_ends(tmp_path: Path) -> None:
    write_raw(tmp_path, some_images(300, 12, 12), range(300))
    path = tmp_path / "data.mdb"
    data = bytearray(path.read_bytes())
    pages = range(2, len(data) // 4096)
    (root,) = (page for page in pages if data[page * 4096 + 10] & 1)
    at = int.from_bytes(data[root * 4096 + 16 :][:2], "little")
    data[root * 4096 + at :][:6] = root.to_bytes(6, "little")
    data[root * 4096 + at : root * 4096 + at + 6] = root.to_bytes(6, "little")
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="expected a tree page"):
        read_image_set(tmp_path)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Pages of every kind: branches, leaves, long values."""
    folder = tmp_path_factory.mktemp("db")
    images = some_images(40, 30, 30)
    return (write_raw(folder, images, range(40), "{:0200d}") / "data.mdb").read_bytes()


EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 20), st.sampled_from([b"\0", b"\xff\xff", b"\x01", b"\x7f" * 8])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(edits=EDITS, headers=st.booleans())
def test_damaged_databases_are_read_or_refused(
    database: bytes, tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, bytes]],
    headers: bool,
) -> None:  # fmt: skip
    data = bytearray(database)
    for place, token in edits:
        page, offset = divmod(place, 4096)
        at = page % (len(data) // 4096) * 4096 + (offset % 200 if headers else offset)
        data[at : at + len(token)] = token
    path = tmp_path_factory.mktemp("damaged") / "data.mdb"
    path.write_bytes(data[: len(database)])
    found: ImageSet | None = None
    with contextlib.suppress(InputError):
        found = read_image_set(path.parent)
    assert found is None or found.images.shape == (40, 30, 30, 3)
