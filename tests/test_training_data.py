"""What a net is fed with in training: its own sources, given images, their order, their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image

from qrig.cli import main
from qrig.datasets.augment import Augmentation
from qrig.datasets.image_set import ImageSet
from qrig.datasets.padding import padded
from qrig.errors import InputError, UsageError
from qrig.networks.caffe.prototxt import Definition, definition_of
from qrig.networks.caffe.rules import TEST, TRAIN, layers_of_phase
from qrig.networks.caffe.schema import message
from qrig.networks.graph import Shape

pytest.importorskip("torch", reason="PyTorch is not installed")

from qrig.training.arrays import read_arrays
from qrig.training.data_layers import Given, feeds_of
from qrig.training.feeds import Feed, ImageFeed
from qrig.training.order import Order
from training_files import BODY, DATA, records, write_net, write_records, write_solver


def definition(folder: Path, text: str) -> Definition:
    net = text_format.Parse(text, message("NetParameter")())
    return definition_of(folder / "net.prototxt", net)


def feed(folder: Path, text: str, *, testing: bool = False, **given: Any) -> Feed:
    """Return the one feed of the data layers in `text`."""
    net = definition(folder, text)
    layers = layers_of_phase(net, TEST if testing else TRAIN)
    (found,) = feeds_of(net, layers, testing, Given(**given), 1)
    return found


def first(found: Feed, number: int = 0) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in found.batch(number).items()}


SMALL = Shape(4, 5, 1)


def image_set(count: int = 10, shape: Shape = SMALL, **fields: Any) -> ImageSet:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
    order = "gray" if shape.c == 1 else "rgb"
    return ImageSet("images", images, np.arange(count) % 3, order, **fields)


MEMORY = """
layer { name: "d" type: "MemoryData" top: "data" top: "label" %s
  memory_data_param { batch_size: 3 channels: 1 height: 4 width: 5 } }
"""


def test_records_follow_each_other_and_begin_anew() -> None:
    order = Order(5, 3, seed=0)
    assert [list(order.indices(n)) for n in range(4)] == [
        [0, 1, 2],
        [3, 4, 0],
        [1, 2, 3],
        [4, 0, 1],
    ]
    assert list(Order(2, 5, seed=0, skip=1).indices(1)) == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("batch", [3, 5, 17])
def test_shuffled_records_come_once_in_every_pass(batch: int) -> None:
    order = Order(7, batch, seed=1, shuffle=True)
    found = np.concatenate([order.indices(n) for n in range(14)])
    passes = found[: len(found) // 7 * 7].reshape(-1, 7)
    assert all(sorted(one) == list(range(7)) for one in passes.tolist())
    assert len({tuple(one) for one in passes.tolist()}) > 1
    again = Order(7, batch, seed=1, shuffle=True)  # from the middle, as after a resumption
    assert np.array_equal(again.indices(9), found[9 * batch : 10 * batch])


def test_given_images_feed_any_layer_and_are_transformed(tmp_path: Path) -> None:
    images = image_set()
    rest = "transform_param { scale: 0.5 mean_value: 10 }"
    found = first(feed(tmp_path, MEMORY % rest, images=images), 1)
    wanted = (images.images[3:6].astype(np.float32) - 10) * 0.5
    assert np.array_equal(found["data"], wanted.transpose(0, 3, 1, 2))
    assert found["label"].tolist() == [0, 1, 2]


INPUT = """
layer { name: "d" type: "Input" top: "data" input_param { shape { dim: 2 dim: 1 dim: 4 dim: 5 } } }
layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 2 } } }
"""


@pytest.mark.parametrize(
    "text",
    [
        INPUT,
        'input: "data" input: "label" input_dim: [2, 1, 4, 5, 2, 1, 1, 1] layer { name: "x" type: '
        '"Silence" bottom: "data" }',
        'layer { name: "d" type: "DummyData" top: "data" top: "label" '
        "dummy_data_param { num: 2 } }",
    ],
)
def test_inputs_without_a_source_take_given_images(text: str, tmp_path: Path) -> None:
    found = first(feed(tmp_path, text, images=image_set()))
    assert found["data"].shape == (2, 1, 4, 5)
    assert found["label"].tolist() == [0, 1]
    with pytest.raises(UsageError, match=r"expected data for .*; give --data"):
        feed(tmp_path, text)
    with pytest.raises(UsageError, match="give --test-data"):
        feed(tmp_path, text, testing=True)


def test_small_images_are_put_amid_zeros() -> None:
    images = image_set(2)
    found = padded(images, Shape(7, 7, 1)).images
    assert np.array_equal(found[:, 1:5, 1:6], images.images)
    assert found.sum() == images.images.sum()
    assert padded(images, images.shape) is images
    for shape in (Shape(3, 9, 1), Shape(9, 9, 3)):
        with pytest.raises(UsageError, match="expected images that fit into"):
            padded(images, shape)


def test_a_shape_the_layer_declares_is_kept(tmp_path: Path) -> None:
    small = image_set(shape=Shape(3, 3, 1))
    with pytest.raises(UsageError, match="give --input-shape 4x5x1"):
        feed(tmp_path, MEMORY % "", images=small)
    found = first(feed(tmp_path, MEMORY % "", images=small, input_shape=Shape(4, 5, 1)))
    assert found["data"].shape == (3, 1, 4, 5)


def lmdb_of(folder: Path, images: Any, labels: Any) -> None:
    lmdb = pytest.importorskip("lmdb", reason="the lmdb package is not installed")
    with lmdb.open(str(folder), map_size=1 << 24) as database, database.begin(write=True) as to:
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            h, w, c = image.shape
            datum = message("Datum")(channels=c, height=h, width=w, label=int(label))
            datum.data = image.transpose(2, 0, 1).tobytes()
            to.put(f"{index:08d}".encode(), datum.SerializeToString())


LMDB = """
layer { name: "d" type: "Data" top: "data" top: "label" transform_param { %s }
  data_param { source: "db" batch_size: 4 backend: LMDB } }
