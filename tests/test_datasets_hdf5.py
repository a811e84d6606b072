"""HDF5 data sets and Caffe's lists of them: layouts, scales, and what is said of damage."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from image_files import planes as caffe_planes
from image_files import some_images
from qrig.datasets import read_image_set
from qrig.errors import FileFormatError
from qrig.networks.graph import Shape

IMAGES = some_images(12, 8, 7)
PLANES = caffe_planes(IMAGES)
CLASSES = np.arange(12) % 10


def write(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def test_uint8_planes_become_images(tmp_path: Path) -> None:
    path = write(tmp_path / "train.h5", data=PLANES, label=CLASSES)
    found = read_image_set(path)
    assert np.array_equal(found.images, IMAGES)
    assert found.images.flags.c_contiguous
    assert found.labels is not None
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == CLASSES.tolist()
    assert (found.name, found.channel_order, found.scale) == ("train.h5", "rgb", 1.0)
    some = read_image_set(path, limit=5)
    assert np.array_equal(some.images, IMAGES[[0, 2, 5, 8, 11]])
    assert some.labels is not None
    assert some.labels.tolist() == CLASSES[[0, 2, 5, 8, 11]].tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("divisor", [1, 255, 256])
def test_floats_are_pixels_by_a_scale(tmp_path: Path, dtype: Any, divisor: int) -> None:
    stored = (PLANES / divisor).astype(dtype)
    found = read_image_set(write(tmp_path / "a.h5", data=stored, label=CLASSES.astype(dtype)))
    assert np.array_equal(found.images, IMAGES)
    assert found.scale == pytest.approx(1 / divisor)
    back = found.images * found.scale
    assert np.abs(caffe_planes(back) - stored.astype(np.float64)).max() <= 5e-4
    assert found.labels is not None
    assert found.labels.tolist() == CLASSES.tolist()


def test_a_scale_is_found_where_the_first_images_leave_it_open(tmp_path: Path) -> None:
    images = np.zeros((40, 1, 300, 400), dtype=np.float32)  # more than one portion is read
    images[39] = np.float32(1 / 256)
    found = read_image_set(write(tmp_path / "a.h5", data=images))
    assert found.scale == 1 / 256
    assert (found.images[:39].max(), found.images[39].min()) == (0, 1)
    images[39] = 1.0  # black and white
    found = read_image_set(write(tmp_path / "a.h5", data=images))
    assert (found.scale, found.images[39].min()) == (1 / 255, 255)


def test_integers_of_any_width_are_pixels(tmp_path: Path) -> None:
    for dtype in ("i2", ">i4", "u8"):
        path = write(tmp_path / "a.h5", data=PLANES.astype(dtype), label=CLASSES.astype(dtype))
        assert np.array_equal(read_image_set(path).images, IMAGES)


def test_compressed_chunks_and_other_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("eyes", data=PLANES, chunks=(1, 3, 8, 7), compression="gzip")
        file.create_dataset("mood", data=CLASSES[:, np.newaxis])
    found = read_image_set(tmp_path / "a.h5", datasets=("eyes", "mood"))
    assert np.array_equal(found.images, IMAGES)
    assert found.labels is not None
    assert found.labels.tolist() == CLASSES.tolist()


def test_axes_in_other_orders(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    assert np.array_equal(read_image_set(write(path, data=IMAGES)).images, IMAGES)
    grey = read_image_set(write(path, data=IMAGES[..., 0]))
    assert np.array_equal(grey.images, IMAGES[..., :1])
    assert grey.channel_order == "gray"
    assert grey.labels is None
    flat = write(path, data=PLANES.reshape(12, -1))
    assert np.array_equal(read_image_set(flat, shape=Shape(8, 7, 3)).images, IMAGES)
    both = some_images(12, 3, 3)  # either axis could be the channels: Caffe's order
    write(path, data=caffe_planes(both))
    assert np.array_equal(read_image_set(path).images, both)
    assert np.array_equal(read_image_set(path, shape=Shape(3, 3, 3)).images, both)
    five = some_images(12, 8, 7, 5)
    assert np.array_equal(read_image_set(write(path, data=caffe_planes(five))).images, five)
    stored = read_image_set(write(path, data=five), shape=Shape(8, 7, 5))
    assert np.array_equal(stored.images, five)


def with_value(value: float, dtype: Any = np.float32) -> Any:
    planes = (PLANES / 255).astype(dtype)
    planes[7, 1, 2, 3] = value
    return planes


@pytest.mark.parametrize(
    ("datasets", "words"),
    [
        ({"data": with_value(np.nan), "label": CLASSES}, "data: image 7: expected finite"),
        ({"data": with_value(-np.inf), "label": CLASSES}, "data: image 7: expected finite"),
        ({"data": with_value(0.5), "label": CLASSES}, "data: image 7: .*found 0.5"),
        ({"data": with_value(1.5), "label": CLASSES}, "data: image 7: .*found 1.5"),
        ({"data": with_value(-0.2), "label": CLASSES}, "data: image 7: .*found -0.2"),
        ({"data": PLANES.astype("f4") - 120, "label": CLASSES}, "image 0: .*means and scales"),
        ({"data": PLANES.astype("i4") * 2}, "image 0: expected pixels 0...255"),
        ({"data": PLANES, "label": CLASSES[:9]}, "label: expected 12 labels, .*found a dataset"),
        ({"data": PLANES, "label": np.zeros((12, 2))}, r"label: expected 12 labels.*\(12, 2\)"),
        ({"data": PLANES, "label": CLASSES - 1}, "label: image 0: .*of 0 or more, found -1"),
        ({"data": PLANES, "label": CLASSES / 2}, "label: image 1: .*found 0.5"),
        ({"data": PLANES, "label": CLASSES * np.nan}, "label: image 0: .*found nan"),
        ({"data": PLANES, "label": [b"cat"] * 12}, "label: expected one number for each image"),
        ({"data": PLANES, "label": 3}, "label: expected 12 labels"),
        ({"data": [b"cat"] * 12}, "data: expected numbers that are pixels"),
        ({"data": 7}, r"data: expected images, found none \(\(\)\)"),
        ({"data": PLANES[:0]}, "data: expected images, found none"),
        ({"data": PLANES.reshape(12, -1)}, r"data: expected images \(n, channels, height"),
        ({"image": PLANES, "class": CLASSES}, "expected a dataset 'data' .*'class', 'image'"),
        ({}, "expected a dataset 'data' of images, found none"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, datasets: dict[str, Any], words: str) -> None:
    path = write(tmp_path / "bad.h5", **datasets)
    with pytest.raises(FileFormatError, match=rf"bad\.h5: .*{words}"):
        read_image_set(path)


def test_nothing_outside_the_file_is_read(tmp_path: Path) -> None:
    write(tmp_path / "other.h5", data=PLANES)
    (tmp_path / "raw").write_bytes(PLANES.tobytes())
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = h5py.ExternalLink("other.h5", "data")
    with pytest.raises(FileFormatError, match="expected a dataset, found a group or a link"):
        read_image_set(path)
    with h5py.File(path, "w") as file:
        outside = [(tmp_path / "raw", 0, PLANES.size)]
        file.create_dataset("data", PLANES.shape, np.uint8, external=outside)
    with pytest.raises(FileFormatError, match="kept in this file, found them elsewhere"):
        read_image_set(path)
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout(PLANES.shape, np.uint8)
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "data", PLANES.shape)
        file.create_virtual_dataset("data", layout)
    with pytest.raises(FileFormatError, match="kept in this file, found them elsewhere"):
        read_image_set(path)
    with h5py.File(path, "w") as file:
        file.create_group("data")
    with pytest.raises(FileFormatError, match="expected a dataset, found a group"):
        read_image_set(path)


def test_absurd_sizes_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (10**9, 3, 1000, 1000), np.uint8, chunks=(1, 3, 100, 100))
    with pytest.raises(FileFormatError, match="at most 10,000,000 images and 4,294,967,296 bytes"):
        read_image_set(tmp_path / "a.h5")
    assert len(read_image_set(tmp_path / "a.h5", limit=2)) == 2


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "whole.h5", data=PLANES, label=CLASSES).read_bytes()
    path = tmp_path / "cut.h5"
    for length in [*range(8, 2000, 97), len(data) // 2, len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"cut\.h5: .*damaged or cut short"):
            read_image_set(path)


def test_a_list_of_files_is_one_set(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    write(tmp_path / "parts" / "a.h5", data=PLANES[:5], label=CLASSES[:5])
    write(tmp_path / "parts" / "b.h5", data=PLANES[5:], label=CLASSES[5:])
    listed = tmp_path / "train.txt"
    listed.write_text("parts/a.h5\n\nparts/b.h5\r\n")
    found = read_image_set(listed)
    assert np.array_equal(found.images, IMAGES)
    assert found.name == "train"
    assert found.labels is not None
    assert found.labels.tolist() == CLASSES.tolist()
    spread = read_image_set(listed, limit=7)
    assert np.array_equal(spread.images, IMAGES[[0, 1, 3, 5, 7, 9, 11]])
    assert spread.record(3) == "image 5"
    assert np.array_equal(read_image_set(listed, limit=1).images, IMAGES[:1])
    assert len(read_image_set(listed, limit=13)) == 12
    listed.write_text("/a.h5\nb.h5\n")  # a root goes in front of every path, as in Caffe
    assert len(read_image_set(listed, root=tmp_path / "parts")) == 12


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"data": PLANES[:, :, :6], "label": CLASSES}, "line 2: .*of 8x7x3 as in a.h5.*6x7x3"),
        ({"data": PLANES}, "line 2: .*with labels if that has them"),
        (
            {"data": PLANES / 255, "label": CLASSES},
            "line 2: .*the scale 1 as in a.h5, found 0.0039",
        ),
        ({"data": PLANES * np.nan, "label": CLASSES}, r"line 2: .*b\.h5: data: image 0: .*NaN"),
        (None, r"line 2: .*b\.h5: expected an HDF5 file"),
    ],
)
def test_a_list_of_files_that_differ_names_the_line(
    tmp_path: Path, other: dict[str, Any] | None, words: str
) -> None:
    write(tmp_path / "a.h5", data=PLANES, label=CLASSES)
    if other is not None:
        write(tmp_path / "b.h5", **other)
    (tmp_path / "list.txt").write_text("a.h5\nb.h5\n")
    with pytest.raises(FileFormatError, match=rf"list\.txt: {words}"):
        read_image_set(tmp_path / "list.txt")