"""


def test_a_data_layer_reads_its_database(tmp_path: Path) -> None:
    images = image_set(shape=Shape(5, 5, 3))
    lmdb_of(tmp_path / "db", images.images, images.labels)
    found = first(feed(tmp_path, LMDB % "mean_value: 1 mean_value: 2 mean_value: 3"), 1)
    wanted = images.images[4:8].astype(np.float32) - np.array([1, 2, 3], dtype=np.float32)
    assert np.array_equal(found["data"], wanted.transpose(0, 3, 1, 2))
    assert found["label"].tolist() == [1, 2, 0, 1]


def test_a_mean_image_is_subtracted_where_the_crop_is(tmp_path: Path) -> None:
    images = image_set(shape=Shape(6, 6, 1))
    lmdb_of(tmp_path / "db", images.images, images.labels)
    mean = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6)
    blob = message("BlobProto")(num=1, channels=1, height=6, width=6, data=mean.ravel())
    text = LMDB % 'crop_size: 4 mean_file: "means/mean.binaryproto"'
    with pytest.raises(InputError, match=r"expected the mean file .* found none; give --mean"):
        feed(tmp_path, text)
    (tmp_path / "mean.binaryproto").write_bytes(blob.SerializeToString())
    found = first(feed(tmp_path, text, testing=True))["data"]
    centred = (images.images[:4, :, :, 0] - mean[0])[:, 1:5, 1:5]
    assert np.array_equal(found[:, 0], centred)
    tried = feed(tmp_path, text)
    crops = [(images.images[:4, :, :, 0] - mean[0])[:, y : y + 4, x : x + 4]
             for y in range(3) for x in range(3)]  # fmt: skip
    one = first(tried)["data"]
    assert all(any(np.array_equal(one[i, 0], crop[i]) for crop in crops) for i in range(4))
    assert np.array_equal(first(tried)["data"], one)
    given = first(feed(tmp_path, text, testing=True, mean=np.array([7], dtype=np.float32)))["data"]
    assert np.array_equal(given[:, 0], images.images[:4, 1:5, 1:5, 0] - np.float32(7))


def test_image_data_is_blue_green_red_and_shuffled_if_asked(tmp_path: Path) -> None:
    lines = []
    for index in range(6):
        pixels = np.zeros((4, 4, 3), dtype=np.uint8)
        pixels[..., 0] = 10 + index
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png {index}")
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n")
    text = (
        'layer { name: "d" type: "ImageData" top: "data" top: "label" image_data_param { '
        'source: "list.txt" batch_size: 6 %s } }'
    )
    found = first(feed(tmp_path, text % ""))
    assert found["label"].tolist() == list(range(6))
    assert found["data"][:, 2, 0, 0].tolist() == [10 + n for n in range(6)]  # red comes last
    assert not found["data"][:, :2].any()
    shuffled = first(feed(tmp_path, text % "shuffle: true"))
    assert sorted(shuffled["label"].tolist()) == list(range(6))
    assert shuffled["data"][:, 2, 0, 0].tolist() == [10 + n for n in shuffled["label"]]
    resized = first(feed(tmp_path, text % "new_height: 2 new_width: 3 is_color: false"))
    assert resized["data"].shape == (6, 1, 2, 3)
    with pytest.raises(InputError, match="both new_height and new_width"):
        feed(tmp_path, text % "new_height: 2")


def test_rand_skip_passes_over_some_records(tmp_path: Path) -> None:
    images = image_set(shape=Shape(4, 4, 1))
    lmdb_of(tmp_path / "db", images.images, images.labels)
    found = feed(tmp_path, (LMDB % "").replace("backend", "rand_skip: 9 backend"))
    assert isinstance(found, ImageFeed)
    assert 0 <= found.order.skip < 9


def test_hdf5_numbers_come_as_they_are(tmp_path: Path) -> None:
    write_records(tmp_path)
    values, labels = records()
    found = first(feed(tmp_path, DATA), 4)
    assert np.array_equal(found["data"], values[32:])
    assert found["label"].tolist() == labels[32:].tolist()
    with pytest.raises(InputError, match="expected no transform_param"):
        feed(tmp_path, DATA.replace("hdf5_data_param", "transform_param { } hdf5_data_param"))


def test_hdf5_numbers_are_not_varied(tmp_path: Path) -> None:
    write_records(tmp_path)
    options: tuple[dict[str, Any], ...] = (
        {"augmentation": Augmentation()},
        {"mean": np.ones(1, dtype=np.float32)},
        {"input_shape": Shape(12, 12, 2)},
    )
    for given in options:
        with pytest.raises(UsageError, match="with HDF5Data, whose numbers are taken as they are"):
            feed(tmp_path, DATA, **given)
    assert feed(tmp_path, DATA, testing=True, augmentation=Augmentation())


def test_the_labels_of_a_copy_are_checked_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values, labels = records()
    labels[9] = 7
    spoiled(tmp_path, "records", data=values, label=labels)
    split = 'layer { name: "s" type: "Split" bottom: "label" top: "x" top: "y" }'
    net = write_net(tmp_path, split + BODY)
    net.write_text(
        net.read_text().replace('bottom: "label" top: "loss"', 'bottom: "x" top: "loss"')
    )
    assert "record 9 of 'label'" in refused(capsys, "--solver", write_solver(tmp_path))


def test_hdf5_files_of_a_list_are_joined(tmp_path: Path) -> None:
    write_records(tmp_path, "one", seed=1, count=3)
    write_records(tmp_path, "two", seed=2, count=4)
    (tmp_path / "both.txt").write_text("one.h5\n\ntwo.h5\n")
    found = read_arrays(tmp_path / "both.txt", ("data", "label"))
    assert np.array_equal(found["data"], np.concatenate([records(1, 3)[0], records(2, 4)[0]]))


def spoiled(folder: Path, name: str, **members: Any) -> Path:
    with h5py.File(folder / f"{name}.h5", "w") as file:
        for member, value in members.items():
            file[member] = value
    (folder / f"{name}.txt").write_text(f"{name}.h5\n")
    return folder / f"{name}.txt"


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no labels": ({"data": np.ones((2, 3))}, "expected a dataset 'label' of numbers"),
    "text": ({"data": np.ones((2, 3)), "label": b"x"}, "expected a dataset 'label' of numbers"),
    "counts": ({"data": np.ones((2, 3)), "label": np.ones(3)}, "as many records in every dataset"),
    "none": ({"data": np.ones((0, 3)), "label": np.ones(0)}, "at least one"),
    "not a number": ({"data": np.full((2, 3), np.nan), "label": np.ones(2)}, "finite numbers"),
    "elsewhere": (
        {"data": h5py.ExternalLink("other.h5", "/x"), "label": np.ones(2)},
        "expected a dataset 'data' of numbers",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_hdf5_data_is_named(case: str, tmp_path: Path) -> None:
    members, expected = BROKEN[case]
    path = spoiled(tmp_path, "bad", **members)
    with pytest.raises(InputError) as caught:
        read_arrays(path, ("data", "label"))
    assert expected in str(caught.value)
    assert "bad.h5" in str(caught.value)


def test_lists_and_files_that_are_none_are_named(tmp_path: Path) -> None:
    path = write_records(tmp_path)
    file = tmp_path / "records.h5"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(InputError, match=r"records\.h5: expected an HDF5 file"):
        read_arrays(path, ("data", "label"))
    path.write_text("nowhere.h5\n")
    with pytest.raises(InputError, match=r"expected the HDF5 file 'nowhere\.h5'"):
        read_arrays(path, ("data",))
    path.write_text(" \n")
    with pytest.raises(InputError, match="a list of 1 to"):
        read_arrays(path, ("data",))


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["train", "--threads", "1", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_a_label_out_of_range_names_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_net(tmp_path)
    solver = write_solver(tmp_path)
    values, labels = records()
    for wrong in (4.0, -1.0, 1.5):
        bad = labels.astype(np.float32)
        bad[17] = wrong
        spoiled(tmp_path, "records", data=values, label=bad)
        error = refused(capsys, "--solver", solver)
        assert f"record 17 of 'label': expected a label from 0 to 3, found {wrong:g}" in error
    write_records(tmp_path)
    np.savez(
        tmp_path / "images.npz", data=np.zeros((9, 9, 9, 2), np.uint8), label=[0] * 5 + [4] * 4
    )
    error = refused(capsys, "--solver", solver, "--data", tmp_path / "images.npz")
    assert "image 5: expected a label from 0 to 3, found 4" in error


def test_an_ignored_label_may_be_anything(tmp_path: Path) -> None:
    values, labels = records()
    labels[3] = 255
    spoiled(tmp_path, "records", data=values, label=labels)
    net = write_net(tmp_path)
    text = net.read_text().replace('type: "SoftmaxWithLoss"', "%s loss_param { ignore_label: 255 }")
    net.write_text(text % 'type: "SoftmaxWithLoss"')
    assert (
        main(["train", "--threads", "1", "--solver", str(write_solver(tmp_path, max_iter=2))]) == 0
    )


def test_data_that_is_nowhere_or_does_not_fit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_net(tmp_path)
    solver = write_solver(tmp_path)
    error = refused(capsys, "--solver", solver)
    assert "expected the data 'records.txt'" in error
    assert "net.prototxt:3: layer 'd'" in error
    assert "no-such-data" in refused(capsys, "--solver", solver, "--data", "no-such-data")
    np.savez(tmp_path / "few.npz", data=np.zeros((3, 9, 9, 2), np.uint8))
    assert "without labels" in refused(capsys, "--solver", solver, "--data", tmp_path / "few.npz")
    write_net(tmp_path, data=DATA.replace("batch_size: 8", ""))
    write_records(tmp_path)
    assert "expected a batch_size of 1" in refused(capsys, "--solver", solver)
    write_net(tmp_path, data="")
    assert "expected a data layer with tops in phase TRAIN" in refused(capsys, "--solver", solver)


def test_given_data_train_and_test_through_the_command(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for name in ("train", "test"):
        labels = rng.integers(0, 4, 24)
        images = rng.integers(0, 60, (24, 9, 9, 2), dtype=np.uint8)
        images += (labels * 40).astype(np.uint8)[:, None, None, None]
        np.savez(tmp_path / f"{name}.npz", data=images, label=labels)
    data = DATA.replace("HDF5Data", "Data").replace("hdf5_data_param", "data_param")
    write_net(tmp_path, BODY, data.replace('source: "records.txt"', 'source: "nowhere"'))
    solver = write_solver(tmp_path, "test_iter: 3 test_interval: 10", base_lr=0.0001, max_iter=10)
    words = ["train", "--threads", "1", "--solver", str(solver), "--mean", "90"]
    words += ["--data", str(tmp_path / "train.npz"), "--test-data", str(tmp_path / "test.npz")]
    assert main([*words, "--out", str(tmp_path / "o")]) == 0
    assert (tmp_path / "o" / "solver_iter_10.caffemodel").is_file()
